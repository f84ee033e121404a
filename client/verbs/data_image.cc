/// create, get and delete of data images.
#include <fmt/core.h>

#include <ctime>

#include "api/image_reference.h"
#include "api/json.h"
#include "client/image_yaml.h"
#include "client/output.h"
#include "client/table.h"
#include "client/terminal.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

Result<api::CreateDataImageRequest> RequestOf(const Invocation& invocation) {
  const std::string file = invocation.Text("--file");
  if (file.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a data image is made from a YAML file: --file <file> is missing",
                "'spawnctl create data-image --help' shows one.");
  }
  TRY_ASSIGN(const ImageYaml yaml, ReadImageYaml(file));
  return ParseImageYaml(yaml, {invocation.Text("--name"), invocation.Text("--lifetime"),
                               invocation.List("--tag"), invocation.List("--team")});
}

Result<std::vector<api::DataImage>> ImagesOf(const std::string& json, bool one) {
  if (!one) return api::FromJson<std::vector<api::DataImage>>(json);
  TRY_ASSIGN(api::DataImage image, api::FromJson<api::DataImage>(json));
  return std::vector<api::DataImage>{std::move(image)};
}

}  // namespace

Result<int> CreateDataImage(const Invocation& invocation) {
  TRY_ASSIGN(const Format format, ParseFormat(invocation.Text("--output")));
  TRY_ASSIGN(const api::CreateDataImageRequest request, RequestOf(invocation));
  TRY_ASSIGN(const Created created, CreateWithProgress(invocation, kImagesPath, api::ToJson(request),
                                                       fmt::format("data image '{}'", request.name)));
  if (created.exit_code != 0) return created.exit_code;
  TRY_ASSIGN(const api::DataImage image, api::FromJson<api::DataImage>(created.json));
  ShowWarnings(invocation, image.warnings);
  std::string text = fmt::format("Data image '{}' ({}) created!\n", image.name, image.id);
  if (invocation.Has("--quiet")) {
    text = image.name + "\n";
  } else if (format != Format::kTable) {
    TRY_ASSIGN(text, Render(created.json, format));
  }
  TRY(WriteOut(text));
  return 0;
}

Result<int> GetDataImages(const Invocation& invocation) {
  TRY_ASSIGN(const Format format, ParseFormat(invocation.Text("--output")));
  for (const std::string& ref : invocation.Arguments()) TRY(api::ParseImageReference(ref));
  TRY_ASSIGN(const std::string json, GetOneOrAll(invocation, kImagesPath));
  std::string text;
  if (format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, format));
  } else {
    TRY_ASSIGN(const auto images, ImagesOf(json, !invocation.Arguments().empty()));
    text = images.empty() ? std::string(kNoResources) : ImageTable(images, std::time(nullptr));
  }
  TRY(WriteOut(text));
  return 0;
}

Result<int> DeleteDataImages(const Invocation& invocation) {
  for (const std::string& ref : invocation.Arguments()) TRY(api::ParseImageReference(ref));
  return DeleteEach(invocation, kImagesPath, "Data image");
}

}  // namespace spawnd::client
