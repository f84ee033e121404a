/// create, get, update and delete of data sources.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/json_document.h"
#include "api/source/types.h"
#include "base/text.h"
#include "client/output/source_table.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/source_request.h"
#include "client/verbs/verbs.h"
#include "client/yaml/source_image.h"

namespace spawnd::client {
namespace {

constexpr std::string_view kWide = "wide";

/// What the daemon is to keep of a file.
Result<ImageYaml> Definition(const std::string& file) {
  TRY_ASSIGN(ImageYaml yaml, ReadImageYaml(file));
  if (yaml.text.size() <= api::kRequestLimits.string_bytes) return yaml;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("'{}' is larger than {} bytes, which is what a data source may have", OneLine(file),
                          api::kRequestLimits.string_bytes));
}

/// What is not there when nobody types it.
Result<void> CheckNeedsNobody(const ImageDescription& image, const std::string& name) {
  const bool from_input = std::any_of(image.backups.begin(), image.backups.end(),
                                      [](const NamedFile& backup) { return backup.path.empty(); });
  if (from_input) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: a backup comes from standard input, and a run has none", OneLine(name)),
                "Name a file.");
  }
  if (!image.schedule.source.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: 'source' names a data source, and this is to be one", OneLine(name)),
                "`spawnctl create data-image --file` makes an image of such a file.");
  }
  return {};
}

/// A password in clear is the daemon's to refuse, who sees it in the file.
api::Connection ConnectionOf(const FetchSource& standby) {
  const api::SourceConnection& at = standby.request.connection;
  api::Connection connection;
  connection.host = at.host;
  connection.port = at.port;
  connection.user = at.user;
  connection.database = at.database;
  connection.password_file = standby.secret.file;
  connection.password_variable = standby.secret.variable;
  if (!at.ssl_mode.empty()) connection.options.emplace_back("sslmode", at.ssl_mode);
  if (!at.ssl_root_cert.empty()) connection.options.emplace_back("sslrootcert", at.ssl_root_cert);
  return connection;
}

Result<int> CreateDataSource(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  TRY_ASSIGN(const api::CreateDataSourceRequest request, SourceRequest(invocation));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Create(std::string(kSourcesPath), api::ToJson(request), {}));
  TRY_ASSIGN(const api::DataSource source, api::FromJson<api::DataSource>(json));
  ShowWarnings(invocation, source.warnings);
  if (output.format != Format::kTable) {
    TRY_ASSIGN(const std::string text, Render(json, output));
    TRY(WriteOut(text));
    return 0;
  }
  std::string text = fmt::format("Data source '{}' ({}) created!\n", OneLine(source.name), source.id);
  if (source.next_run_at != 0)
    text += fmt::format("Its next run is {}.\n", RelativeTime(source.next_run_at, std::time(nullptr)));
  TRY(WriteOut(invocation.Has("--quiet") ? OneLine(source.name) + "\n" : text));
  return 0;
}

Result<std::vector<api::DataSource>> SourcesOf(const std::string& json, bool one) {
  if (!one) return api::FromJson<std::vector<api::DataSource>>(json);
  TRY_ASSIGN(api::DataSource source, api::FromJson<api::DataSource>(json));
  return std::vector<api::DataSource>{std::move(source)};
}

Result<int> GetDataSources(const Invocation& invocation) {
  const bool wide = LowerCase(invocation.Text("--output")) == kWide;
  TRY_ASSIGN(const Output output, wide ? Result<Output>(Output()) : OutputOf(invocation));
  TRY_ASSIGN(const std::string json, GetOneOrAll(invocation, kSourcesPath));
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, output));
  } else {
    TRY_ASSIGN(const auto sources, SourcesOf(json, !invocation.Arguments().empty()));
    text = sources.empty() ? std::string(kNoResources) : SourceTable(sources, std::time(nullptr), wide);
  }
  TRY(WriteOut(text));
  return 0;
}

/// What --schedule and --keep say; "none" and "all" take them away.
Result<void> ReadChanges(const Invocation& invocation, api::UpdateDataSourceRequest& request) {
  request.name = invocation.Text("--name");
  if (!request.name.empty()) TRY(api::ValidateName(request.name, "data source"));
  if (invocation.Has("--schedule")) {
    const std::string schedule = invocation.Text("--schedule");
    request.schedule = schedule == "none" ? "" : schedule;
  }
  const std::string keep = invocation.Text("--keep");
  if (keep == "all") {
    request.keep = -1;
  } else if (invocation.Has("--keep")) {
    TRY_ASSIGN(request.keep, ParseKeep(keep));
  }
  const std::string file = invocation.Text("--file");
  if (file.empty()) return {};
  TRY_ASSIGN(const ImageYaml yaml, Definition(file));
  TRY_ASSIGN(const ImageDescription image,
             ParseImageYaml(yaml, {invocation.Arguments().front(), {}, {}, {}}));
  TRY(CheckNeedsNobody(image, yaml.name));
  request.definition = yaml.text;
  request.folder = yaml.folder;
  if (!request.schedule && !image.schedule.schedule.empty()) request.schedule = image.schedule.schedule;
  if (!request.keep && image.schedule.keep) request.keep = image.schedule.keep;
  return {};
}

