#include "client/yaml/restore_keys.h"

#include <fmt/format.h>

#include <utility>

#include "api/point_in_time.h"
#include "base/text.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

using yaml::File;
using yaml::Node;

Result<void> ReadText(const File& file, std::string_view key, const Node& value, std::string& out) {
  TRY_ASSIGN(const std::string text, file.Text(value, key));
  out = Trim(text);
  return {};
}

Result<void> ReadTexts(const File& file, std::string_view key, const Node& value,
                       std::vector<std::string>& out) {
  TRY_ASSIGN(const auto texts, file.Texts(value, key));
  for (const auto& [text, line] : texts) {
    if (text.empty()) return file.Bad(line, fmt::format("an entry of '{}' is empty", key));
    out.push_back(text);
  }
  return {};
}

/// In the one form that requests have.
Result<void> ReadPointInTime(const File& file, std::string_view key, const Node& value, std::string& out) {
  TRY_ASSIGN(const std::string text, file.Text(value, key));
  auto time = api::CanonicalPointInTime(text);
  if (!time)
    return file.Bad(value.line, fmt::format("'{}': {}", key, time.error().message), time.error().hint);
  out = std::move(*time);
  return {};
}

/// `stop`, `continue`, or the list of what is passed over.
Result<void> ReadOnError(const File& file, std::string_view key, const Node& value,
                         api::RestoreOptions& restore) {
  if (value.kind == Node::Kind::kList) return ReadTexts(file, key, value, restore.ignored_errors);
  TRY_ASSIGN(const std::string text, file.Text(value, key));
  const std::string word = LowerCase(Trim(text));
  if (word != "stop" && word != "continue") {
    return file.Bad(value.line, fmt::format("unknown onError '{}'", text),
                    "It is stop, continue, or a list of error codes and beginnings of statements: "
                    "[42704, 'CREATE EVENT TRIGGER'].");
  }
  restore.continue_on_error = word == "continue";
  return {};
}

/// Names and values as they are written; whether they may be given, the daemon knows.
Result<void> ReadSettings(const File& file, std::string_view key, const Node& value,
                          api::Settings& settings) {
  if (value.kind != Node::Kind::kMap) {
    return file.Bad(value.line, fmt::format("'{}' must be a map, found {}", key, yaml::KindName(value.kind)),
                    "Write 'work_mem: 64MB' below it.");
  }
  for (const yaml::Entry& entry : value.entries) {
    if (entry.key.kind != Node::Kind::kText) {
      return file.Bad(entry.key.line, fmt::format("expected a setting's name in '{}'", key));
    }
    if (entry.value.kind == Node::Kind::kNull) {
      settings.emplace_back(entry.key.text, "");
      continue;
    }
    TRY_ASSIGN(std::string text, file.Text(entry.value, entry.key.text));
    settings.emplace_back(entry.key.text, std::move(text));
  }
  return {};
}

}  // namespace

Result<void> ReadRestoreKey(const File& file, std::string_view key, const Node& value,
                            api::CreateDataImageRequest& request) {
  api::RestoreOptions& restore = request.restore;
  if (key == "settings") return ReadSettings(file, key, value, request.settings);
  if (key == "onError") return ReadOnError(file, key, value, restore);
  if (key == "locale") return ReadText(file, key, value, restore.locale);
  if (key == "encoding") return ReadText(file, key, value, restore.encoding);
  if (key == "skipExtensions") return ReadTexts(file, key, value, restore.skip_extensions);
  if (key == "tables") return ReadTexts(file, key, value, restore.tables);
  if (key == "excludeTables") return ReadTexts(file, key, value, restore.exclude_tables);
  if (key == "excludeData") return ReadTexts(file, key, value, restore.exclude_data);
  if (key == "at") return ReadPointInTime(file, key, value, restore.at);
  return file.Truth(value, key, "With true, tables come without their rows.", restore.schema_only);
}

}  // namespace spawnd::client
