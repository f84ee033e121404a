#include "daemon/sources/standby_thread.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "api/json.h"
#include "api/source/mapping.h"
#include "base/file.h"
#include "daemon/catalog/catalog.h"
#include "daemon/host/installations.h"
#include "daemon/sources/new_source.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr auto kLookEvery = 10s;
constexpr auto kFirstLook = 1s;
/// Its first try again, doubled with each failure.
constexpr auto kRetry = 1s;
constexpr std::chrono::seconds kLongestRetry = 300s;
constexpr auto kAskDeadline = 30s;
constexpr auto kPrepareDeadline = 60s;
/// Less than that is the way of things.
constexpr uint64_t kWorthSaying = uint64_t{64} << 20U;
constexpr uint64_t kDefaultKept = uint64_t{16} << 30U;

std::chrono::seconds RetryAfter(int failures) {
  return std::min<std::chrono::seconds>(kRetry * (int64_t{1} << std::min(failures, 10)), kLongestRetry);
}

}  // namespace

StandbyThread::StandbyThread(BuildHost& host, int64_t source_id, Done checked)
    : host_(host), source_id_(source_id), post_(host.mailbox.Posting()), checked_(std::move(checked)) {
  thread_ = std::thread([this] { Run(); });
}

StandbyThread::~StandbyThread() {
  RequestStop();
  thread_.join();
}

void StandbyThread::RequestStop() {
  stop_.request_stop();
  give_up_.request_stop();
  wake_.notify_all();
}

void StandbyThread::AskForCut(CutDone done) {
  const std::lock_guard lock(mutex_);
  cuts_.push_back(std::move(done));
  wake_.notify_all();
}

void StandbyThread::AskForEnd(Done done) {
  {
    const std::lock_guard lock(mutex_);
    end_ = std::move(done);
  }
  give_up_.request_stop();
  wake_.notify_all();
}

void StandbyThread::Answer(std::function<void()> answer) const {
  post_(std::move(answer));
}

void StandbyThread::Run() {
  const auto loaded = Load();
  if (!loaded) Refuse(loaded.error());
  while (!stop_.stop_requested()) {
    std::optional<Done> end;
    {
      const std::lock_guard lock(mutex_);
      end = std::exchange(end_, std::nullopt);
    }
    if (end) {
      TakeDown(*end);
      break;
    }
    Work();
    if (!Wait()) break;
  }
  // Who still waits is told.
  std::vector<CutDone> cuts;
  {
    const std::lock_guard lock(mutex_);
    cuts = std::exchange(cuts_, {});
  }
  if (checked_) {
    Answer([done = std::exchange(checked_, {})] {
      done(spawnd::Fail(ErrorCode::kCancelled, "the data source was deleted while its server was asked"));
    });
  }
  for (CutDone& done : cuts) {
    Answer([done = std::move(done)] {
      done(spawnd::Fail(ErrorCode::kCancelled, "the data source is going, or the daemon is stopping"));
    });
  }
}

void StandbyThread::Work() {
  const bool due = steady_clock::now() >= next_;
  if (phase_ == Phase::kCopying) CopyAndStart();
  if (phase_ == Phase::kDown && due) StartServer();
  ServeCuts();
  if (phase_ == Phase::kRunning && steady_clock::now() >= next_) Look();
}

/// Until something is to be done. False: the daemon stops.
bool StandbyThread::Wait() {
  std::unique_lock lock(mutex_);
  const auto wanted = [this] { return !cuts_.empty() || end_.has_value(); };
  if (phase_ == Phase::kCopying) return !stop_.stop_requested();
  if (phase_ == Phase::kFailed) {
    wake_.wait(lock, stop_.get_token(), wanted);
  } else {
    wake_.wait_until(lock, stop_.get_token(), next_, wanted);
  }
  return !stop_.stop_requested();
}

Result<void> StandbyThread::Note(const StandbyChange& change) {
  return Ask(
      [&catalog = host_.catalog, id = source_id_, change] { return catalog.sources.SetStandby(id, change); });
}

Result<void> StandbyThread::Load() {
  TRY_ASSIGN(row_, Ask([&catalog = host_.catalog, id = source_id_] { return catalog.sources.ById(id); }));
  TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(row_.engine));
  TRY_ASSIGN(recipe_, RecipeOf(*engine));
  if (row_.max_kept_bytes <= 0) row_.max_kept_bytes = kDefaultKept;
  if (row_.state == kStandbyCopying || row_.state.empty()) {
    phase_ = Phase::kCopying;
    return {};
  }
  TRY_ASSIGN(installation_, host_.installations.ForDataOrDetect(*engine, row_.server_version));
  if (row_.state == kStandbyFailed) {
    phase_ = Phase::kFailed;
    trouble_ = Error(ErrorCode::kUnavailable, row_.detail);
  }
  return {};
}

