#include "daemon/build/build.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <optional>
#include <utility>

#include "base/file.h"
#include "daemon/build/backups.h"
#include "daemon/build/context.h"
#include "daemon/build/empty.h"
#include "daemon/build/restore.h"
#include "daemon/build/run.h"
#include "daemon/build/script_folders.h"
#include "daemon/build/server.h"
#include "daemon/catalog/catalog.h"
#include "daemon/host/installations.h"
#include "daemon/images/images.h"
#include "daemon/images/mask_digest.h"
#include "daemon/init/private_mounts.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "engines/measured_source.h"
#include "engines/registry.h"
#include "engines/restore_options.h"
#include "engines/settings.h"
#include "engines/standby/recipe.h"

namespace spawnd::daemon {
namespace {

engines::RestoreOptions OptionsOf(const api::RestoreOptions& wanted) {
  return {wanted.locale,          wanted.encoding, wanted.continue_on_error, wanted.ignored_errors,
          wanted.skip_extensions, wanted.tables,   wanted.exclude_tables,    wanted.exclude_data,
          wanted.schema_only,     wanted.at};
}

/// One build, from request to completed row.
class Build {
 public:
  Build(BuildHost& host, BuildOrder order, BuildProgress& progress, const std::stop_token& daemon_stops)
      : host_(host),
        order_(std::move(order)),
        progress_(progress),
        rights_(RightsOf(order_.caller, order_.client, order_.client_fd)),
        stop_(daemon_stops, order_.withdrawn),
        context_{host, daemon_stops, stop_.Token(), progress} {}

  const BuildContext& Context() const { return context_; }

  Result<ImageRow> Make() {
    TRY_ASSIGN(engine_, engines::FindEngine(order_.request.engine));
    TRY(engines::CheckSettings(*engine_, order_.request.settings));
    TRY(engines::CheckErrorEntries(*engine_, order_.request.restore.ignored_errors));
    // Whatever may be refused is refused now, before there is anything to clean up.
    TRY_ASSIGN(backups_, OpenBackups(context_, std::move(order_.backups), rights_));
    TRY_ASSIGN(logs_, OpenLogs(context_, std::move(order_.wal_folders), rights_));
    TRY(OpenScriptsFolders());
    TRY(RecogniseBackups());
    if (order_.cut != 0) TRY(FindCut());
    TRY(ChooseServer());
    TRY_ASSIGN(mask_digest_, MaskDigest(order_.request.mask));
    TRY_ASSIGN(scripts_, FindScripts(rights_, scripts_folders_, engine_->ScriptEndings()));
    TRY(CheckBackups());
    return Run(context_, {[&images = host_.images, row = NewRow(), stop = stop_.Source(), cut = order_.cut,
                           feed = context_.progress.Feed(), cause = order_.cause,
                           &catalog = host_.catalog]() mutable -> Result<int64_t> {
                            const auto because = catalog.events.Because(cause);
                            // What it lies on may go as soon as there is a newer one.
                            if (cut != 0) {
                              TRY_ASSIGN(row.leased_layers, catalog.images.LayersOf(cut));
                            }
                            return images.BeginBuild(row, stop, feed);
                          },
                          [this](const PendingImage& image) { return MakeContent(image); },
                          order_.request.name, order_.owner});
  }

 private:
  Result<void> OpenScriptsFolders() {
    for (ClientFile& file : order_.scripts_folders) {
      const std::string name = file.name;
      TRY_ASSIGN(ReceivedFile folder,
                 Receive(context_, std::move(file), "scripts folder", order_.caller.uid));
      if (!folder.is_folder) {
        return Fail(ErrorCode::kInvalidArgument, "scripts folder '" + name + "' is a file",
                    "Name the folder that it is in.");
      }
      scripts_folders_.push_back({name, std::move(folder.fd)});
    }
    return {};
  }

  Result<void> RecogniseBackups() {
    for (OpenedBackup& backup : backups_) {
      TRY(RecogniseOrUnpack(context_, rights_, *engine_, backup, logs_ ? &*logs_ : nullptr));
    }
    return {};
  }

