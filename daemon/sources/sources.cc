#include "daemon/sources/sources.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "api/image_reference.h"
#include "base/file.h"
#include "daemon/sources/cron.h"
#include "daemon/sources/definition.h"
#include "daemon/sources/new_source.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::milliseconds kAtLeastEvery{60'000};
/// A clock that goes back by less has been set right, and nothing is due twice for it; cron has the same.
constexpr int64_t kSetRight = int64_t{3} * 3600;

void Complain(int64_t id, std::string_view what, const Error& error) {
  spdlog::error("data source {}: {}: {}", id, what, error.message);
}

}  // namespace

int64_t Sources::SystemClock() {
  return std::time(nullptr);
}

Sources::Sources(Uses uses, WallClock clock) : uses_(std::move(uses)), clock_(std::move(clock)) {}
Sources::~Sources() = default;

Result<void> Sources::Start() {
  started_ = last_look_ = clock_();
  TRY(uses_.catalog.sources.ReleaseImages());
  TRY_ASSIGN(const auto rows, uses_.catalog.sources.List(Rows::kAll));
  SweepLogs(rows);
  for (const SourceRow& row : rows) {
    if (row.run_outcome == kRunRunning) TRY(EndInterrupted(row));
    if (row.deleting) {
      FinishDelete(row.id);
    } else if (!row.state.empty() && uses_.standbys != nullptr) {
      uses_.standbys->Resume(row.id);
    }
  }
  SweepFolders();  // once nobody writes into them any more
  Look();
  return {};
}

void Sources::Stop() {
  stopped_ = true;
  timer_.reset();
  runs_.clear();
  if (uses_.standbys != nullptr) uses_.standbys->Stop();
}

/// Made again at once where a schedule made it; but one that was made again already may be what ends the
/// daemon.
Result<void> Sources::EndInterrupted(const SourceRow& row) {
  EndLeftovers(row.run_process, row.owner);
  Record(row.id, kRunInterrupted, "spawnd ended while it ran");
  if (row.schedule.empty() || row.run_cause != kBySchedule || row.deleting) return {};
  return uses_.catalog.sources.SetNextRun(row.id, row.run_started);
}

/// No run outlives its daemon, so that whatever is there is nobody's.
void Sources::SweepFolders() {
  const auto names = PosixFileSystem().List(uses_.layout.Runs());
  if (!names) return spdlog::error("folders of runs stay: {}", names.error().message);
  for (const std::string& name : *names) {
    if (const int64_t id = IdFromName(name, ""); id != 0) RemoveFolder(id);
  }
}

/// Of sources that went as the daemon did, or with a catalog.
void Sources::SweepLogs(const std::vector<SourceRow>& rows) {
  const auto names = PosixFileSystem().List(uses_.layout.SourceLogs());
  if (!names) return spdlog::error("logs of data sources stay: {}", names.error().message);
  for (const std::string& name : *names) {
    const int64_t id = IdFromName(name, ".log");
    const bool is_known =
        std::any_of(rows.begin(), rows.end(), [id](const SourceRow& row) { return row.id == id; });
    if (id == 0 || is_known) continue;
    const auto removed = RemoveFile(uses_.layout.SourceLog(id));
    if (!removed) Complain(id, "its log stays", removed.error());
  }
}

Result<int64_t> Sources::NextRun(const std::string& schedule, int64_t now) const {
  if (schedule.empty()) return 0;
  TRY_ASSIGN(const CronSchedule cron, CronSchedule::Parse(schedule));
  return cron.Next(now, LocalZone()).value_or(0);
}

Result<SourceRow> Sources::Create(const api::CreateDataSourceRequest& wanted, uid_t owner) {
  TRY_ASSIGN(SourceRow row, RowOf(wanted));
  row.owner = owner;
  row.created_at = clock_();
  TRY_ASSIGN(row.next_run, NextRun(row.schedule, row.created_at));
  if (!row.state.empty() && uses_.standbys == nullptr) {
    return Fail(ErrorCode::kUnsupported, "this spawnd keeps no standbys");
  }
  TRY_ASSIGN(const auto all, uses_.catalog.sources.List());
  const auto own = std::count_if(all.begin(), all.end(), [&](const auto& one) { return one.owner == owner; });
  if (static_cast<size_t>(own) >= kMaxSourcesOfUser) {
    return Fail(ErrorCode::kTooMany,
                fmt::format("you have {} data sources, and that is all one may have", own),
                "Delete some: `spawnctl get data-sources` lists them.");
  }
  TRY_ASSIGN(row.id, uses_.catalog.sources.Insert(row));
  SetTimer(clock_());
  return row;
}

