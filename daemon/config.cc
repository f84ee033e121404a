#include "daemon/config.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "api/image_reference.h"
#include "api/resource_limits.h"
#include "base/file.h"
#include "daemon/config_readers.h"
#include "daemon/pool/memory.h"
#include "engines/registry.h"
#include "storage/geometry.h"

namespace spawnd::daemon {
namespace {

using config::Bad;
using config::Count;
using config::Duration;
using config::IsAddress;
using config::IsOrNothing;
using config::Key;
using config::Kind;
using config::ParseNumber;
using config::Place;
using config::ReadMap;
using config::SizeIn;
using config::Text;
using config::Texts;

/// ext4 and an engine's first files need some room.
constexpr uint64_t kMinVolumeBytes = uint64_t{256} << 20U;
constexpr uint16_t kFirstUnprivilegedPort = 1024;
constexpr size_t kMostOfAQuota = 1'000'000;

Result<void> ReadPortRange(const Place& place, Config& config) {
  TRY_ASSIGN(const std::string text, Text(place));
  const size_t dash = text.find('-');
  if (dash == std::string::npos || !ParseNumber(std::string_view(text).substr(0, dash), config.first_port) ||
      !ParseNumber(std::string_view(text).substr(dash + 1), config.last_port) ||
      config.first_port < kFirstUnprivilegedPort || config.first_port > config.last_port) {
    return Bad(place, "a range of ports from 1024 to 65535, such as 20000-29999");
  }
  return {};
}

Result<void> ReadUserRange(const Place& place, Config& config) {
  constexpr uint32_t kFirst = 65'536;        // below are the machine's own users, and nobody
  constexpr uint32_t kLast = 4'294'967'293;  // the two above it mean "nobody" and "as it is"
  constexpr uint32_t kNumbers = 65'536;      // one for each port that there can be
  TRY_ASSIGN(const std::string text, Text(place));
  const size_t dash = text.find('-');
  if (dash == std::string::npos || !ParseNumber(std::string_view(text).substr(0, dash), config.first_user) ||
      !ParseNumber(std::string_view(text).substr(dash + 1), config.last_user) || config.first_user < kFirst ||
      config.last_user > kLast || config.first_user > config.last_user ||
      config.last_user - config.first_user + 1 != kNumbers) {
    return Bad(place, "a range of 65536 user numbers from 65536 on, such as 1879048192-1879113727");
  }
  return {};
}

Result<void> ReadVolumeSize(const Place& place, Config& config) {
  TRY_ASSIGN(const std::string text, Text(place));
  // A mebibyte is a multiple of every unit of the store, so that only the bounds need a look.
  const auto bytes = SizeIn(text, storage::kMaxVolumeBytes);
  if (!bytes || *bytes < kMinVolumeBytes) return Bad(place, "a size from 256MiB to 8TiB, such as 64GiB");
  config.volume_bytes = *bytes;
  return {};
}

constexpr size_t kMostAddresses = 8;
constexpr int64_t kMostWarm = 1000;

/// "host" has one, "listen" has all.
Result<void> ReadListen(const Place& place, Config& config) {
  TRY_ASSIGN(const std::vector<std::string> addresses, Texts(place));
  if (addresses.empty() || addresses.size() > kMostAddresses ||
      !std::all_of(addresses.begin(), addresses.end(), IsAddress)) {
    return Bad(place, fmt::format("one to {} numeric addresses, such as [127.0.0.1, '::1', 172.17.0.1]",
                                  kMostAddresses));
  }
  config.host = addresses.front();
  config.also_listen.assign(addresses.begin() + 1, addresses.end());
  const std::set<std::string> different(addresses.begin(), addresses.end());
  if (different.size() != addresses.size()) return Bad(place, "addresses, each of them once");
  return {};
}

Result<void> ReadHost(const Place& place, Config& config) {
  if (place.node.kind != Kind::kText) return Bad(place, "one numeric address; 'listen' takes several");
  return ReadListen(place, config);
}

Result<void> ReadReadyMemory(const Place& place, ReadyAhead& ready) {
  TRY_ASSIGN(const std::string text, Text(place));
  const auto bytes = SizeIn(text, std::numeric_limits<int64_t>::max());
  if (!bytes || *bytes == 0) return Bad(place, "a size such as 2GiB");
  ready.memory_bytes = *bytes;
  return {};
}

void AddKeysOfReadyAhead(std::vector<Key>& keys, ReadyAhead& ready) {
  keys.push_back({"defaultWarm", [&ready](const Place& place) -> Result<void> {
                    TRY_ASSIGN(ready.default_warm, Count(place, kMostWarm));
                    return {};
                  }});
  keys.push_back({"readyMemory", [&ready](const Place& place) { return ReadReadyMemory(place, ready); }});
  keys.push_back({"sleepAfter", [&ready](const Place& place) -> Result<void> {
                    TRY_ASSIGN(ready.sleep_after, Duration(place));
                    return {};
                  }});
}

/// A name or an address: it ends up in URLs and in certificates.
Result<void> ReadAdvertisedHost(const Place& place, Config& config) {
  constexpr size_t kLongestName = 253;
  TRY_ASSIGN(config.advertised_host, Text(place));
  const std::string& name = config.advertised_host;
  const auto is_allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':';
  };
  in6_addr address{};
  const bool is_address_or_name =
      name.find(':') == std::string::npos || ::inet_pton(AF_INET6, name.c_str(), &address) == 1;
  if (name.empty() || name.size() > kLongestName || name.front() == '-' || !is_address_or_name ||
      !std::all_of(name.begin(), name.end(), is_allowed)) {
    return Bad(place, "a name or an address by which clients reach this machine, such as db.example.org");
  }
  return {};
}

Result<void> ReadNetwork(const Place& place, Config& config) {
  TRY_ASSIGN(const std::string text, Text(place));
  config.host_network = text == "host";
  if (text == "host" || text == "none") return {};
  return Bad(place, "none or host");
}

/// One key of `limits:`. `parse` says itself what is wrong with a text.
template <typename Number>
Key Limit(std::string_view name, Result<Number> (*parse)(std::string_view), std::optional<Number>& limit) {
  return {name, [parse, &limit](const Place& place) -> Result<void> {
            TRY_ASSIGN(const std::string text, Text(place));
            auto number = parse(text);
            if (!number)
              return place.file.Bad(place.node.line,
                                    fmt::format("'{}': {}", place.key, number.error().message));
            limit = *number;
            return {};
          }};
}

Result<void> ReadLimits(const Place& place, Config& config) {
  api::Limits& limits = config.limits;
  const std::array<Key, 5> keys{{
      Limit("memory", api::ParseMemory, limits.memory_bytes),
      Limit("cpus", api::ParseCpus, limits.cpus),
      Limit("pids", api::ParsePids, limits.pids),
      Limit("cpuWeight", api::ParseWeight, limits.cpu_weight),
      Limit("ioWeight", api::ParseWeight, limits.io_weight),
  }};
  return ReadMap(place, keys);
}

Result<void> ReadPercent(const Place& place, int& percent) {
  TRY_ASSIGN(const std::string text, Text(place));
  if (!ParseNumber(text, percent) || percent < 1 || percent > 100)
    return Bad(place, "a number from 1 to 100");
  return {};
}

Result<void> ReadSearchPaths(const Place& place, Config& config) {
  TRY_ASSIGN(config.engine_search_paths, Texts(place));
  for (const std::string& path : config.engine_search_paths) {
    if (!path.starts_with('/')) return Bad(place, "a list of absolute paths");
  }
  return {};
}

Result<std::string> EngineName(const Place& place, const yaml::Node& node) {
  const auto engine = engines::FindEngine(node.text);
  if (!engine)
    return place.file.Bad(node.line, fmt::format("in '{}': {}", place.key, engine.error().message));
  return std::string((*engine)->Name());
}

Result<void> ReadFallbacks(const Place& place, Config& config) {
  if (!IsOrNothing(place, Kind::kMap))
    return Bad(place, "a map of an engine to the one that stands in for it");
  for (const auto& [key, value] : place.node.entries) {
    TRY_ASSIGN(const std::string missing, EngineName(place, key));
    TRY_ASSIGN(const std::string other, EngineName(place, value));
    const auto relatives = (*engines::FindEngine(missing))->Relatives();
    if (std::find(relatives.begin(), relatives.end(), other) == relatives.end()) {
      return place.file.Bad(value.line,
                            fmt::format("in '{}': '{}' cannot stand in for '{}'", place.key, other, missing));
    }
    config.engine_fallbacks[missing] = other;
  }
  return {};
}

/// The keys of a team.
std::vector<Key> KeysOfTeam(Team& team) {
  const auto into = [](std::vector<std::string>& names) {
    return [&names](const Place& list) -> Result<void> {
      TRY_ASSIGN(names, Texts(list));
      return {};
    };
  };
  return {{"users", into(team.users)}, {"groups", into(team.groups)}};
}

Result<void> ReadTeams(const Place& place, Config& config) {
  if (!IsOrNothing(place, Kind::kMap)) return Bad(place, "a map of team names");
  for (const auto& [key, value] : place.node.entries) {
    const std::string& name = key.text;
    if (name.empty()) return place.file.Bad(key.line, "a team needs a name");
    if (const auto valid = api::ValidateTeam(name); !valid) {
      return place.file.Bad(key.line, valid.error().message + ": " + valid.error().hint);
    }
    Team team;
    TRY(ReadMap({value, place.file, place.key + "." + name}, KeysOfTeam(team)));
    if (!config.teams.emplace(name, std::move(team)).second) {
      return place.file.Bad(key.line, fmt::format("team '{}' is there twice", name));
    }
  }
  return {};
}

Result<void> ReadPublishers(const Place& place, Config& config) {
  std::vector<Key> keys = KeysOfTeam(config.publishers.named);
  keys.push_back({"teams", [&config](const Place& list) -> Result<void> {
                    TRY_ASSIGN(config.publishers.teams, Texts(list));
                    return {};
                  }});
  return ReadMap(place, keys);
}

Result<void> ReadCount(const Place& place, size_t& count) {
  TRY_ASSIGN(const std::string text, Text(place));
  if (!ParseNumber(text, count) || count > kMostOfAQuota)
    return Bad(place, fmt::format("a number from 0 (no limit) to {}", kMostOfAQuota));
  return {};
}

Result<void> ReadDiskQuota(const Place& place, uint64_t& bytes) {
  TRY_ASSIGN(const std::string text, Text(place));
  const auto size = text == "0" ? 0 : SizeIn(text, std::numeric_limits<int64_t>::max());
  if (!size) return Bad(place, "0 (no limit), or a size such as 200GiB");
  bytes = *size;
  return {};
}

std::vector<Key> KeysOfLimits(UserLimits& limits) {
  return {{"connections", [&](const Place& place) { return ReadCount(place, limits.connections); }},
          {"builds", [&](const Place& place) { return ReadCount(place, limits.builds); }},
          {"launches", [&](const Place& place) { return ReadCount(place, limits.launches); }},
          {"containers", [&](const Place& place) { return ReadCount(place, limits.containers); }},
          {"disk", [&](const Place& place) { return ReadDiskQuota(place, limits.disk_bytes); }}};
}

/// Whose quotas differ from everybody's, each with those that do.
Result<void> ReadQuotasOfUsers(const Place& place, QuotaSettings& quotas) {
  if (!IsOrNothing(place, Kind::kMap)) return Bad(place, "a map of user names");
  for (const auto& [key, value] : place.node.entries) {
    const auto [user, is_new] = quotas.users.emplace(key.text, quotas.everybody);
    if (!is_new) return place.file.Bad(key.line, fmt::format("user '{}' is there twice", key.text));
    TRY(ReadMap({value, place.file, place.key + "." + key.text}, KeysOfLimits(user->second)));
  }
  return {};
}

Result<void> ReadQuotas(const Place& place, Config& config) {
  QuotaSettings& quotas = config.quotas;
  std::vector<Key> keys = KeysOfLimits(quotas.everybody);
  // Theirs begin with what everybody has, wherever in the map that stands.
  std::optional<Place> users;
  keys.push_back({"users", [&users](const Place& place_of_users) -> Result<void> {
                    users.emplace(place_of_users);
                    return {};
                  }});
  TRY(ReadMap(place, keys));
  return users ? ReadQuotasOfUsers(*users, quotas) : Result<void>();
}

Result<void> ReadUsualPlaces(const Place& place, Config& config) {
  const std::string& text = place.node.text;
  config.engine_usual_places = text == "true";
  if (text == "true" || text == "false") return {};
  return Bad(place, "true or false");
}

Result<void> ReadLicence(const Place& place, Config& config, std::string_view key) {
  const std::string& text = place.node.text;
  if (text == "true") config.accepted_licences.emplace(key);
  if (text == "true" || text == "false") return {};
  return Bad(place, "true, if you accept the licence, or false");
}

Result<void> ReadWebhookFilter(const Place& place, WebhookSetting& hook) {
  if (!IsOrNothing(place, Kind::kMap)) return Bad(place, "a map, such as {event: [failed, deleted]}");
  for (const auto& [key, value] : place.node.entries) {
    TRY_ASSIGN(const auto values, Texts({value, place.file, place.key + "." + key.text}));
    for (const std::string& text : values) hook.filter.emplace_back(key.text, text);
  }
  return {};
}

std::vector<Key> KeysOfWebhook(WebhookSetting& hook) {
  const auto into = [](std::string& text) {
    return [&text](const Place& value) -> Result<void> {
      TRY_ASSIGN(text, Text(value));
      return {};
    };
  };
  return {{"name", into(hook.name)},
          {"url", into(hook.url)},
          {"secret", into(hook.secret)},
          {"secretFile", into(hook.secret_file)},
          {"caFile", into(hook.ca_file)},
          {"filter", [&hook](const Place& filter) { return ReadWebhookFilter(filter, hook); }}};
}

Result<void> ReadWebhook(const Place& place, WebhookSetting& hook) {
  TRY(ReadMap(place, KeysOfWebhook(hook)));
  auto checked = CheckWebhook(hook);
  if (checked) return checked;
  return place.file.Bad(place.node.line, fmt::format("in '{}': {}", place.key, checked.error().message));
}

Result<void> ReadWebhooks(const Place& place, Config& config) {
  if (!IsOrNothing(place, Kind::kList)) return Bad(place, "a list of webhooks");
  if (place.node.items.size() > kMaxWebhooks)
    return Bad(place, fmt::format("at most {} webhooks", kMaxWebhooks));
  for (const yaml::Node& item : place.node.items) {
    WebhookSetting hook;
    TRY(ReadWebhook({item, place.file, place.key}, hook));
    const auto is_same = [&hook](const WebhookSetting& other) { return other.name == hook.name; };
    if (std::any_of(config.webhooks.begin(), config.webhooks.end(), is_same))
      return place.file.Bad(item.line,
                            fmt::format("webhook '{}' is there twice: give each a name", hook.name));
    config.webhooks.push_back(std::move(hook));
  }
  return {};
}

/// What no key can say alone.
Result<void> CheckTogether(const Config& config, const yaml::File& file) {
  for (const std::string& team : config.publishers.teams) {
    if (config.teams.contains(team)) continue;
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: 'publishers' names team '{}', which 'teams' does not have", file.name, team));
  }
  if (config.disk_warn_percent > config.disk_refuse_percent) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: diskWarnPercent ({}) is above diskRefusePercent ({})", file.name,
                            config.disk_warn_percent, config.disk_refuse_percent));
  }
  return {};
}

