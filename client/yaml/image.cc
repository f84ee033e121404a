#include "client/yaml/image.h"

#include "yaml/tree.h"
#include <fmt/core.h>

#include "api/image_reference.h"
#include "api/lifetime.h"
#include "client/output/text.h"
#include "client/yaml/image_reader.h"

namespace spawnd::client {
namespace {

Result<void> Apply(const ImageOverrides& overrides, api::CreateDataImageRequest& request) {
  if (!overrides.name.empty()) {
    TRY(api::ValidateName(overrides.name, "data image"));
    request.name = overrides.name;
  }
  if (!overrides.lifetime.empty()) {
    TRY_ASSIGN(request.lifetime_seconds, api::ParseLifetime(overrides.lifetime));
  }
  for (const std::string& tag : overrides.tags) {
    TRY(api::ValidateTag(tag));
    AddUnique(request.tags, tag);
  }
  for (const std::string& team : overrides.teams) AddUnique(request.teams, team);
  return {};
}

Result<ImageDescription> Parse(const ImageYaml& yaml, const ImageOverrides& overrides) {
  TRY_ASSIGN(const yaml::Node root, yaml::Parse(yaml.text, yaml.name));
  return ParseImageTree(yaml, root, overrides);
}

}  // namespace

Result<ImageDescription> ParseImageTree(const ImageYaml& yaml, const yaml::Node& root,
                                        const ImageOverrides& overrides, const std::string& other_name) {
  TRY_ASSIGN(ImageDescription image, ReadImageTree(yaml, root));
  TRY(Apply(overrides, image.request));
  if (image.request.name.empty()) image.request.name = other_name;
  if (image.request.name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: 'name' is missing", yaml.name),
                "Add 'name: <name>', or use --name.");
  }
  return image;
}

Result<ImageDescription> ParseImageYaml(const ImageYaml& yaml, const ImageOverrides& overrides) {
  auto image = Parse(yaml, overrides);
  // A key or a value that stands in the message may have line ends in it.
  if (!image) image.error().message = OneLine(image.error().message);
  return image;
}

}  // namespace spawnd::client