Result<SourceRow> Sources::Update(int64_t id, const api::UpdateDataSourceRequest& wanted) {
  TRY_ASSIGN(const SourceRow before, uses_.catalog.sources.ById(id));
  TRY_ASSIGN(const SourceChange change, ChangeOf(wanted, before));
  int64_t next = before.next_run;
  if (change.schedule) {
    TRY_ASSIGN(next, NextRun(*change.schedule, clock_()));
  }
  TRY(uses_.catalog.sources.Update(id, change, next));
  TRY_ASSIGN(SourceRow row, uses_.catalog.sources.ById(id));
  DropOldImages(row);
  SetTimer(clock_());
  return row;
}

Result<void> Sources::RunNow(int64_t id) {
  TRY_ASSIGN(const SourceRow row, uses_.catalog.sources.ById(id));
  if (owners_.contains(id)) {
    return Fail(ErrorCode::kInUse, "a run of data source '" + row.name + "' goes on",
                "`spawnctl logs data-source " + row.name + "` shows what it says.");
  }
  if (cleaning_.contains(id) || !HasPlace(row.owner)) {
    return Fail(ErrorCode::kTooMany, "too many runs of data sources go on", "Try again when one has ended.");
  }
  Begin(row, kByRequest);
  return {};
}

bool Sources::IsRun(int64_t id, pid_t process) const {
  const auto run = runs_.find(id);
  return run != runs_.end() && run->second->Pid() == process;
}

bool Sources::HasPlace(uid_t owner) const {
  const auto own = std::count_if(owners_.begin(), owners_.end(),
                                 [owner](const auto& running) { return running.second == owner; });
  return owners_.size() < kMaxRuns && static_cast<size_t>(own) < kMaxRunsOfUser;
}

void Sources::Look() {
  if (stopped_) return;
  const int64_t now = clock_();
  ::tzset();  // the machine's zone may have been changed
  const auto rows = uses_.catalog.sources.List();
  if (!rows) {
    spdlog::error("cannot look which data sources are due: {}", rows.error().message);
  } else {
    const bool went_back = now + kSetRight < last_look_;
    for (const SourceRow& row : *rows) {
      if (went_back) PlanAnew(row, now);
      if (!went_back && row.next_run != 0 && row.next_run <= now) BeginDue(row, now);
      DropOldImages(row);
    }
  }
  last_look_ = now;
  SetTimer(now);
}

void Sources::PlanAnew(const SourceRow& row, int64_t now) {
  const auto next = NextRun(row.schedule, now);
  if (!next || *next == row.next_run) return;
  const auto set = uses_.catalog.sources.SetNextRun(row.id, *next);
  if (!set) Complain(row.id, "cannot plan its next run", set.error());
}

void Sources::BeginDue(const SourceRow& row, int64_t now) {
  if (!owners_.contains(row.id)) {
    // Without a place it stays due.
    if (cleaning_.contains(row.id) || !HasPlace(row.owner)) return;
    return Begin(row, row.next_run < started_ ? kMissedBefore : kBySchedule);
  }
  const auto next = NextRun(row.schedule, now);
  const auto noted =
      uses_.catalog.sources.NoteSkipped(row.id, "the run before it has not ended", now, next.value_or(0));
  if (!noted) return Complain(row.id, "cannot note that a run is skipped", noted.error());
  uses_.metrics.source_runs.Count({"skipped"});
  spdlog::warn("data source {} ('{}'): a run is skipped, because the one before it has not ended", row.id,
               row.name);
}

