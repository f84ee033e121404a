#include "engines/fetch/plan.h"

#include <algorithm>
#include <charconv>

#include "engines/version.h"

namespace spawnd::engines {

std::string PlaceOf(const SourceConnection& connection, uint16_t default_port) {
  if (connection.host.starts_with('/')) return connection.host;
  const std::string host = connection.host.empty() ? "localhost" : connection.host;
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(connection.port == 0 ? default_port : connection.port);
}

std::vector<std::string> AnswersTo(std::string_view label, std::string_view answer) {
  std::vector<std::string> values;
  while (!answer.empty()) {
    const size_t end = std::min(answer.find('\n'), answer.size());
    std::string_view line = answer.substr(0, end);
    answer.remove_prefix(std::min(end + 1, answer.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(label)) values.emplace_back(line.substr(label.size()));
  }
  return values;
}

int64_t NumberIn(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? number : 0;
}

Result<std::string> ChooseDatabase(const SourceConnection& connection, const std::string& place,
                                   const std::vector<std::string>& databases, std::string_view otherwise) {
  if (!connection.database.empty()) return connection.database;
  if (databases.size() == 1) return databases.front();
  if (databases.empty() && !otherwise.empty()) return std::string(otherwise);
  constexpr size_t kShown = 20;
  std::string names;
  for (size_t i = 0; i < std::min(databases.size(), kShown); ++i)
    names += (i == 0 ? "" : ", ") + databases[i];
  if (databases.size() > kShown) names += ", ...";
  return Fail(ErrorCode::kInvalidArgument,
              databases.empty() ? "the server at " + place + " shows this user no database of its own"
                                : "the server at " + place + " has several databases: " + names,
              "Name one under `connection:`, as `database: " +
                  (databases.empty() ? "shop" : databases.front()) + "`.");
}

Result<void> CheckScheme(const SourceConnection& connection, const std::vector<std::string_view>& schemes,
                         std::string_view product) {
  const auto& scheme = connection.scheme;
  if (scheme.empty() || std::find(schemes.begin(), schemes.end(), scheme) != schemes.end()) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "the URL of the server begins with " + scheme + "://, and the engine is " + std::string(product),
      "Say the `engine:` that the server is of, or " + std::string(schemes.front()) + "://.");
}

std::vector<Installation> UsableOf(std::string_view engine, const std::vector<Installation>& installed) {
  std::vector<Installation> usable;
  for (const Installation& one : installed) {
    if (one.engine == engine && one.problem.empty() && !one.version.empty()) usable.push_back(one);
  }
  std::stable_sort(usable.begin(), usable.end(),
                   [](const auto& a, const auto& b) { return VersionLess(b.version, a.version); });
  return usable;
}

std::string VersionsIn(const std::vector<Installation>& usable) {
  std::string text;
  for (const Installation& one : usable) text += (text.empty() ? "" : ", ") + one.version;
  return text.empty() ? "none" : text;
}

}  // namespace spawnd::engines