  /// What this installation cannot restore is refused before the build begins.
  Result<void> CheckBackups() {
    engines::RestoreTarget nowhere_yet;
    nowhere_yet.database = order_.request.initial_database_name;
    nowhere_yet.options = OptionsOf(order_.request.restore);
    nowhere_yet.volume_bytes = host_.volume_bytes;
    std::string placed;
    for (const OpenedBackup& backup : backups_) {
      TRY(backup.recognised->Plan(installation_, nowhere_yet));
      if (!backup.recognised->IsPlaced()) continue;
      TRY(CheckFits(backup));
      if (!placed.empty()) {
        return Fail(ErrorCode::kInvalidArgument,
                    "'" + placed + "' and '" + backup.name + "' are each the files of a whole server",
                    "Make an image of each.");
      }
      placed = backup.name;
    }
    has_placements_ = has_placements_ || !placed.empty();
    if (!order_.request.mask.empty()) TRY(engine_->CheckMask(installation_, has_placements_));
    return CheckLogs(nowhere_yet.options);
  }

  Result<void> CheckLogs(const engines::RestoreOptions& options) const {
    const auto takes_logs = [](const OpenedBackup& backup) { return backup.recognised->TakesLogs(); };
    if (logs_ && std::none_of(backups_.begin(), backups_.end(), takes_logs)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "walFolder '" + logs_->name + "' has logs, and no backup here is recovered by any",
                  "It belongs to a copy of a server's files. Leave it out.");
    }
    if (!options.at.empty() && std::none_of(backups_.begin(), backups_.end(), takes_logs)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'at' is a point in time of a server's log, and no backup here is recovered by any",
                  "It belongs to a copy of a server's files with `walFolder:`. Leave it out.");
    }
    return {};
  }

  /// What is placed takes its own size on the volume, at least.
  Result<void> CheckFits(const OpenedBackup& backup) const {
    if (!backup.state) return {};
    TRY(engines::CheckFits(backup.name, backup.state->Bytes(), host_.volume_bytes));
    const uint64_t bytes = backup.state->WrittenBytes();
    TRY_ASSIGN(const DiskUse disk, UseOfDisk(host_.layout.Root()));
    if (bytes <= disk.free_bytes) return {};
    return Fail(ErrorCode::kNoSpace,
                "backup '" + backup.name + "' has " + SizeInWords(bytes) + ", and the disk of '" +
                    host_.layout.Root() + "' " + SizeInWords(disk.free_bytes) + " free",
                "Make room there, for example with `spawnctl delete data-image`.");
  }

  Result<void> FindCut() {
    TRY_ASSIGN(cut_,
               context_.Ask([&catalog = host_.catalog, id = order_.cut] { return catalog.images.ById(id); }));
    TRY_ASSIGN(engine_, engines::FindEngine(cut_.engine));
    if (engine_->Standby() == nullptr) return Fail(ErrorCode::kInternal, "a cut of what is no standby");
    has_placements_ = true;
    return {};
  }

