/// Reads spawnd.yaml again when the administrator asks for it, by SIGHUP: teams, publishers, quotas,
/// webhooks and the limits of the disk take effect at once, other keys that have changed are named in the
/// log, and a file that cannot be used changes nothing.
///
/// Loop thread. The file is read and its names are looked up by a job, because a directory service may take
/// its time.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "daemon/config.h"

namespace spawnd::daemon {

class Disk;
class Jobs;
class Mailbox;
class Quotas;
class TeamMembers;

class Reload {
 public:
  /// All outlive this but for the jobs, which have stopped before it goes.
  struct Uses {
    TeamMembers& teams;
    Quotas& quotas;
    Disk& disk;
    Jobs& jobs;
    Mailbox& mailbox;
    std::stop_token stopping;  ///< of the daemon: nothing is changed, or told, from then on
    /// On the job's thread, with what was read.
    std::function<void(const Config&)> also{};
  };

  /// `started_with`: what the daemon has read from `path`, as LoadConfig with `must_exist` reads it.
  Reload(std::string path, bool must_exist, Config started_with, Uses uses);

  /// Reads the file again as a job. If a reload is under way another one follows it, because the file may
  /// have changed meanwhile.
  void Begin();

 private:
  void Finish(const Result<Config>& wanted);

  const std::string path_;
  const bool must_exist_;
  const Config started_with_;
  const Uses uses_;
  bool under_way_ = false;
  bool again_ = false;
};

}  // namespace spawnd::daemon
