#include "daemon/build/build.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "api/error_codes.h"
#include "api/json.h"
#include "base/file.h"
#include "base/random.h"
#include "daemon/build/backups.h"
#include "daemon/build/context.h"
#include "daemon/build/empty.h"
#include "daemon/build/restore.h"
#include "daemon/build/script_folders.h"
#include "daemon/build/server.h"
#include "daemon/images/images.h"
#include "daemon/store/disk.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::milliseconds kBetweenByteLines{100};

/// One build, from request to completed row.
class Build {
 public:
  Build(DaemonState& state, BuildOrder& order, const std::stop_token& daemon_stops)
      : state_(state),
        order_(order),
        progress_(order.reply),
        when_daemon_stops_(daemon_stops, [this] { stop_.request_stop(); }),
        when_client_gone_(order.reply.ClientGone(), [this] { stop_.request_stop(); }),
        context_{state, daemon_stops, stop_.get_token(), progress_} {}

  bool Begun() const { return begun_; }

  Result<api::DataImage> Run() {
    TRY_ASSIGN(engine_, engines::FindEngine(order_.request.engine));
    // Whatever may be refused is refused now, before there is anything to clean up.
    TRY_ASSIGN(backups_, OpenBackups(order_.request, order_.caller));
    TRY(RecogniseBackups());
    TRY(ChooseServer());
    TRY_ASSIGN(scripts_,
               FindScripts(order_.caller, order_.request.scripts_folders, engine_->ScriptEndings()));
    TRY(CheckBackups());
    const ImageRow row = NewRow();
    TRY_ASSIGN(id_, context_.Ask([&state = state_, row, stop = stop_, feed = progress_.Feed()] {
      return state.images->BeginBuild(row, stop, feed);
    }));
    begun_ = true;
    order_.reply.Begin();
    layer_id_ = RandomId();
    auto completion = MakeContent();
    auto completed =
        completion ? CompleteBuild(context_, id_, *completion) : Fail(std::move(completion.error()));
    if (completed) return ViewOfBuild(context_, id_, order_.warnings);
    const auto abandoned = AbandonBuild(context_, id_, layer_id_, completed.error());
    if (!abandoned) spdlog::error("image {} is left for the next start: {}", id_, abandoned.error().message);
    return Fail(std::move(completed.error()));
  }

 private:
  Result<void> RecogniseBackups() {
    for (OpenedBackup& backup : backups_) TRY(Recognise(*engine_, backup));
    return {};
  }

  /// What this installation cannot restore is refused before the build begins.
  Result<void> CheckBackups() {
    engines::RestoreTarget nowhere_yet;
    nowhere_yet.database = order_.request.initial_database_name;
    std::string placed;
    for (const OpenedBackup& backup : backups_) {
      TRY(backup.recognised->Plan(installation_, nowhere_yet));
      if (!backup.recognised->IsPlaced()) continue;
      if (!placed.empty()) {
        return Fail(ErrorCode::kInvalidArgument,
                    "'" + placed + "' and '" + backup.name + "' are each the files of a whole server",
                    "Make an image of each.");
      }
      placed = backup.name;
    }
    has_placements_ = !placed.empty();
    return {};
  }

  /// As the user asked, or as a backup that holds a server's own files dictates.
  Result<void> ChooseServer() {
    std::string wanted = order_.request.version;
    for (const OpenedBackup& backup : backups_) {
      const std::string dictated = backup.recognised->Version();
      if (dictated.empty()) continue;
      if (!wanted.empty() && !engine_->Satisfies(dictated, wanted)) {
        return Fail(ErrorCode::kInvalidArgument,
                    "'" + backup.name + "' holds the files of version " + dictated + ", and version '" +
                        wanted + "' cannot read them",
                    "Leave `version` out, or say " + dictated + ".");
      }
      wanted = dictated;
    }
    auto chosen = state_.installations.ChooseOrDetect(*engine_, wanted);
    if (!chosen) chosen = StandIn(std::move(chosen.error()));
    if (!chosen) return Fail(std::move(chosen.error()));
    installation_ = std::move(*chosen);
    return {};
  }