  /// Chooses the version that the user asked for. A backup that holds a server's own files dictates it.
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
    auto chosen = order_.cut != 0 ? host_.installations.ForDataOrDetect(*engine_, cut_.engine_version)
                                  : host_.installations.ChooseOrDetect(*engine_, wanted);
    if (!chosen && chosen.error().code == ErrorCode::kUnsupported) {
      chosen = StandIn(std::move(chosen.error()));
    }
    if (!chosen) return Fail(std::move(chosen.error()));
    installation_ = std::move(*chosen);
    if (order_.request.tls && !engine_->CanRequireTls()) {
      return Fail(ErrorCode::kUnsupported,
                  std::string(engine_->DisplayName()) + " cannot be told to take TLS connections only",
                  "Leave `tls: true` out.");
    }
    return {};
  }

  /// Chooses the newest version of another product when this one is not installed at all and the
  /// administrator allows a stand-in.
  Result<engines::Installation> StandIn(Error missing) {
    const auto fallback = host_.engine_fallbacks.find(std::string(engine_->Name()));
    const bool other_version = host_.installations.Choose(*engine_, "").has_value();
    if (fallback == host_.engine_fallbacks.end() || other_version) return Fail(std::move(missing));
    TRY_ASSIGN(const engines::Engine* other, engines::FindEngine(fallback->second));
    TRY_ASSIGN(auto installation, host_.installations.Choose(*other, ""));
    const std::string& version = order_.request.version;
    stands_in_ = std::string(other->DisplayName()) + " " + installation.version + " stands in for " +
                 std::string(engine_->DisplayName()) + (version.empty() ? "" : " " + version);
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
    // The version belongs to the product that was asked for. It says nothing about the one that stands in.
    row.version_text = stands_in_.empty() ? request.version : "";
    row.detail = stands_in_;
    row.owner = order_.owner;
    row.durability = request.durability.value_or(api::Durability::kEverySecond);
    row.warm = request.warm.value_or(-1);
    row.network = request.network;
    row.tls = request.tls;
    row.superuser = MayHaveSuperuser();
    row.limits = request.limits;
    row.settings = request.settings;
    row.sleep_after = request.sleep_after_seconds.value_or(-1);
    row.mask_digest = mask_digest_;
    row.initial_database = request.initial_database_name;
    row.database = request.initial_database_name;
    row.created_at = std::time(nullptr);
    // Counts from its completion (ImageTable::Complete): a restore may take longer than its lifetime.
    row.expires_at = request.lifetime_seconds > 0 ? row.created_at + request.lifetime_seconds : 0;
    row.tags = request.tags;
    row.teams = request.teams;
    row.idle_teams = order_.idle_teams;
    row.source_id = order_.source_id;
    row.source_run = order_.source_run;
    return row;
  }

  bool MayHaveSuperuser() const { return order_.request.superuser.value_or(true); }

  Restore Here() {
    return {rights_, order_.client_fd ? order_.client_fd->Get() : -1, host_.layout.ImageLog(image_.id),
            &passed_over_};
  }

  Result<ImageCompletion> MakeContent(const PendingImage& image) {
    image_ = image;
    if (order_.cut != 0) return RestoreAndSeal(cut_);
    TRY_ASSIGN(const ImageRow empty, EnsureEmptyImage(context_, *engine_, installation_));
    TRY(context_.StopRequested());
    const api::CreateDataImageRequest& request = order_.request;
    // What a superuser made is handed over once, here.
    // What settings the server takes, only a server can say.
    const bool as_it_is = MayHaveSuperuser() && request.settings.empty() && backups_.empty() &&
                          scripts_.scripts.empty() && request.initial_database_name.empty() &&
                          request.pre_script.empty() && request.post_script.empty() && request.mask.empty();
    auto completion = as_it_is ? ReferToEmpty(empty) : RestoreAndSeal(empty);
    if (completion) TRY(context_.StopRequested());
    return completion;
  }

  /// The same layers under an index of its own: nothing is copied, and either image can go without the other.
  Result<ImageCompletion> ReferToEmpty(const ImageRow& empty) {
    const std::string from = host_.layout.Images() + "/" + empty.index_file;
    const std::string to = host_.layout.ImageIndex(image_.id);
    // A sealed file never changes, so that a second name is as good as a copy.
    if (::link(from.c_str(), to.c_str()) != 0) return FailErrno(errno, "cannot link '" + to + "'");
    TRY(PosixFileSystem().SyncDirectory(host_.layout.Images()));
    ImageCompletion completion;
    completion.data_bytes = empty.data_bytes;
    completion.index_file = std::to_string(image_.id) + ".index";
    TRY_ASSIGN(completion.layer_ids, context_.Ask([&catalog = host_.catalog, id = empty.id] {
      return catalog.images.LayersOf(id);
    }));
    return completion;
  }

  Result<ImageCompletion> RestoreAndSeal(const ImageRow& base) {
    progress_.Stage("starting");
    TRY_ASSIGN(const auto server, BuildServer::Start(context_, {image_.id,
                                                                host_.layout.Images() + "/" + base.index_file,
                                                                image_.layer_id,
                                                                installation_,
                                                                engine_->MakeCredentials(""),
                                                                has_placements_,
                                                                order_.request.network,
                                                                order_.request.limits,
                                                                {},
                                                                MayHaveSuperuser(),
                                                                SettingsOfBuild(),
                                                                PurposeOfBuild()}));
    auto sealed = RestoreInto(*server);
    // Asked while the server is still there: with it goes what filled the disk.
    if (!sealed) return Fail(server->Explain(std::move(sealed.error())));
    return sealed;
  }

  engines::Settings SettingsOfBuild() const {
    if (order_.request.mask.empty()) return order_.request.settings;
    return engines::Overlay(engine_->SettingsForMask(installation_), order_.request.settings);
  }

  /// What scripts and masks change leaves rows behind that nobody is to see, and tables without statistics.
  engines::Purpose PurposeOfBuild() const {
    const api::CreateDataImageRequest& request = order_.request;
    const bool as_it_is = scripts_.scripts.empty() && request.pre_script.empty() &&
                          request.post_script.empty() && request.mask.empty();
    return order_.cut != 0 && as_it_is ? engines::Purpose::kPromote : engines::Purpose::kBuild;
  }

  Result<ImageCompletion> RestoreInto(BuildServer& server) {
    const api::CreateDataImageRequest& request = order_.request;
    const std::string& initial = request.initial_database_name;
    std::vector<engines::RestorePlan> plans;
    for (const OpenedBackup& backup : backups_) {
      engines::RestoreTarget target = TargetOf(initial, server);
      target.options = OptionsOf(request.restore);
      target.volume_bytes = host_.volume_bytes;
      target.installed = Installed();
      TRY_ASSIGN(auto plan, backup.recognised->Plan(installation_, target));
      plans.push_back(std::move(plan));
    }
    if (has_placements_) {
      for (size_t i = 0; i < plans.size(); ++i) {
        TRY(CheckUnchanged(backups_[i], rights_,
                           RunPlacements(context_, Here(), backups_[i], logs_ ? &*logs_ : nullptr,
                                         plans[i].placements, server)));
      }
      if (order_.cut != 0) {
        TRY(RunCommands(context_, Here(),
                        engine_->Standby()->Promote(cut_.name, ContainerPaths(), installation_.version),
                        server));
      }
      progress_.Stage("recovering");
      TRY(server.StartEngine());
    }
    TRY(MakeInitialDatabase(plans, server));
    TRY(RunScript("preScript", request.pre_script, initial, server));
    for (size_t i = 0; i < plans.size(); ++i) {
      TRY(CheckUnchanged(backups_[i], rights_,
                         RunSteps(context_, Here(), backups_[i], plans[i].steps, server)));
    }
    TRY(RunScripts(server));
    TRY_ASSIGN(std::string database, ChooseDatabase(server));
    TRY(RunScript("postScript", request.post_script, database, server));
    // The last: nothing that is not masked comes after it.
    TRY(RunMask(context_, Here(), request.mask, server));
    TRY_ASSIGN(ImageCompletion completion, server.Seal(std::move(database)));
    completion.detail = Detail();
    return completion;
  }

  /// What is to be known of the image.
  std::string Detail() {
    const std::string passed_over = PassedOverInWords(passed_over_);
    if (passed_over.empty()) return stands_in_;
    LogNotes(Here(), {passed_over});
    return stands_in_.empty() ? passed_over : stands_in_ + "; " + passed_over;
  }

  /// What this machine has of the engine, newest first.
  std::vector<std::string> Installed() const {
    std::vector<std::string> versions;
    for (const engines::Installation& one : host_.installations.All()) {
      if (one.engine == engine_->Name() && one.problem.empty()) versions.push_back(one.version);
    }
    return versions;
  }

  /// As the first backup that says how wants it, or the keys for it do.
  Result<void> MakeInitialDatabase(std::vector<engines::RestorePlan>& plans, BuildServer& server) {
    const api::CreateDataImageRequest& request = order_.request;
    if (request.initial_database_name.empty()) {
      if (plans.empty() && !(request.restore.locale.empty() && request.restore.encoding.empty())) {
        Warn(
            "`locale` and `encoding` change nothing: they are for the database that `initialDatabaseName` "
            "names, and there is none");
      }
      return {};
    }
    for (size_t i = 0; i < plans.size(); ++i) {
      if (plans[i].database.empty()) continue;
      TRY(RunSteps(context_, Here(), backups_[i], plans[i].database, server));
      break;
    }
    if (plans.empty() && !(request.restore.locale.empty() && request.restore.encoding.empty())) {
      TRY_ASSIGN(OpenedBackup nothing, ScriptAsBackup("locale", ""));
      TRY(Recognise(*engine_, nothing));
      engines::RestoreTarget target = TargetOf(request.initial_database_name, server);
      target.options = OptionsOf(request.restore);
      TRY_ASSIGN(engines::RestorePlan plan, nothing.recognised->Plan(installation_, target));
      TRY(RunSteps(context_, Here(), nothing, plan.database, server));
    }
    return server.Keeper().CreateDatabase(request.initial_database_name);
  }

  Result<void> RunScripts(BuildServer& server) {
    LogNotes(Here(), scripts_.notes);
    for (const FoundScript& script : scripts_.scripts) {
      // One at a time, so that as many as there are do not need as many descriptors.
      TRY_ASSIGN(OpenedBackup opened, OpenScript(rights_, script));
      TRY(RunOpened(opened, order_.request.initial_database_name, server));
    }
    return {};
  }

  Result<void> RunScript(std::string_view name, const std::string& text, const std::string& database,
                         BuildServer& server) {
    if (text.empty()) return {};
    TRY_ASSIGN(OpenedBackup script, ScriptAsBackup(name, text));
    return RunOpened(script, database, server);
  }

  Result<void> RunOpened(OpenedBackup& script, const std::string& database, BuildServer& server) {
    TRY(Recognise(*engine_, script));
    TRY_ASSIGN(engines::RestorePlan plan, script.recognised->Plan(installation_, TargetOf(database, server)));
    return RunSteps(context_, Here(), script, plan.steps, server);
  }

  /// What clients open first: as asked for, else the only database that the restore made, else the engine's
  /// own (empty). A backup that makes a database of its own leaves the one that was asked for empty; clients
  /// then open what has the data.
  Result<std::string> ChooseDatabase(BuildServer& server) {
    const std::string& initial = order_.request.initial_database_name;
    // The files of a whole server have databases of their own in any case.
    if (!initial.empty() && (backups_.empty() || has_placements_)) return initial;
    TRY_ASSIGN(const std::vector<std::string> databases, server.Keeper().UserDatabases());
    if (initial.empty()) return databases.size() == 1 ? databases.front() : std::string();
    const bool filled = std::find(databases.begin(), databases.end(), initial) != databases.end();
    if (filled || databases.empty() || engines::HasInAnyCase(*engine_, initial)) return initial;
    const bool one = databases.size() == 1;
    std::string names;
    for (const std::string& name : databases) names += (names.empty() ? "'" : ", '") + name + "'";
    const std::string warning = "nothing went into database '" + initial +
                                "' (initialDatabaseName): the data is in " + names +
                                (one ? ", which clients open first" : "");
    Warn(warning);
    return one ? databases.front() : initial;
  }

  void Warn(const std::string& warning) {
    LogNotes(Here(), {warning});
    progress_.Message(warning);
  }

  BuildHost& host_;
  BuildOrder order_;
  BuildProgress& progress_;
  const FileRights rights_;
  const BuildStop stop_;
  const BuildContext context_;
  const engines::Engine* engine_ = nullptr;
  engines::Installation installation_;
  std::string mask_digest_;  ///< of the rules; usually empty
  std::string stands_in_;    ///< for what, in words; usually empty
  std::vector<OpenedBackup> backups_;
  std::optional<OpenedBackup> logs_;
  std::vector<ScriptsFolder> scripts_folders_;
  FoundScripts scripts_;
  bool has_placements_ = false;
  uint64_t passed_over_ = 0;  ///< errors, because the request says so
  PendingImage image_;
  ImageRow cut_;  ///< with order_.cut
};

}  // namespace

Result<ImageRow> BuildImage(BuildHost& host, BuildOrder order, BuildProgress& progress,
                            const std::stop_token& stop) {
  const auto started = std::chrono::steady_clock::now();
  const std::string name = order.request.name;
  Build build(host, std::move(order), progress, stop);
  auto image = build.Make();
  if (image) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    spdlog::info("image {} ('{}') is ready after {:.1f} s", image->id, image->name, took.count());
    return image;
  }
  Error error = WhyItEnded(std::move(image.error()), build.Context(), "the image build");
  spdlog::warn("image '{}' was not made: {}", name, error.message);
  return Fail(std::move(error));
}

}  // namespace spawnd::daemon
