/// create, get and delete of data images.
#include <fmt/core.h>

#include <array>
#include <charconv>
#include <ctime>
#include <optional>

#include "api/image_reference.h"
#include "api/json.h"
#include "base/text.h"
#include "client/fetch/fetch.h"
#include "client/output/table.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/flags.h"
#include "client/verbs/image_to_make.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"
#include "client/yaml/image.h"
#include "client/yaml/open_files.h"

namespace spawnd::client {
namespace {

Result<std::vector<api::DataImage>> ImagesOf(const std::string& json, bool one) {
  if (!one) return api::FromJson<std::vector<api::DataImage>>(json);
  TRY_ASSIGN(api::DataImage image, api::FromJson<api::DataImage>(json));
  return std::vector<api::DataImage>{std::move(image)};
}

Result<int> CreateOf(const Invocation& invocation, const Output& output,
                     const api::CreateDataImageRequest& request, const std::vector<UniqueFd>& files) {
  TRY_ASSIGN(const Created created, CreateWithProgress(invocation, kImagesPath, api::ToJson(request),
                                                       fmt::format("data image '{}'", request.name), files));
  return ShowCreatedImage(invocation, output, created, "created");
}

/// Gets the data first. What was fetched, and the folder that it is in, goes with this function's end:
/// signals that would end the process are held back until then.
Result<int> CreateFetched(const Invocation& invocation, const Output& output, ImageDescription& image_yaml,
                          std::vector<UniqueFd> files) {
  api::CreateDataImageRequest& request = image_yaml.request;
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const SignalWatch signals, SignalWatch::Start());
  ProgressDisplay display = DisplayFor(invocation);
  const auto ask = [&daemon](std::string body) {
    return daemon.Post(std::string(kFetchPlansPath), std::move(body));
  };
  TRY_ASSIGN(Fetched fetched, Fetch(*image_yaml.source, {ask, display, signals}));
  if (fetched.signal != 0) {
    WriteError(fmt::format("cancelled: data image '{}' is not created\n", request.name));
    return 128 + fetched.signal;
  }
  AddFetched(fetched, request, files);
  return CreateOf(invocation, output, request, files);
}

Result<int> CreateImage(const Invocation& invocation, const Output& output, ImageDescription& image) {
  TRY_ASSIGN(std::vector<UniqueFd> files, OpenFiles(image));
  if (image.source) return CreateFetched(invocation, output, image, std::move(files));
  return CreateOf(invocation, output, image.request, files);
}

Result<int> CreateDataImage(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  TRY_ASSIGN(ImageDescription image, ImageToMake(invocation));
  TRY_ASSIGN(const int64_t registered, RegisterSource(invocation, image));
  auto exit_code = CreateImage(invocation, output, image);
  if (!exit_code || *exit_code != 0) TakeBackSource(invocation, registered);
  return exit_code;
}

std::string Collection(const Invocation& invocation) {
  const bool only_public = invocation.Has("--public") && invocation.Arguments().empty();
  return std::string(kImagesPath) + (only_public ? "?public=true" : "");
}

Result<int> GetDataImages(const Invocation& invocation) {
  const bool wide = WantsWide(invocation);
  TRY_ASSIGN(const Output output, wide ? Result<Output>(Output()) : OutputOf(invocation));
  for (const std::string& ref : invocation.Arguments()) TRY(api::ParseImageReference(ref));
  TRY_ASSIGN(const std::string json, GetOneOrAll(invocation, Collection(invocation)));
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, output));
  } else {
    TRY_ASSIGN(const auto images, ImagesOf(json, !invocation.Arguments().empty()));
    text = images.empty() ? std::string(kNoResources) : ImageTable(images, std::time(nullptr), wide);
  }
  TRY(WriteOut(text));
  return 0;
}

Result<int> DeleteDataImages(const Invocation& invocation) {
  for (const std::string& ref : invocation.Arguments()) TRY(api::ParseImageReference(ref));
  return DeleteEach(invocation, kImagesPath, "Data image");
}

Result<std::optional<int64_t>> WarmOf(const Invocation& invocation) {
  const std::string text = invocation.Text("--warm");
  if (text.empty()) return std::nullopt;
  if (text == "default") return -1;
  int64_t warm = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), warm);
  if (error == std::errc() && end == text.data() + text.size()) return warm;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("--warm takes a number, not '{}'", OneLine(text)),
              "So many of its containers are kept started; default: as the daemon's spawnd.yaml says.");
}

