/// The beginning and the end of a standby: its base copy with a slot on the primary, and taking both down.
#include <spdlog/spdlog.h>

#include <utility>

#include "base/file.h"
#include "base/random.h"
#include "daemon/catalog/catalog.h"
#include "daemon/host/installations.h"
#include "daemon/sources/standby_thread.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kCopyDeadline{7 * 24h};
constexpr std::chrono::seconds kSyncDeadline{3600};
constexpr std::chrono::seconds kDropDeadline{30};
/// The server may take a moment to see that nobody has the slot any more.
constexpr int kDropAttempts = 10;
constexpr auto kBetweenDrops = 500ms;
constexpr auto kProgressEvery = 2s;
constexpr size_t kRandomLetters = 8;

}  // namespace

void StandbyThread::CopyAndStart() {
  const auto copied = Copy();
  if (copied) {
    phase_ = Phase::kRunning;
    next_ = std::chrono::steady_clock::now();
    spdlog::info("the standby of data source {} ('{}') follows", source_id_, row_.name);
    return;
  }
  if (phase_ == Phase::kDown) return;  // copied, but not started
  Error why = copied.error();
  // What was begun goes. A daemon that stops leaves it to the next one, which begins anew.
  if (stop_.stop_requested()) return;
  phase_ = Phase::kFailed;
  if (container_ != nullptr && !row_.slot.empty()) {
    const auto dropped = DropSlotIn(*container_, kDropAttempts);
    if (!dropped) why.message += " (" + dropped.error().message + ")";
  }
  if (container_ != nullptr) {
    const auto ended = container_->End();
    if (!ended) spdlog::error("standby of data source {}: {}", source_id_, ended.error().message);
    container_.reset();
  }
  const auto removed = RemoveFiles();
  if (!removed) spdlog::error("standby of data source {}: {}", source_id_, removed.error().message);
  trouble_ = why;
  spdlog::warn("data source {} ('{}'): {}", source_id_, row_.name, why.message);
  if (checked_) {
    return Answer([done = std::exchange(checked_, {}), why] { done(spawnd::Fail(why)); });
  }
  Say(kStandbyFailed, why.message + (why.hint.empty() ? "" : ". " + why.hint), -1);
}

Result<void> StandbyThread::Copy() {
  TRY(RemoveFiles());
  TRY_ASSIGN(container_, LaunchForCopy());
  // Of a copy that a daemon began which ended in it.
  TRY(DropSlotIn(*container_, kDropAttempts));
  if (checked_) Answer([done = std::exchange(checked_, {})] { done({}); });
  TRY(RunCopy(*container_));
  StandbyChange whole;
  whole.state = row_.state = kStandbyLagging;
  whole.detail = row_.detail = "it starts";
  TRY(Note(whole));
  phase_ = Phase::kDown;
  may_be_found_ = false;
  auto started = StartIn(*container_);
  if (!started && !give_up_.stop_requested()) GoDown(started.error());
  return started;
}

/// In the version that was asked for, else in the one that the primary turns out to have.
Result<std::unique_ptr<StandbyContainer>> StandbyThread::LaunchForCopy() {
  TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(row_.engine));
  TRY_ASSIGN(installation_, host_.installations.ChooseOrDetect(*engine, row_.version_text));
  if (row_.version_text.empty() && !recipe_->CanFollow(installation_)) TakeOneThatCanAsk();
  TRY(recipe_->CanFollow(installation_));
  if (row_.slot.empty()) {
    row_.slot = recipe_->SlotName(source_id_, RandomText(kRandomLetters, kLowerLetters));
    // Before there is one: whoever finds it there knows whose it is.
    StandbyChange change;
    change.slot = row_.slot;
    TRY(Note(change));
  }
  for (const bool again : {false, true}) {
    const std::string directory = host_.layout.StandbyVolume(source_id_, 0);
    TRY(RemoveFiles());
    TRY(PosixFileSystem().CreateDirectory(host_.layout.Standby(source_id_)));
    TRY(PosixFileSystem().CreateDirectory(directory));
    TRY_ASSIGN(FoundPrimary primary, FindIt());
    StandbyContainer::Plan plan = PlanFor(directory, std::move(primary));
    plan.is_fresh = true;
    TRY_ASSIGN(auto container, StandbyContainer::Launch(host_, std::move(plan), give_up_.get_token()));
    bool is_other_version = false;
    auto checked = CheckPrimary(*container, is_other_version);
    if (checked && !is_other_version) return container;
    TRY(container->End());
    if (!checked) return spawnd::Fail(std::move(checked.error()));
    if (again) break;
  }
  return spawnd::Fail(ErrorCode::kUnavailable, "the server has become one of another version");
}

