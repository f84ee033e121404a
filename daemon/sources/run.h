/// One run of a data source: spawnctl, started by the daemon as the source's owner, as cron starts a
/// program. It is the owner's in everything: his user and groups, his home, his files, in the folder of the
/// source's YAML; it has nothing of the daemon's but a socket's address, and a folder for temporary files
/// that goes with it.
///
/// Loop thread. It does not outlive the daemon: the kernel kills it when the daemon ends, however that does,
/// and the next daemon kills what it had started itself (EndLeftovers) and removes its folder.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/accounts.h"
#include "base/result.h"
#include "daemon/loop/event_loop.h"
#include "daemon/sources/run_log.h"

namespace spawnd::daemon {

struct RunOrder {
  std::string program;  ///< spawnctl
  std::vector<std::string> arguments;
  std::string endpoint;  ///< for SPAWNCTL_API_ENDPOINT
  User account;
  std::vector<gid_t> groups;
  std::string folder;            ///< where it begins
  std::string temporary_folder;  ///< absolute; is made, and is there empty when it begins
};

struct RunEnd {
  int exit_code = 0;  ///< 128 + signal when a signal ended it
  std::string last_words;
};

class Run {
 public:
  /// `ended` is called once, never from within Start. Errors are for the user: the folder is gone, ...
  static Result<std::unique_ptr<Run>> Start(uv_loop_t* loop, const RunOrder& order, RunLog log,
                                            std::function<void(RunEnd)> ended);
  ~Run();  ///< Kills it, and waits for that.
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  pid_t Pid() const { return pid_; }
  /// For EndLeftovers, and to tell it from another of the same number.
  const std::string& Process() const { return process_; }
  /// With all that it has started. `ended` follows.
  void Kill() const;
  RunLog& Log() { return log_; }

 private:
  Run(pid_t pid, UniqueFd process_fd, UniqueFd output, RunLog log, std::function<void(RunEnd)> ended);
  Result<void> Watch(uv_loop_t* loop);
  void ReadOutput();
  void End();

  pid_t pid_;
  std::string process_;
  UniqueFd process_fd_;
  UniqueFd output_;
  RunLog log_;
  std::function<void(RunEnd)> ended_;
  std::unique_ptr<daemon::Watch> on_output_;
  std::unique_ptr<daemon::Watch> on_end_;
};

/// Kills what is left of a run of a daemon before this: the processes of its session that are `owner`'s.
void EndLeftovers(const std::string& process, uid_t owner);

/// Removes a run's folder with what is in it, as the user whose it is: what lies in there is his, and may
/// change under whoever looks. May block, for as long as that takes. One that is missing is no error.
Result<void> RemoveRunFolder(const std::string& path);

/// spawnctl as it lies beside the running spawnd, in an installation or a build's folder; else where it is
/// installed.
std::string FindSpawnctl();

}  // namespace spawnd::daemon
