/// Data sources while the daemon runs: which is due, its run, how that ended, and which images of it have
/// become too many.
///
/// Loop thread only. What a source is stands in its row; of what happens here only the runs' processes are
/// not in the catalog, and they end with the daemon. A schedule is read in the machine's time zone, and
/// counted on the wall clock: looked at once a minute at least, because that can jump.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/source/types.h"
#include "base/accounts.h"
#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/images/images.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "daemon/metrics/metrics.h"
#include "daemon/sources/run.h"
#include "daemon/sources/standby.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

/// Why a run began: as stored and as shown.
inline constexpr std::string_view kBySchedule = "schedule";
inline constexpr std::string_view kMissedBefore = "missed";
inline constexpr std::string_view kByRequest = "request";

inline constexpr size_t kMaxSourcesOfUser = 200;
/// Runs at once, of all and of one user. More wait.
inline constexpr size_t kMaxRuns = 16;
inline constexpr size_t kMaxRunsOfUser = 4;

class Sources {
 public:
  struct Uses {
    Catalog& catalog;
    const StoreLayout& layout;
    Images& images;
    Jobs& questions;  ///< for accounts
    Jobs& removals;
    Mailbox& mailbox;
    Metrics& metrics;
    uv_loop_t* loop;
    std::string program;      ///< spawnctl (FindSpawnctl)
    std::string socket_path;  ///< of the daemon, for the runs
    Standbys* standbys;       ///< null: none can be made
  };
  /// Seconds since 1970.
  using WallClock = std::function<int64_t()>;

  explicit Sources(Uses uses, WallClock clock = SystemClock);
  ~Sources();
  Sources(const Sources&) = delete;
  Sources& operator=(const Sources&) = delete;

  /// Ends what a daemon before has left of its runs, and takes up all sources. What was due while no daemon
  /// ran is run once.
  Result<void> Start();
  /// Begins what is due, and lets go what is too much. Once a minute at least it is called from within.
  void Look();
  /// Ends all runs. They are made again at the next start.
  void Stop();

  /// A new one, whose row has no id yet. Errors: kInvalidArgument (a schedule, a number, a secret in the
  /// YAML), kAlreadyExists, kQuotaExceeded.
  Result<SourceRow> Create(const api::CreateDataSourceRequest& wanted, uid_t owner);
  Result<SourceRow> Update(int64_t id, const api::UpdateDataSourceRequest& wanted);
  /// Begins a run now. kInUse: one goes on.
  Result<void> RunNow(int64_t id);
  /// Ends its run and forgets it; a standby ends first. `done` is called once it is gone; the error is what
  /// could not be done elsewhere.
  Result<void> Delete(int64_t id, std::function<void(Result<void>)> done);

  /// Whether that process is a run of the source.
  bool IsRun(int64_t id, pid_t process) const;
  size_t Running() const { return owners_.size(); }
  Standbys* GetStandbys() const { return uses_.standbys; }

 private:
  /// What only the name services know of a source's owner.
  struct RunOwner {
    User account;
    std::vector<gid_t> groups;
  };

  static int64_t SystemClock();
  void SetTimer(int64_t now);
  void PlanAnew(const SourceRow& row, int64_t now);
  void BeginDue(const SourceRow& row, int64_t now);
  bool HasPlace(uid_t owner) const;
  void Begin(const SourceRow& row, std::string_view cause);
  void StartRun(int64_t id, const Result<RunOwner>& owner);
  Result<std::unique_ptr<Run>> Spawn(const SourceRow& row, const RunOwner& owner);
  void RunEnded(int64_t id, const RunEnd& end);
  void Record(int64_t id, std::string_view outcome, const std::string& detail, int64_t image_id = 0);
  void RemoveFolder(int64_t id);
  void DropOldImages(const SourceRow& row);
  int64_t NewestImage(const SourceRow& row);
  Result<int64_t> NextRun(const std::string& schedule, int64_t now) const;
  Result<void> EndInterrupted(const SourceRow& row);
  void SweepFolders();
  void SweepLogs(const std::vector<SourceRow>& rows);
  void FinishDelete(int64_t id);
  void Forget(int64_t id, const Result<void>& elsewhere);

  const Uses uses_;
  const WallClock clock_;
  std::map<int64_t, std::unique_ptr<Run>> runs_;
  std::map<int64_t, uid_t> owners_;  ///< of those that run or are about to
  std::set<int64_t> cleaning_;       ///< the folder of the run before is being removed
  std::map<int64_t, std::function<void(Result<void>)>> deleting_;
  std::unique_ptr<Watch> timer_;
  int64_t started_ = 0;
  int64_t last_look_ = 0;
  bool stopped_ = false;
};

}  // namespace spawnd::daemon