Result<FoundPrimary> StandbyThread::FindIt() const {
  TRY_ASSIGN(const auto connection, api::FromJson<api::Connection>(row_.connection));
  TRY_ASSIGN(FoundPrimary found, FindPrimary(*recipe_, connection, row_.owner));
  found.primary.slot = row_.slot;
  return found;
}

StandbyContainer::Plan StandbyThread::PlanFor(const std::string& directory, FoundPrimary primary) const {
  StandbyContainer::Plan plan;
  plan.source_id = source_id_;
  plan.directory = directory;
  plan.installation = installation_;
  plan.primary = std::move(primary);
  return plan;
}

void StandbyThread::StartServer() {
  const auto launched = LaunchServer();
  if (launched) {
    phase_ = Phase::kRunning;
    next_ = steady_clock::now() + kFirstLook;
    return;
  }
  if (give_up_.stop_requested()) return;
  if (phase_ != Phase::kFailed) GoDown(launched.error());
}

/// One of the daemon before, if it runs and is as it should be; else a new one.
Result<void> StandbyThread::LaunchServer() {
  TRY_ASSIGN(FoundPrimary primary, FindIt());
  StandbyContainer::Plan plan =
      PlanFor(host_.layout.StandbyVolume(source_id_, row_.base_image_id), std::move(primary));
  if (row_.base_image_id != 0) plan.index_path = host_.layout.ImageIndex(row_.base_image_id);
  if (std::exchange(may_be_found_, false)) {
    auto found = StandbyContainer::Find(host_, plan);
    if (found) {
      container_ = std::move(*found);
      if (AskStandby()) return {};
      TRY(container_->StopInOrder(give_up_.get_token()));
      container_.reset();
    }
  }
  // Whatever still has the volume open, of an earlier try or daemon.
  TRY(KeeperClient::End(plan.directory, kKillDeadline));
  TRY_ASSIGN(container_, StandbyContainer::Launch(host_, std::move(plan), give_up_.get_token()));
  auto started = StartIn(*container_);
  if (started) return {};
  const Error why = started.error();
  if (auto broken = recipe_->Broken(container_->Launched().primary.value(), container_->LogTail())) {
    Fail(*broken);
  }
  return spawnd::Fail(why);
}

Result<void> StandbyThread::StartIn(StandbyContainer& container) {
  TRY_ASSIGN(const auto prepared, container.Run(recipe_->PrepareStart(container.Launched()), kPrepareDeadline,
                                                give_up_.get_token()));
  if (prepared.exit_code != 0) {
    return spawnd::Fail(ErrorCode::kCorrupt, "the standby's files are not whole: " + prepared.output);
  }
  return container.StartEngine(give_up_.get_token());
}

/// It does not run. What can be is tried again, later each time.
void StandbyThread::GoDown(const Error& why) {
  if (container_ != nullptr) {
    const auto ended = container_->End();
    if (!ended) spdlog::error("standby of data source {}: {}", source_id_, ended.error().message);
  }
  container_.reset();
  phase_ = Phase::kDown;
  trouble_ = why;
  next_ = steady_clock::now() + RetryAfter(failures_++);
  spdlog::warn("the standby of data source {} ('{}') does not run: {}", source_id_, row_.name, why.message);
  Say(kStandbyLagging, why.message, -1);
}

/// It has not begun. Who waits for it is told, and has the row removed; else the row says it.
void StandbyThread::Refuse(const Error& why) {
  if (!checked_) return Fail(why);
  phase_ = Phase::kFailed;
  trouble_ = why;
  Answer([done = std::exchange(checked_, {}), why] { done(spawnd::Fail(why)); });
}

/// It does not go on, ever: nothing is kept for it on the primary any more.
void StandbyThread::Fail(const Error& why) {
  spdlog::warn("the standby of data source {} ('{}') has failed: {}", source_id_, row_.name, why.message);
  phase_ = Phase::kFailed;
  trouble_ = why;
  std::string detail = why.message + (why.hint.empty() ? "" : ". " + why.hint);
  if (container_ != nullptr) {
    const auto ended = container_->End();
    if (!ended) spdlog::error("standby of data source {}: {}", source_id_, ended.error().message);
    container_.reset();
  }
  if (recipe_ != nullptr && !row_.slot.empty()) {
    const auto dropped = DropSlot();
    if (!dropped) detail += " (" + dropped.error().message + ")";
  }
  Say(kStandbyFailed, detail, -1);
}

void StandbyThread::Say(std::string_view state, const std::string& detail, int64_t lag_bytes) {
  StandbyChange change;
  change.state = state;
  change.detail = detail;
  change.lag_bytes = lag_bytes;
  if (received_ != 0 && recipe_ != nullptr) change.position = recipe_->PositionText(received_);
  if (row_.state == state && row_.detail == detail && row_.lag_bytes == lag_bytes &&
      row_.position == change.position.value_or(row_.position)) {
    return;
  }
  row_.state = state;
  row_.detail = detail;
  row_.lag_bytes = lag_bytes;
  row_.position = change.position.value_or(row_.position);
  const auto noted = Note(change);
  if (!noted && !stop_.stop_requested()) {
    spdlog::error("the state of data source {} is not written: {}", source_id_, noted.error().message);
  }
}

