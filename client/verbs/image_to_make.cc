#include "client/verbs/image_to_make.h"

#include <fmt/core.h>

#include <optional>

#include "api/json.h"
#include "api/source/types.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/session.h"
#include "client/verbs/source_request.h"
#include "client/yaml/source_image.h"

namespace spawnd::client {
namespace {

Result<ImageDescription> OfSource(const Invocation& invocation, const std::string& name,
                                  const std::optional<ImageYaml>& yaml, const ImageOverrides& overrides) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get(DaemonClient::Target(kSourcesPath, name)));
  TRY_ASSIGN(const api::DataSource source, api::FromJson<api::DataSource>(json));
  TRY_ASSIGN(ImageDescription image, ParseImageOfSource(source, yaml, overrides));
  image.schedule = {};  // it is registered already
  return image;
}

}  // namespace

Result<ImageDescription> ImageToMake(const Invocation& invocation) {
  const std::string file = invocation.Text("--file");
  std::string source = invocation.Text("--source");
  if (file.empty() && source.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a data image is made from a YAML file: --file <file> is missing",
                "'spawnctl create data-image --help' shows one.");
  }
  const ImageOverrides overrides{invocation.Text("--name"), invocation.Text("--lifetime"),
                                 invocation.List("--tag"), invocation.List("--team")};
  if (file.empty()) return OfSource(invocation, source, std::nullopt, overrides);
  TRY_ASSIGN(const ImageYaml yaml, ReadImageYaml(file));
  if (source.empty()) {
    TRY_ASSIGN(source, TopLevelText(yaml, "source"));
  }
  if (!source.empty()) return OfSource(invocation, source, yaml, overrides);
  TRY_ASSIGN(ImageDescription image, ParseImageYaml(yaml, overrides));
  if (image.schedule.schedule.empty() && image.schedule.keep) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: 'keep' is given, but no 'schedule'", yaml.name),
                "It says how many images of a schedule stay. `lifetime` lets one go by its age.");
  }
  return image;
}

Result<int64_t> RegisterSource(const Invocation& invocation, ImageDescription& image) {
  if (image.schedule.schedule.empty()) return 0;
  if (image.request.source_type == api::SourceType::kStandby) {
    return Fail(ErrorCode::kInvalidArgument,
                "a standby has to copy its server before there can be an image of it",
                "`spawnctl create data-source --file " + OneLine(invocation.Text("--file")) +
                    "` begins with that, and its schedule makes the images.");
  }
  TRY_ASSIGN(const api::CreateDataSourceRequest request, SourceRequest(invocation));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  const auto created = daemon.Create(std::string(kSourcesPath), api::ToJson(request), {});
  if (created) {
    TRY_ASSIGN(const api::DataSource source, api::FromJson<api::DataSource>(*created));
    image.request.source = std::to_string(source.id);
    return source.id;
  }
  if (created.error().code != ErrorCode::kAlreadyExists) return Fail(created.error());
  // The file again: what it says now counts.
  api::UpdateDataSourceRequest update;
  update.definition = request.definition;
  update.folder = request.folder;
  update.schedule = request.schedule;
  update.keep = request.keep.value_or(-1);
  TRY_ASSIGN(
      const std::string json,
      daemon.Create(DaemonClient::Target(kSourcesPath, request.name) + "/update", api::ToJson(update), {}));
  TRY_ASSIGN(const api::DataSource source, api::FromJson<api::DataSource>(json));
  image.request.source = std::to_string(source.id);
  return 0;
}

void TakeBackSource(const Invocation& invocation, int64_t id) {
  if (id == 0) return;
  const auto daemon = FindDaemon(invocation);
  const auto deleted = daemon ? daemon->Delete(DaemonClient::Target(kSourcesPath, std::to_string(id)))
                              : Result<std::string>(Fail(daemon.error()));
  if (!deleted && deleted.error().code != ErrorCode::kNotFound) ShowError(deleted.error());
}

}  // namespace spawnd::client