Result<int> UpdateDataImage(const Invocation& invocation) {
  TRY(api::ParseImageReference(invocation.Arguments().front()));
  api::UpdateDataImageRequest request;
  request.name = invocation.Text("--name");
  if (!request.name.empty()) TRY(api::ValidateName(request.name, "data image"));
  request.tags = invocation.List("--tag");
  for (const std::string& tag : request.tags) TRY(api::ValidateTag(tag));
  request.teams = invocation.List("--team");
  request.remove_tags = invocation.List("--remove-tag");
  request.remove_teams = invocation.List("--remove-team");
  TRY_ASSIGN(request.lifetime_seconds, LifetimeOf(invocation));
  TRY_ASSIGN(request.warm, WarmOf(invocation));
  TRY_ASSIGN(request.sleep_after_seconds, SleepAfterOf(invocation));
  TRY_ASSIGN(const std::string json, ChangeResource(invocation, kImagesPath, "update", api::ToJson(request)));
  TRY_ASSIGN(const api::DataImage image, api::FromJson<api::DataImage>(json));
  ShowWarnings(invocation, image.warnings);
  if (!invocation.Has("--quiet"))
    TRY(WriteOut(fmt::format("Data image '{}' ({}) updated!\n", image.name, image.id)));
  return 0;
}

constexpr std::array<Flag, 10> kCreateFlags{{
    {"--file", "-f", "<file>", "the YAML that describes the image; - reads standard input"},
    {"--source", "", "<source>", "the data source that it is made of, now"},
    {"--name", "-n", "<name>", "another name than the file's"},
    {"--tag", "", "<tag>", "one more tag; repeatable", true},
    {"--team", "", "<team>", "one more team that sees it; repeatable", true},
    kLifetimeFlag,
    kQuietFlag,
    kImageOutputFlag,
    kFormatFlag,
    kProgressFlag,
}};
constexpr std::array<Flag, 3> kGetFlags{{
    {"--public", "", "",
     "the built-in ones, which the plain list leaves out, and those of the team 'public'"},
    {"--output", "-o", "<format>", "json, yaml, name or wide"},
    kFormatFlag,
}};
constexpr std::array<Flag, 9> kUpdateFlags{{
    {"--name", "-n", "<name>", "a new name"},
    {"--tag", "", "<tag>", "one more tag, taken from the image of the name that has it; repeatable", true},
    {"--team", "", "<team>", "one more team that sees it; repeatable", true},
    {"--remove-tag", "", "<tag>", "a tag that goes; repeatable", true},
    {"--remove-team", "", "<team>", "a team that sees it no more; repeatable", true},
    kLifetimeFlag,
    {"--warm", "", "<number>", "keep so many of its containers started; default: as the daemon says"},
    {"--sleep-after", "", "<duration>",
     "its containers sleep after so long without a connection; 0: never; default"},
    kSilentFlag,
}};
constexpr std::array<Flag, 1> kDeleteFlags{{kSilentFlag}};

constexpr std::string_view kCreateExamples =
    "  spawnctl create data-image -f shop.yaml\n"
    "  spawnctl create data-image -f shop.yaml --name shop-next --tag nightly --lifetime 7d -q\n"
    "  spawnctl create data-image --source shop\n"
    "\n"
    "  shop.yaml:\n"
    "    name: shop\n"
    "    sourceType: backup            # backup, server, repository, scripts or empty\n"
    "    engine: <engine>              # the database product\n"
    "    version: 15                   # optional; an installed one\n"
    "    tags: [latest]\n"
    "    initialDatabaseName: shop\n"
    "    backups:                      # relative to this file, else to the current directory\n"
    "      - folder: ./backups\n"
    "        file: shop.sql.gz\n";
constexpr std::string_view kGetExamples =
    "  spawnctl get data-images\n"
    "  spawnctl get data-image shop:latest -o yaml\n";

constexpr std::array<Command, 4> kRows{{
    {"create", "data-image", "", 0, 0, "Make a data image from a backup or a running server, or an empty one",
     kCreateExamples, kCreateFlags, CreateDataImage},
    {"get", "data-image", "[<image>]", 0, 1, "List the data images, or show one", kGetExamples, kGetFlags,
     GetDataImages},
    {"update", "data-image", "<image>", 1, 1,
     "Rename a data image, tag it, show it to a team, keep containers of it started",
     "  spawnctl update data-image shop --tag stable --lifetime 7d\n", kUpdateFlags, UpdateDataImage},
    {"delete", "data-image", "<image>...", 1, kAnyNumber, "Delete data images that no container uses",
     "  spawnctl delete data-image shop:old 10007\n", kDeleteFlags, DeleteDataImages},
}};

}  // namespace

std::span<const Command> DataImageCommands() {
  return kRows;
}

}  // namespace spawnd::client