Result<int> UpdateDataSource(const Invocation& invocation) {
  api::UpdateDataSourceRequest request;
  TRY(ReadChanges(invocation, request));
  const bool changes =
      !request.name.empty() || request.schedule || request.keep || !request.definition.empty();
  const bool runs = invocation.Has("--run-now");
  if (!changes && !runs) {
    return Fail(ErrorCode::kInvalidArgument, "nothing is to be changed",
                "'spawnctl update data-source --help' shows what can be.");
  }
  std::string json;
  if (changes) {
    TRY_ASSIGN(json, ChangeResource(invocation, kSourcesPath, "update", api::ToJson(request)));
  }
  if (runs) {
    // By its id: it may have another name by now.
    TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
    std::string ref = invocation.Arguments().front();
    if (changes) {
      TRY_ASSIGN(const api::DataSource changed, api::FromJson<api::DataSource>(json));
      ref = std::to_string(changed.id);
    }
    TRY_ASSIGN(json, daemon.Create(DaemonClient::Target(kSourcesPath, ref) + "/run", "{}", {}));
  }
  if (invocation.Has("--quiet")) return 0;
  TRY_ASSIGN(const api::DataSource source, api::FromJson<api::DataSource>(json));
  std::string text;
  if (changes) text += fmt::format("Data source '{}' ({}) updated!\n", OneLine(source.name), source.id);
  if (runs) text += fmt::format("A run of data source '{}' has begun.\n", OneLine(source.name));
  TRY(WriteOut(text));
  return 0;
}

Result<int> DeleteDataSources(const Invocation& invocation) {
  return DeleteEach(invocation, kSourcesPath, "Data source");
}

constexpr Flag kScheduleFlag{"--schedule", "", "<cron>",
                             "when images are made by themselves: \"0 3 * * 1-5\"; none"};
constexpr Flag kKeepFlag{"--keep", "", "<number>", "so many of the images that runs made stay; all"};

constexpr std::array<Flag, 7> kCreateFlags{{
    {"--file", "-f", "<file>", "the YAML that describes its images; - reads standard input"},
    {"--name", "-n", "<name>", "another name than the file's"},
    kScheduleFlag,
    kKeepFlag,
    kQuietFlag,
    kImageOutputFlag,
    kFormatFlag,
}};
constexpr std::array<Flag, 2> kGetFlags{{
    {"--output", "-o", "<format>", "json, yaml, name or wide"},
    kFormatFlag,
}};
constexpr std::array<Flag, 6> kUpdateFlags{{
    {"--name", "-n", "<name>", "a new name"},
    {"--file", "-f", "<file>", "the YAML that describes its images from now on"},
    kScheduleFlag,
    kKeepFlag,
    {"--run-now", "", "", "begin a run, and do not wait for its end"},
    kSilentFlag,
}};
constexpr std::array<Flag, 1> kDeleteFlags{{kSilentFlag}};

constexpr std::string_view kCreateExamples =
    "  spawnctl create data-source -f shop.yaml\n"
    "  spawnctl create data-source -f shop.yaml --schedule \"0 3 * * 1-5\" --keep 5\n"
    "\n"
    "  shop.yaml: as of a data image, and\n"
    "    schedule: \"0 3 * * 1-5\"      # as cron has it, in the machine's time zone\n"
    "    keep: 5                       # of the images that were made so, the newest\n";

constexpr std::array<Command, 4> kRows{{
    {"create", "data-source", "", 0, 0,
     "Have data images made by a schedule, or of a server that is followed", kCreateExamples, kCreateFlags,
     CreateDataSource},
    {"get", "data-source", "[<source>]", 0, 1, "List the data sources, or show one",
     "  spawnctl get data-sources\n  spawnctl get data-source shop -o yaml\n", kGetFlags, GetDataSources},
    {"update", "data-source", "<source>", 1, 1, "Change the schedule of a data source, or begin a run of it",
     "  spawnctl update data-source shop --schedule @hourly --keep 3\n"
     "  spawnctl update data-source shop --run-now\n",
     kUpdateFlags, UpdateDataSource},
    {"delete", "data-source", "<source>...", 1, kAnyNumber, "Delete data sources; their images stay",
     "  spawnctl delete data-source shop\n", kDeleteFlags, DeleteDataSources},
}};

}  // namespace

Result<api::CreateDataSourceRequest> SourceRequest(const Invocation& invocation) {
  const std::string file = invocation.Text("--file");
  if (file.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "a data source is made from a YAML file: --file <file> is missing",
                "'spawnctl create data-source --help' shows one.");
  }
  TRY_ASSIGN(const ImageYaml yaml, Definition(file));
  TRY_ASSIGN(const ImageDescription image, ParseImageYaml(yaml, {invocation.Text("--name"), {}, {}, {}}));
  TRY(CheckNeedsNobody(image, yaml.name));
  api::CreateDataSourceRequest request;
  request.name = image.request.name;
  TRY_ASSIGN(const std::string type, TopLevelText(yaml, "sourceType"));
  request.source_type = LowerCase(type);
  request.engine = image.request.engine;
  request.version = image.request.version;
  request.definition = yaml.text;
  request.folder = yaml.folder;
  request.schedule = image.schedule.schedule;
  request.keep = image.schedule.keep;
  if (const std::string schedule = invocation.Text("--schedule"); !schedule.empty())
    request.schedule = schedule == "none" ? "" : schedule;
  if (const std::string keep = invocation.Text("--keep"); !keep.empty()) {
    request.keep.reset();
    if (keep != "all") {
      TRY_ASSIGN(request.keep, ParseKeep(keep));
    }
  }
  request.max_kept_bytes = image.schedule.max_kept_bytes;
  if (image.standby) request.connection = ConnectionOf(*image.standby);
  return request;
}

std::span<const Command> DataSourceCommands() {
  return kRows;
}

}  // namespace spawnd::client