  /// Where the administrator allows it, the newest of another product in place of one that is not there at
  /// all.
  Result<engines::Installation> StandIn(Error missing) {
    const auto fallback = state_.config.engine_fallbacks.find(std::string(engine_->Name()));
    const bool other_version = state_.installations.Choose(*engine_, "").has_value();
    if (fallback == state_.config.engine_fallbacks.end() || other_version) return Fail(std::move(missing));
    TRY_ASSIGN(const engines::Engine* other, engines::FindEngine(fallback->second));
    TRY_ASSIGN(auto installation, state_.installations.Choose(*other, ""));
    const std::string& version = order_.request.version;
    stands_in_ = std::string(other->DisplayName()) + " " + installation.version + " stands in for " +
                 std::string(engine_->DisplayName()) + (version.empty() ? "" : " " + version);
    order_.warnings.push_back(stands_in_);
    engine_ = other;
    TRY(RecogniseBackups());
    return installation;
  }

  ImageRow NewRow() const {
    const api::CreateDataImageRequest& request = order_.request;
    ImageRow row;
    row.name = request.name;
    row.engine = engine_->Name();
    row.engine_version = installation_.version;
    // Of a product that another one stands in for, the version says nothing about this one.
    row.version_text = stands_in_.empty() ? request.version : "";
    row.detail = stands_in_;
    row.owner = order_.owner;
    row.durability = request.durability.value_or(api::Durability::kEverySecond);
    row.initial_database = request.initial_database_name;
    row.database = request.initial_database_name;
    row.created_at = std::time(nullptr);
    // Counts from its completion (Catalog::CompleteImage): a restore may take longer than its lifetime.
    row.expires_at = request.lifetime_seconds > 0 ? row.created_at + request.lifetime_seconds : 0;
    row.tags = request.tags;
    row.teams = request.teams;
    return row;
  }

  Restore Here() const { return {order_.caller, state_.layout.ImageLog(id_)}; }

  Result<ImageCompletion> MakeContent() {
    TRY_ASSIGN(const ImageRow empty, EnsureEmptyImage(context_, *engine_, installation_));
    TRY(context_.StopRequested());
    const api::CreateDataImageRequest& request = order_.request;
    const bool as_it_is = backups_.empty() && scripts_.scripts.empty() &&
                          request.initial_database_name.empty() && request.pre_script.empty() &&
                          request.post_script.empty();
    return as_it_is ? ReferToEmpty(empty) : RestoreAndSeal(empty);
  }

  /// The same layers under an index of its own: nothing is copied, and either image can go without the other.
  Result<ImageCompletion> ReferToEmpty(const ImageRow& empty) {
    const std::string from = state_.layout.Images() + "/" + empty.index_file;
    const std::string to = state_.layout.ImageIndex(id_);
    // A sealed file never changes, so that a second name is as good as a copy.
    if (::link(from.c_str(), to.c_str()) != 0) return FailErrno(errno, "cannot link '" + to + "'");
    TRY(PosixFileSystem().SyncDirectory(state_.layout.Images()));
    ImageCompletion completion;
    completion.data_bytes = empty.data_bytes;
    completion.index_file = std::to_string(id_) + ".index";
    TRY_ASSIGN(completion.layer_ids,
               context_.Ask([&state = state_, id = empty.id] { return state.catalog->LayersOfImage(id); }));
    return completion;
  }

  Result<ImageCompletion> RestoreAndSeal(const ImageRow& empty) {
    progress_.Stage("starting");
    TRY_ASSIGN(const auto server,
               BuildServer::Start(context_, {id_, state_.layout.Images() + "/" + empty.index_file, layer_id_,
                                             installation_, engine_->MakeCredentials(""), has_placements_}));
    auto sealed = RestoreInto(*server);
    // Asked while the server is still there: with it goes what filled the disk.
    if (!sealed) return Fail(ExplainSpace(std::move(sealed.error()), state_.layout.Root()));
    return sealed;
  }

  Result<ImageCompletion> RestoreInto(BuildServer& server) {
    const api::CreateDataImageRequest& request = order_.request;
    const std::string& initial = request.initial_database_name;
    std::vector<engines::RestorePlan> plans;
    for (const OpenedBackup& backup : backups_) {
      TRY_ASSIGN(auto plan, backup.recognised->Plan(installation_, TargetOf(initial, server)));
      plans.push_back(std::move(plan));
    }
    if (has_placements_) {
      for (size_t i = 0; i < plans.size(); ++i) {
        TRY(RunPlacements(context_, Here(), backups_[i], plans[i].placements, server));
      }
      progress_.Stage("recovering");
      TRY(server.StartEngine());
    }
    if (!initial.empty()) TRY(server.Keeper().CreateDatabase(initial));
    TRY(RunScript("preScript", request.pre_script, initial, server));
    for (size_t i = 0; i < plans.size(); ++i) {
      TRY(RunSteps(context_, Here(), backups_[i], plans[i].steps));
    }
    TRY(RunScripts(server));
    TRY_ASSIGN(std::string database, ChooseDatabase(server));
    TRY(RunScript("postScript", request.post_script, database, server));
    return server.Seal(std::move(database));
  }