void Sources::SetTimer(int64_t now) {
  if (stopped_) return;
  std::chrono::milliseconds wait = kAtLeastEvery;
  if (const auto rows = uses_.catalog.sources.List()) {
    for (const SourceRow& row : *rows) {
      // What is due and still there has no place, and is looked at when a run ends.
      if (row.next_run <= now || row.next_run - now > kAtLeastEvery.count() / 1000) continue;
      wait = std::min<std::chrono::milliseconds>(wait, std::chrono::seconds(row.next_run - now));
    }
  }
  auto timer = WatchTime(uses_.loop, wait, kAtLeastEvery, [this] { Look(); });
  if (!timer) return spdlog::error("schedules of data sources stand still: {}", timer.error().message);
  timer_ = std::move(*timer);
}

/// Who its owner is may take a directory service a while to say.
void Sources::Begin(const SourceRow& row, std::string_view cause) {
  owners_[row.id] = row.owner;
  const auto next = NextRun(row.schedule, clock_());
  const auto begun = uses_.catalog.sources.BeginRun(row.id, cause, clock_(),
                                                    cause == kByRequest ? row.next_run : next.value_or(0));
  if (!begun) {
    owners_.erase(row.id);
    return Complain(row.id, "cannot begin a run", begun.error());
  }
  uses_.questions.Run({row.owner}, [this, id = row.id, uid = row.owner](const std::stop_token&) {
    const auto look = [uid]() -> Result<RunOwner> {
      TRY_ASSIGN(auto account, UserNumbered(uid));
      if (!account) {
        return Fail(ErrorCode::kNotFound,
                    fmt::format("its owner, user {}, has no account on this machine", uid));
      }
      TRY_ASSIGN(auto groups, GroupsOf(*account));
      return RunOwner{std::move(*account), std::move(groups)};
    };
    uses_.mailbox.Post([this, id, owner = look()] { StartRun(id, owner); });
  });
}

void Sources::StartRun(int64_t id, const Result<RunOwner>& owner) {
  if (stopped_) return;
  const auto row = uses_.catalog.sources.ById(id);
  if (!row) {
    owners_.erase(id);
    return;
  }
  auto run = row->deleting ? Fail(ErrorCode::kCancelled, "it is deleted")
             : owner       ? Spawn(*row, *owner)
                           : Fail(owner.error());
  if (run) {
    const auto noted = uses_.catalog.sources.NoteProcess(id, (*run)->Process());
    if (!noted) Complain(id, "cannot note its run's process", noted.error());
    runs_[id] = std::move(*run);
    return;
  }
  owners_.erase(id);
  const Error& error = run.error();
  Record(id, kRunFailed, error.message + (error.hint.empty() ? "" : " " + error.hint));
  RemoveFolder(id);
  if (row->deleting) FinishDelete(id);
}

Result<std::unique_ptr<Run>> Sources::Spawn(const SourceRow& row, const RunOwner& owner) {
  TRY_ASSIGN(RunLog log, RunLog::Open(uses_.layout.SourceLog(row.id)));
  log.Note(fmt::format("--- run {} of data source '{}', {}: {}", row.runs, row.name, NowInWords(clock_()),
                       row.run_cause));
  RunOrder order;
  order.program = uses_.program;
  order.arguments = {"create", "data-image", "--source", std::to_string(row.id)};
  order.endpoint = "unix://" + uses_.socket_path;
  order.account = owner.account;
  order.groups = owner.groups;
  order.folder = row.folder;
  order.temporary_folder = uses_.layout.Run(row.id);
  return Run::Start(uses_.loop, order, std::move(log),
                    [this, id = row.id](const RunEnd& end) { RunEnded(id, end); });
}

void Sources::RunEnded(int64_t id, const RunEnd& end) {
  const auto row = uses_.catalog.sources.ById(id);
  if (row) {
    const int64_t image = end.exit_code == 0 ? NewestImage(*row) : 0;
    std::string detail = end.last_words;
    if (end.exit_code != 0 && detail.empty())
      detail = fmt::format("it ended with exit code {}", end.exit_code);
    Record(id, end.exit_code == 0 ? kRunSucceeded : kRunFailed, detail, image);
    runs_.at(id)->Log().Note(
        fmt::format("--- {}, {}", end.exit_code == 0 ? "done" : "failed", NowInWords(clock_())));
  }
  runs_.erase(id);
  owners_.erase(id);
  RemoveFolder(id);
  if (row && row->deleting) return FinishDelete(id);
  if (row) DropOldImages(*row);
  Look();  // others may wait for its place
}

