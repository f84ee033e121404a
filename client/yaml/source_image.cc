#include "client/yaml/source_image.h"

#include "yaml/tree.h"
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "client/output/text.h"

namespace spawnd::client {
namespace {

using Kind = yaml::Node::Kind;

constexpr std::string_view kSource = "source";

void Replace(yaml::Node& root, yaml::Entry entry) {
  const auto same = std::find_if(root.entries.begin(), root.entries.end(),
                                 [&](const yaml::Entry& one) { return one.key.text == entry.key.text; });
  if (same != root.entries.end()) {
    *same = std::move(entry);
  } else {
    root.entries.push_back(std::move(entry));
  }
}

}  // namespace

Result<std::string> TopLevelText(const ImageYaml& yaml, std::string_view key) {
  TRY_ASSIGN(const yaml::Node root, yaml::Parse(yaml.text, yaml.name));
  for (const yaml::Entry& entry : root.entries) {
    if (entry.key.text == key && entry.value.kind == Kind::kText) return Trim(entry.value.text);
  }
  return std::string();
}

Result<ImageDescription> ParseImageOfSource(const api::DataSource& source,
                                            const std::optional<ImageYaml>& instead,
                                            const ImageOverrides& overrides) {
  ImageYaml yaml;
  yaml.name = fmt::format("data source '{}'", source.name);
  yaml.text = source.definition;
  yaml.folder = yaml.current_directory = source.folder;
  TRY_ASSIGN(yaml::Node root, yaml::Parse(yaml.text, yaml.name));
  if (instead) {
    TRY_ASSIGN(yaml::Node other, yaml::Parse(instead->text, instead->name));
    for (yaml::Entry& entry : other.entries) {
      if (entry.key.text != kSource) Replace(root, std::move(entry));
    }
    yaml.name = instead->name;
  }
  auto image = ParseImageTree(yaml, root, overrides, source.name);
  if (!image) image.error().message = OneLine(image.error().message);
  if (image) image->request.source = std::to_string(source.id);
  return image;
}

}  // namespace spawnd::client