Result<Config> Read(const yaml::Node& document, const yaml::File& file) {
  Config config;
  const auto with = [&config](Result<void> (*read)(const Place&, Config&)) {
    return [&config, read](const Place& place) { return read(place, config); };
  };
  std::vector<Key> keys{
      {"engineSearchPaths", with(ReadSearchPaths)},
      {"engineUsualPlaces", with(ReadUsualPlaces)},
      {"engineFallbacks", with(ReadFallbacks)},
      {"portRange", with(ReadPortRange)},
      {"engineUser",
       [&config](const Place& place) -> Result<void> {
         TRY_ASSIGN(config.engine_user, Text(place));
         return {};
       }},
      {"userRange", with(ReadUserRange)},
      {"volumeSize", with(ReadVolumeSize)},
      {"host", with(ReadHost)},
      {"listen", with(ReadListen)},
      {"advertiseHost", with(ReadAdvertisedHost)},
      {"limits", with(ReadLimits)},
      {"network", with(ReadNetwork)},
      {"diskWarnPercent",
       [&config](const Place& place) { return ReadPercent(place, config.disk_warn_percent); }},
      {"diskRefusePercent",
       [&config](const Place& place) { return ReadPercent(place, config.disk_refuse_percent); }},
      {"teams", with(ReadTeams)},
      {"publishers", with(ReadPublishers)},
      {"imports", [&config](const Place& place) { return ReadMap(place, KeysOfTeam(config.importers)); }},
      {"requireMasked",
       [&config](const Place& place) {
         return place.file.Truth(place.node, "requireMasked", "With true, teams get masked images alone.",
                                 config.require_masked);
       }},
      {"quotas", with(ReadQuotas)},
      {"webhooks", with(ReadWebhooks)},
  };
  AddKeysOfReadyAhead(keys, config.ready_ahead);
  for (const engines::Engine* engine : engines::AllEngines()) {
    const std::string_view licence = engine->LicenceKey();
    if (licence.empty()) continue;
    keys.push_back(
        {licence, [&config, licence](const Place& place) { return ReadLicence(place, config, licence); }});
  }
  TRY(ReadMap({document, file, ""}, keys));
  TRY(CheckTogether(config, file));
  return config;
}

}  // namespace

