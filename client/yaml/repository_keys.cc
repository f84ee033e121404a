#include "client/yaml/repository_keys.h"

#include <fmt/core.h>

#include <string>
#include <utility>

#include "base/text.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

/// "WAL-G", "walg"
std::string ToolOf(std::string_view text) {
  std::string word = LowerCase(text);
  return word == "walg" ? "wal-g" : word;
}

}  // namespace

Result<void> ReadRepositoryKey(const ImageYaml& yaml, const yaml::File& file, std::string_view key,
                               const yaml::Node& value, api::SourceRepository& repository) {
  if (value.kind == yaml::Node::Kind::kMap && key == "backup") {
    return file.Bad(value.line, "'backup' has keys below it, but sourceType is repository",
                    "Of a repository it is the tool's own name of one, as `backup: 20261128-094652F`.");
  }
  TRY_ASSIGN(std::string text, file.Text(value, key).map(Trim));
  if (text.empty()) return file.Bad(value.line, fmt::format("'{}' is empty", key));
  if (key == "tool") {
    repository.tool = ToolOf(text);
  } else if (key == "repository") {
    if (text.find("://") != std::string::npos) {
      return file.Bad(value.line, "'repository' is a URL",
                      "Name the tool's own file that has it, as `configFile:`.");
    }
    repository.path = JoinPath(yaml.folder, text);
  } else if (key == "configFile") {
    repository.config_file = JoinPath(yaml.folder, text);
  } else if (key == "backup") {
    repository.backup = std::move(text);
  } else {
    if (!repository.stanza.empty()) {
      return file.Bad(value.line, "'stanza' and 'server' are two words for one thing", "Give one of them.");
    }
    repository.stanza = std::move(text);
  }
  return {};
}

}  // namespace spawnd::client