Result<engines::PrimaryState> StandbyThread::AskPrimary(const StandbyContainer& container) const {
  const engines::Launch launch = container.Launched();
  const auto asked = container.Run(recipe_->AskPrimary(launch), kAskDeadline, give_up_.get_token());
  if (!asked && asked.error().code == ErrorCode::kTimeout) {
    return spawnd::Fail(ErrorCode::kUnavailable,
                        "asking " + launch.primary->host + ":" + std::to_string(launch.primary->port) +
                            ": no answer within " + std::to_string(kAskDeadline / 1s) + " s",
                        "Is it the right host and port, and does a firewall let connections through?");
  }
  if (!asked) return spawnd::Fail(asked.error());
  if (asked->exit_code != 0) return spawnd::Fail(recipe_->Explain(*launch.primary, asked->output));
  return recipe_->ReadPrimary(asked->output);
}

Result<engines::StandbyState> StandbyThread::AskStandby() const {
  TRY_ASSIGN(const auto asked, container_->Run(recipe_->AskStandby(container_->Launched()), kAskDeadline,
                                               give_up_.get_token()));
  return recipe_->ReadStandby(asked.output);
}

/// Errors are for good.
Result<void> StandbyThread::CheckKept(const engines::PrimaryState& primary, uint64_t received) {
  const std::string server = container_->Launched().primary->host;
  if (primary.identity != row_.server_identity) {
    return spawnd::Fail(ErrorCode::kInvalidArgument,
                        "server " + server + " has other data than the one that was copied",
                        "Delete the data source and create it anew: it begins with a new copy.");
  }
  if (!primary.has_slot) {
    return spawnd::Fail(ErrorCode::kInvalidArgument,
                        "its slot '" + row_.slot + "' is gone from server " + server,
                        "Delete the data source and create it anew: it begins with a new copy.");
  }
  if (primary.position < received) {
    return spawnd::Fail(ErrorCode::kInvalidArgument,
                        "server " + server + " was restored: it is at " +
                            recipe_->PositionText(primary.position) +
                            " of its log, and the standby has received " + recipe_->PositionText(received),
                        "Delete the data source and create it anew: it begins with a new copy.");
  }
  const uint64_t from = primary.kept_from != 0 ? primary.kept_from : received;
  const uint64_t kept = from != 0 && primary.position > from ? primary.position - from : 0;
  if (kept <= static_cast<uint64_t>(row_.max_kept_bytes)) return {};
  return spawnd::Fail(
      ErrorCode::kNoSpace,
      "server " + server + " kept " + SizeInWords(kept) + " of its log for it, more than maxKeptWal (" +
          SizeInWords(static_cast<uint64_t>(row_.max_kept_bytes)) + "), and is relieved of it",
      "Delete the data source and create it anew, with a larger maxKeptWal if the server has room.");
}

void StandbyThread::Look() {
  next_ = steady_clock::now() + kLookEvery;
  if (const auto runs = container_->CheckRuns(); !runs) {
    const auto broken = recipe_->Broken(*container_->Launched().primary, container_->LogTail());
    return broken ? Fail(*broken) : GoDown(runs.error());
  }
  // What it had before the primary is asked, which that has, too.
  const uint64_t before = received_;
  const auto primary = AskPrimary(*container_);
  const auto standby = AskStandby();
  if (give_up_.stop_requested()) return;
  if (standby) received_ = std::max(received_, standby->received);
  if (primary) {
    if (const auto kept = CheckKept(*primary, before); !kept) return Fail(kept.error());
  }
  if (auto broken = recipe_->Broken(*container_->Launched().primary, container_->LogTail()))
    return Fail(*broken);
  if (standby && standby->paused) {
    return GoDown(Error(ErrorCode::kUnavailable,
                        "the server allows more than before, and the standby starts anew with that"));
  }
  if (!primary) {
    const auto now = FindIt();
    if (now && !container_->IsUpToDate(*now)) {
      return GoDown(Error(ErrorCode::kUnavailable,
                          "its address or its password has changed: it starts anew with that"));
    }
    return Say(kStandbyLagging, primary.error().message, -1);
  }
  if (!standby) return Say(kStandbyLagging, standby.error().message, -1);
  failures_ = 0;
  trouble_.reset();
  const uint64_t lag = primary->position > standby->received ? primary->position - standby->received : 0;
  const bool behind = lag > kWorthSaying;
  if (!standby->connected) {
    next_ = steady_clock::now() + kFirstLook;
    return Say(kStandbyLagging, "it is not connected to the server yet", static_cast<int64_t>(lag));
  }
  Say(behind ? kStandbyLagging : kStandbyFollowing, behind ? SizeInWords(lag) + " behind the server" : "",
      static_cast<int64_t>(lag));
}

}  // namespace spawnd::daemon