api::Limits BuiltInLimits() {
  // Nothing that a user runs comes near it by intention, and everything that runs away does.
  struct sysinfo machine {};
  const bool known = ::sysinfo(&machine) == 0;
  const uint64_t memory = known ? uint64_t{machine.totalram} * machine.mem_unit : 0;
  return {.memory_bytes = static_cast<int64_t>(memory / 4 * 3),
          .cpus = 0,
          .pids = 4096,
          .cpu_weight = 100,
          .io_weight = 100};
}

int64_t ReadyMemoryOf(const ReadyAhead& ready) {
  constexpr int64_t kPart = 8;
  if (ready.memory_bytes > 0) return static_cast<int64_t>(ready.memory_bytes);
  return static_cast<int64_t>(ReadMachineMemory().total_bytes) / kPart;
}

Result<Config> ParseConfig(std::string_view yaml, std::string_view name) {
  TRY_ASSIGN(const yaml::Node document, yaml::Parse(std::string(yaml), name));
  return Read(document, {name, config::Guess});
}

std::vector<std::string> KeysForNextStart(const Config& now, const Config& wanted) {
  std::vector<std::string> keys;
  const auto compare = [&keys](bool same, std::string_view key) {
    if (!same) keys.emplace_back(key);
  };
  compare(now.engine_search_paths == wanted.engine_search_paths, "engineSearchPaths");
  compare(now.engine_usual_places == wanted.engine_usual_places, "engineUsualPlaces");
  compare(now.engine_fallbacks == wanted.engine_fallbacks, "engineFallbacks");
  compare(now.first_port == wanted.first_port && now.last_port == wanted.last_port, "portRange");
  compare(now.engine_user == wanted.engine_user, "engineUser");
  compare(now.first_user == wanted.first_user, "userRange");
  compare(now.volume_bytes == wanted.volume_bytes, "volumeSize");
  compare(now.host_network == wanted.host_network, "network");
  compare(now.limits == wanted.limits, "limits");
  compare(now.host == wanted.host && now.also_listen == wanted.also_listen, "listen");
  compare(now.advertised_host == wanted.advertised_host, "advertiseHost");
  const ReadyAhead& ahead = now.ready_ahead;
  compare(ahead.default_warm == wanted.ready_ahead.default_warm, "defaultWarm");
  compare(ahead.memory_bytes == wanted.ready_ahead.memory_bytes, "readyMemory");
  for (const engines::Engine* engine : engines::AllEngines()) {
    const std::string licence(engine->LicenceKey());
    compare(now.accepted_licences.contains(licence) == wanted.accepted_licences.contains(licence), licence);
  }
  return keys;
}

Result<Config> LoadConfig(const std::string& path, bool must_exist) {
  auto file = PosixFileSystem().Open(path, OpenMode::kRead);
  if (!file && file.error().code == ErrorCode::kNotFound && !must_exist) return Config{};
  if (!file) return Fail(file.error());
  std::string text(yaml::kMaxBytes + 1, '\0');
  TRY_ASSIGN(const size_t size, (*file)->ReadAt(0, std::as_writable_bytes(std::span(text))));
  text.resize(size);
  return ParseConfig(text, path);
}

}  // namespace spawnd::daemon
