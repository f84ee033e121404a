#include "daemon/config_readers.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <utility>

#include "api/lifetime.h"
#include "base/nearest.h"

namespace spawnd::daemon::config {

tl::unexpected<Error> Bad(const Place& place, std::string_view wanted) {
  return place.file.Bad(place.node.line, fmt::format("'{}' must be {}", place.key, wanted));
}

bool IsOrNothing(const Place& place, Kind kind) {
  return place.node.kind == kind || place.node.kind == Kind::kNull;
}

std::string Guess(std::string_view key, std::span<const std::string_view> names) {
  const std::string_view nearest = Nearest(key, names);
  return nearest.empty() ? fmt::format(" (known are {})", fmt::join(names, ", "))
                         : fmt::format(" (did you mean '{}'?)", nearest);
}

Result<std::string> Text(const Place& place) {
  TRY_ASSIGN(std::string text, place.file.Text(place.node, place.key));
  if (text.empty()) return Bad(place, "a text");
  return text;
}

Result<std::vector<std::string>> Texts(const Place& place) {
  if (place.node.kind == Kind::kText) return std::vector{place.node.text};
  if (!IsOrNothing(place, Kind::kList)) return Bad(place, "a list of texts");
  std::vector<std::string> texts;
  for (const yaml::Node& item : place.node.items) {
    TRY_ASSIGN(std::string text, Text({item, place.file, place.key}));
    texts.push_back(std::move(text));
  }
  return texts;
}

Result<void> ReadMap(const Place& map, std::span<const Key> keys) {
  if (!IsOrNothing(map, Kind::kMap)) return Bad(map, "a map of keys and values");
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  const std::string within = map.key.empty() ? "" : map.key + ".";
  return map.file.ReadKeys(map.node, names, within, [&](size_t key, const yaml::Node& value) {
    return keys[key].read({value, map.file, within + std::string(names[key])});
  });
}

Result<int64_t> Count(const Place& place, int64_t most) {
  TRY_ASSIGN(const std::string text, Text(place));
  int64_t count = 0;
  if (!ParseNumber(text, count) || count < 0 || count > most) {
    return Bad(place, fmt::format("a number from 0 to {}", most));
  }
  return count;
}

Result<int64_t> Duration(const Place& place) {
  TRY_ASSIGN(const std::string text, Text(place));
  const auto seconds = api::ParseLifetime(text);
  if (!seconds) return Bad(place, "a time such as 10m or 2h, or 0 for never");
  return *seconds;
}

std::optional<uint64_t> SizeIn(std::string_view text, uint64_t most) {
  constexpr std::array<std::pair<std::string_view, unsigned>, 3> kUnits{
      {{"MiB", 20}, {"GiB", 30}, {"TiB", 40}}};
  for (const auto& [unit, shift] : kUnits) {
    uint64_t number = 0;
    if (!text.ends_with(unit) || !ParseNumber(text.substr(0, text.size() - unit.size()), number)) continue;
    if (number > most >> shift) break;
    return number << shift;
  }
  return std::nullopt;
}

bool IsAddress(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace spawnd::daemon::config