  Result<void> RunScripts(const BuildServer& server) {
    LogNotes(Here(), scripts_.notes);
    for (const FoundScript& script : scripts_.scripts) {
      // One at a time, so that as many as there are do not need as many descriptors.
      TRY_ASSIGN(OpenedBackup opened, OpenScript(order_.caller, script));
      TRY(RunOpened(opened, order_.request.initial_database_name, server));
    }
    return {};
  }

  Result<void> RunScript(std::string_view name, const std::string& text, const std::string& database,
                         const BuildServer& server) {
    if (text.empty()) return {};
    TRY_ASSIGN(OpenedBackup script, ScriptAsBackup(name, text));
    return RunOpened(script, database, server);
  }

  Result<void> RunOpened(OpenedBackup& script, const std::string& database, const BuildServer& server) {
    TRY(Recognise(*engine_, script));
    TRY_ASSIGN(engines::RestorePlan plan, script.recognised->Plan(installation_, TargetOf(database, server)));
    return RunSteps(context_, Here(), script, plan.steps);
  }

  /// What clients open first: as asked for, else the only database that the restore made, else the engine's
  /// own (empty).
  Result<std::string> ChooseDatabase(BuildServer& server) {
    if (!order_.request.initial_database_name.empty()) return order_.request.initial_database_name;
    TRY_ASSIGN(const std::vector<std::string> databases, server.Keeper().UserDatabases());
    return databases.size() == 1 ? databases.front() : std::string();
  }

  DaemonState& state_;
  BuildOrder& order_;
  BuildProgress progress_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> when_daemon_stops_;
  std::stop_callback<std::function<void()>> when_client_gone_;
  BuildContext context_;
  const engines::Engine* engine_ = nullptr;
  engines::Installation installation_;
  std::string stands_in_;  ///< for what, in words; usually empty
  std::vector<OpenedBackup> backups_;
  FoundScripts scripts_;
  bool has_placements_ = false;
  int64_t id_ = 0;
  std::string layer_id_;
  bool begun_ = false;
};

}  // namespace

void BuildProgress::Bytes(std::string_view stage, uint64_t done, uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (stage == stage_ && now - last_ < kBetweenByteLines) return;
  stage_ = stage;
  last_ = now;
  api::Progress line;
  line.stage = stage;
  line.bytes_done = static_cast<int64_t>(done);
  line.bytes_total = static_cast<int64_t>(total);
  Say(line);
}

void BuildProgress::Message(std::string_view message) {
  api::Progress line;
  line.stage = stage_;
  line.message = message;
  Say(line);
}

void BuildProgress::Note(std::string_view note) {
  api::Progress line;
  line.stage = stage_;
  line.note = note;
  Say(line);
}

void BuildProgress::Say(const api::Progress& progress) {
  reply_.Line(api::ProgressLine(progress));
  feed_->Say(progress);
}

void BuildImage(DaemonState& state, BuildOrder order, const std::stop_token& stop) {
  const http::Reply reply = order.reply;
  const auto started = std::chrono::steady_clock::now();
  Build build(state, order, stop);
  auto image = build.Run();
  if (image) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    spdlog::info("image {} ('{}') is ready after {:.1f} s", image->id, image->name, took.count());
    reply.Line(api::ResultLine(api::ToJson(*image)));
    reply.End();
    return;
  }
  Error error = ExplainSpace(std::move(image.error()), state.layout.Root());
  if (error.code == ErrorCode::kCancelled) {
    // Whatever it was that noticed first, the reason is one of these.
    error.message = stop.stop_requested() ? "the daemon is stopping" : "the image build was stopped";
  }
  spdlog::warn("image '{}' was not made: {}", order.request.name, error.message);
  if (!build.Begun()) return reply.Send(api::HttpStatus(error.code), api::ToJson(error));
  reply.Line(api::ErrorLine(error));
  reply.End();
}

}  // namespace spawnd::daemon
