/// What one user may have and do at once. Root has no limits.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace spawnd::daemon {

/// Of one user; 0: no limit.
struct UserLimits {
  size_t connections = 64;  ///< to the daemon; a log that is followed is one
  size_t builds = 2;        ///< of images, running; more wait
  size_t launches = 8;      ///< starts, restarts and saves of containers, running; more wait
  size_t containers = 200;
  /// Of his containers' folders and his images. Off: on a machine of one's own the databases are what the
  /// disk is for, and how much of a shared one a user may have only its administrator knows.
  uint64_t disk_bytes = 0;

  bool operator==(const UserLimits&) const = default;
};

/// As the administrator writes them down.
struct QuotaSettings {
  UserLimits everybody;
  std::map<std::string, UserLimits> users;  ///< by login name
};

/// The settings with their users looked up. Safe from any thread. Users that the machine does not know are
/// left out, with a line in the log.
class Quotas {
 public:
  explicit Quotas(const QuotaSettings& settings) { Change(settings); }
  /// Looks up these users, which may block, and puts the limits in the place of those before.
  void Change(const QuotaSettings& settings);
  UserLimits Of(uid_t uid) const;

 private:
  struct Known {
    UserLimits everybody;
    std::map<uid_t, UserLimits> users;
  };

  mutable std::mutex mutex_;
  std::shared_ptr<const Known> known_;  ///< what it points to never changes
};

}  // namespace spawnd::daemon