/// Any will do to ask the primary for its version; the newest may lack the programs.
void StandbyThread::TakeOneThatCanAsk() {
  for (const engines::Installation& one : host_.installations.All()) {
    if (one.engine != row_.engine || !one.problem.empty() || !recipe_->CanFollow(one)) continue;
    installation_ = one;
    return;
  }
}

/// `is_other_version`: it can be followed, by installation_, which is another one now.
Result<void> StandbyThread::CheckPrimary(StandbyContainer& container, bool& is_other_version) {
  TRY_ASSIGN(const engines::PrimaryState primary, AskPrimary(container));
  auto can = recipe_->CanFollow(installation_, primary);
  if (!can) {
    if (!row_.version_text.empty()) return can;
    TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(row_.engine));
    auto other = host_.installations.ChooseOrDetect(*engine, engine->MajorVersion(primary.version));
    if (!other) {
      other.error().message = "the server is " + std::string(engine->DisplayName()) + " " + primary.version +
                              ", and " + other.error().message;
      return spawnd::Fail(std::move(other.error()));
    }
    installation_ = std::move(*other);
    auto complete = recipe_->CanFollow(installation_);
    if (!complete) return spawnd::Fail(complete.error().Wrap("the server is " + std::string(engine->DisplayName()) + " " + primary.version));
    is_other_version = true;
    return {};
  }
  row_.server_version = primary.version;
  row_.server_identity = primary.identity;
  StandbyChange change;
  change.server_version = primary.version;
  change.server_identity = primary.identity;
  return Note(change);
}

Result<void> StandbyThread::RunCopy(StandbyContainer& container) {
  engines::CopyProgress progress;
  auto next = std::chrono::steady_clock::now();
  const auto note = [&] {
    StandbyChange change;
    change.copied_bytes = row_.copied_bytes = static_cast<int64_t>(progress.bytes_done);
    change.detail = row_.detail =
        SizeInWords(progress.bytes_done) + " of " + SizeInWords(progress.bytes_total) + " copied";
    return Note(change);
  };
  const auto line = [&](std::string_view said) {
    const auto now = recipe_->ReadProgress(said);
    if (!now) return;
    progress = *now;
    if (std::chrono::steady_clock::now() < next) return;
    next = std::chrono::steady_clock::now() + kProgressEvery;
    // The next one says it, too.
    static_cast<void>(note());
  };
  const engines::Launch launch = container.Launched();
  TRY_ASSIGN(const auto copied,
             container.Run(recipe_->CopyCommand(launch), kCopyDeadline, give_up_.get_token(), line));
  if (copied.exit_code != 0) {
    Error why = recipe_->Explain(*launch.primary, copied.output);
    if (progress.bytes_done > 0) {
      why.message +=
          ", after " + SizeInWords(progress.bytes_done) + " of " + SizeInWords(progress.bytes_total);
    }
    return spawnd::Fail(std::move(why));
  }
  TRY(note());
  // From here on the next daemon goes on with these files, also after a power cut.
  TRY_ASSIGN(const auto synced,
             container.Run({{"/bin/sync", "-f", launch.paths.data_directory}, {"PATH=/usr/bin:/bin"}, "/"},
                           kSyncDeadline, give_up_.get_token()));
  if (synced.exit_code == 0) return {};
  return spawnd::Fail(ErrorCode::kIo, "what was copied cannot be synced: " + synced.output);
}