void Sources::Record(int64_t id, std::string_view outcome, const std::string& detail, int64_t image_id) {
  const auto ended = uses_.catalog.sources.EndRun(id, outcome, detail, clock_(), image_id);
  if (!ended) return Complain(id, "cannot note how its run ended", ended.error());
  uses_.metrics.source_runs.Count({std::string(outcome)});
  if (outcome == kRunSucceeded) return spdlog::info("data source {}: its run made an image", id);
  spdlog::warn("data source {}: its run was {}: {}", id, outcome, detail);
}

int64_t Sources::NewestImage(const SourceRow& row) {
  const auto images = uses_.catalog.images.OfSource(row.id);
  int64_t newest = 0;
  for (const ImageRow& image : images.value_or(std::vector<ImageRow>())) {
    if (image.state == ImageState::kCompleted && image.created_at >= row.run_started) newest = image.id;
  }
  return newest;
}

/// What is in use goes later: this is called once a minute.
void Sources::DropOldImages(const SourceRow& row) {
  if (row.keep == 0) return;
  auto images = uses_.catalog.images.OfSource(row.id);
  if (!images) return Complain(row.id, "cannot look for its images", images.error());
  std::erase_if(*images, [](const ImageRow& image) {
    return image.state != ImageState::kCompleted || !image.source_run;
  });
  if (images->size() <= static_cast<size_t>(row.keep)) return;
  images->resize(images->size() - static_cast<size_t>(row.keep));
  const auto because = uses_.catalog.events.Because(
      {.detail = fmt::format("data source '{}' keeps {}, and there are newer ones", row.name, row.keep)});
  for (const ImageRow& image : *images) {
    const auto deleted = uses_.images.Delete(image.id);
    if (deleted) {
      spdlog::info("image {} ('{}') goes: data source '{}' has newer ones", image.id, image.name, row.name);
    } else if (deleted.error().code != ErrorCode::kInUse) {
      Complain(row.id, fmt::format("image {} stays", image.id), deleted.error());
    }
  }
}

void Sources::RemoveFolder(int64_t id) {
  cleaning_.insert(id);
  uses_.removals.Run(kForDaemon, [this, id, path = uses_.layout.Run(id)](const std::stop_token&) {
    uses_.mailbox.Post([this, id, removed = RemoveRunFolder(path)] {
      cleaning_.erase(id);
      if (!removed) Complain(id, "what its run has left stays", removed.error());
      Look();
    });
  });
}

Result<void> Sources::Delete(int64_t id, std::function<void(Result<void>)> done) {
  TRY(uses_.catalog.sources.MarkDeleting(id));
  deleting_[id] = std::move(done);
  const auto run = runs_.find(id);
  if (run != runs_.end()) {
    run->second->Kill();  // RunEnded goes on
  } else if (!owners_.contains(id)) {
    FinishDelete(id);
  }
  return {};
}

void Sources::FinishDelete(int64_t id) {
  const auto row = uses_.catalog.sources.ById(id);
  const bool is_standby = row && !row->state.empty() && uses_.standbys != nullptr;
  if (!is_standby) return Forget(id, {});
  uses_.standbys->End(id, [this, id](const Result<void>& elsewhere) { Forget(id, elsewhere); });
}

void Sources::Forget(int64_t id, const Result<void>& elsewhere) {
  const auto removed = uses_.catalog.sources.Remove(id);
  if (!removed) Complain(id, "it stays in the catalog", removed.error());
  const auto log = RemoveFile(uses_.layout.SourceLog(id));
  if (!log) Complain(id, "its log stays", log.error());
  const auto done = deleting_.extract(id);
  if (done) done.mapped()(removed ? elsewhere : removed);
}

}  // namespace spawnd::daemon
