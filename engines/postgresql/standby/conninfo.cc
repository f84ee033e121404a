#include "engines/postgresql/standby/conninfo.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "engines/postgresql/settings.h"
#include "engines/postgresql/standby/recipe.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr uint16_t kDefaultPort = 5432;
constexpr const char* kPasswordFileName = "primary.pass";
constexpr std::array<std::string_view, 4> kFileOptions{"sslrootcert", "sslcert", "sslkey", "sslcrl"};
constexpr std::array<std::string_view, 6> kOptions{"sslmode",         "channel_binding",
                                                   "connect_timeout", "ssl_min_protocol_version",
                                                   "sslnegotiation",  "require_auth"};

/// In libpq's strings.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' || c == '\\' ? "\\" : "").append(1, c);
  return quoted + "'";
}

bool IsPlain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

std::string FileOf(const Paths& paths, std::string_view option) {
  return paths.settings_directory + "/primary." + std::string(option);
}

/// Fields of a line of ~/.pgpass: `\:` and `\\` stand for themselves.
std::vector<std::string> Fields(std::string_view line) {
  std::vector<std::string> fields(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == ':' && fields.size() < 5) {
      fields.emplace_back();
      continue;
    }
    if (line[i] == '\\' && i + 1 < line.size()) ++i;
    fields.back() += line[i];
  }
  return fields;
}

}  // namespace

std::string LimitsFile(const Paths& paths) {
  return paths.socket_directory + "/standby.conf";
}

std::string ConnectionInfo(const Launch& launch) {
  const Primary& primary = *launch.primary;
  std::string info = "host=" + Quoted(primary.host) + " hostaddr='127.0.0.1' port='" +
                     std::to_string(primary.port) + "' user=" + Quoted(primary.user) +
                     " gssencmode='disable' application_name='spawnd' passfile=" +
                     Quoted(launch.paths.settings_directory + "/" + kPasswordFileName);
  for (const auto& [name, value] : primary.options) info += " " + name + "=" + Quoted(value);
  for (const auto& [name, content] : primary.files)
    info += " " + name + "=" + Quoted(FileOf(launch.paths, name));
  return info;
}

Result<Primary> Recipe::Complete(Primary primary, const std::string& user_name) const {
  if (primary.host.empty()) primary.host = "localhost";
  if (primary.port == 0) primary.port = kDefaultPort;
  if (primary.user.empty()) primary.user = user_name;
  if (primary.host.front() == '/' || primary.host.front() == '@') {
    return Fail(ErrorCode::kUnsupported,
                "a standby cannot follow a server through its Unix socket '" + primary.host + "'",
                "Say an address or a name as `connection.host`: `localhost`, if the server is here.");
  }
  if (!IsPlain(primary.host) || !IsPlain(primary.user) || primary.host.find(',') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "'" + primary.host + "' is no host of one server");
  }
  for (const auto& [name, value] : primary.options) {
    const auto is = [&name = name](std::string_view known) { return name == known; };
    const bool known = std::any_of(kOptions.begin(), kOptions.end(), is) ||
                       std::any_of(kFileOptions.begin(), kFileOptions.end(), is);
    if (known && IsPlain(value)) continue;
    return Fail(ErrorCode::kInvalidArgument, "a standby's connection does not take the option '" + name + "'",
                "It takes sslmode, sslrootcert, sslcert, sslkey, sslcrl, channel_binding, connect_timeout, "
                "ssl_min_protocol_version, sslnegotiation and require_auth.");
  }
  return primary;
}

std::vector<std::string_view> Recipe::FileOptions() const {
  return {kFileOptions.begin(), kFileOptions.end()};
}

std::string Recipe::PasswordIn(std::string_view text, const Primary& primary) const {
  const std::array<std::string, 4> wanted{primary.host, std::to_string(primary.port), "replication",
                                          primary.user};
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    const std::vector<std::string> fields = Fields(line);
    if (fields.size() != 5) continue;
    const auto fits = [&](size_t i) { return fields[i] == "*" || fields[i] == wanted[i]; };
    if (fits(0) && fits(1) && fits(2) && fits(3)) return fields[4];
  }
  return {};
}

std::vector<SettingsFile> StandbyFiles(const Launch& launch) {
  const Primary& primary = *launch.primary;
  std::string password = "*:*:*:*:";
  for (const char c : primary.password) password.append(c == ':' || c == '\\' ? "\\" : "").append(1, c);
  // Where there is none, the client library finds that there is none for this server.
  std::vector<SettingsFile> files{{kPasswordFileName, primary.password.empty() ? "" : password + "\n"}};
  for (const auto& [name, content] : primary.files) files.push_back({"primary." + name, content});
  if (launch.purpose != Purpose::kFollow) return files;
  files.push_back({"pg_hba.conf", "# Written by spawnd before every start. Nobody reaches the socket but the container itself.\n"
                                  "local all all trust\n"});
  files.push_back({"pg_ident.conf", "# Written by spawnd before every start.\n"});
  std::string config = "# Written by spawnd before every start.\ninclude " + QuotedSetting(LimitsFile(launch.paths)) + "\n";
  const Settings settings{
      {"hot_standby", "on"},
      {"primary_conninfo", ConnectionInfo(launch)},
      {"primary_slot_name", primary.slot},
      // Nobody's query but ours is there to wait for.
      {"max_standby_streaming_delay", "0"},
      // What is replayed and not written out has to be replayed once more in each image.
      {"checkpoint_timeout", "30s"},
      {"checkpoint_completion_target", "0.5"},
      {"wal_init_zero", "off"},
      {"wal_recycle", "off"},
      {"max_logical_replication_workers", "0"},
      {"jit", "off"},
  };
  for (const auto& [name, value] : settings) config += name + " = " + QuotedSetting(value) + "\n";
  files.push_back({"postgresql.conf", std::move(config)});
  return files;
}

}  // namespace spawnd::engines::postgresql