Result<void> StandbyThread::DropSlotIn(const StandbyContainer& container, int attempts) const {
  const engines::Launch launch = container.Launched();
  for (int attempt = 1;; ++attempt) {
    // Also while the standby is given up, but not while the daemon stops.
    auto dropped = container.Run(recipe_->DropSlot(launch), kDropDeadline, stop_.get_token());
    if (dropped && dropped->exit_code == 0) return {};
    if (attempt < attempts && dropped && !stop_.stop_requested()) {
      std::this_thread::sleep_for(kBetweenDrops);
      continue;
    }
    Error why = dropped ? recipe_->Explain(*launch.primary, dropped->output) : dropped.error();
    why.message = "slot '" + row_.slot + "' is still on the server: " + why.message;
    why.hint = recipe_->HowToDropSlot(*launch.primary);
    return spawnd::Fail(std::move(why));
  }
}

/// In a container of its own, with nothing on its volume.
Result<void> StandbyThread::DropSlot() {
  const std::string directory = host_.layout.Standby(source_id_) + "/drop";
  auto primary = FindIt();
  if (!primary) {
    Error why = primary.error().Wrap("slot '" + row_.slot + "' is still on the server");
    return spawnd::Fail(std::move(why));
  }
  TRY(PosixFileSystem().CreateDirectory(host_.layout.Standby(source_id_)));
  TRY(KeeperClient::End(directory, kKillDeadline));
  TRY(RemoveTree(directory));
  TRY(PosixFileSystem().CreateDirectory(directory));
  StandbyContainer::Plan plan = PlanFor(directory, std::move(*primary));
  plan.is_fresh = true;
  TRY_ASSIGN(const auto container, StandbyContainer::Launch(host_, std::move(plan), stop_.get_token()));
  auto dropped = DropSlotIn(*container, kDropAttempts);
  TRY(container->End());
  TRY(RemoveTree(directory));
  return dropped;
}

/// All folders of it, with whatever runs in them.
Result<void> StandbyThread::RemoveFiles() {
  const std::string folder = host_.layout.Standby(source_id_);
  TRY_ASSIGN(const bool there, PosixFileSystem().Exists(folder));
  if (!there) return {};
  TRY_ASSIGN(const auto names, PosixFileSystem().List(folder));
  for (const std::string& name : names) TRY(KeeperClient::End(folder + "/" + name, kKillDeadline));
  return RemoveTree(folder);
}

/// For one that has none yet: any that may speak to the server.
Result<void> StandbyThread::ChooseInstallation() {
  if (!installation_.root.empty()) return {};
  TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(row_.engine));
  TRY_ASSIGN(installation_, row_.server_version.empty()
                                ? host_.installations.ChooseOrDetect(*engine, row_.version_text)
                                : host_.installations.ForDataOrDetect(*engine, row_.server_version));
  return {};
}

void StandbyThread::TakeDown(const Done& done) {
  Result<void> ended;
  if (container_ != nullptr) ended = container_->End();
  container_.reset();
  const auto gone = ended ? RemoveFiles() : ended;
  Result<void> dropped;
  if (recipe_ != nullptr && !row_.slot.empty()) {
    dropped = ChooseInstallation();
    if (dropped) dropped = DropSlot();
    const auto again = RemoveFiles();
    if (!again) spdlog::error("standby of data source {}: {}", source_id_, again.error().message);
  }
  if (!gone) spdlog::error("standby of data source {}: {}", source_id_, gone.error().message);
  Answer([done, outcome = gone ? dropped : gone] { done(outcome); });
}

}  // namespace spawnd::daemon
