/// How many connections each user has, and whether he may have another.
///
/// Counts only. Loop thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <optional>

#include "base/error.h"
#include "daemon/http/message.h"

namespace spawnd::daemon::http {

class Census {
 public:
  explicit Census(const Limits& limits) : limits_(limits) {}

  struct Refusal {
    int status = 429;
    Error why;
  };
  /// Counts another connection of that user, or says why there cannot be one.
  std::optional<Refusal> Admit(uid_t uid);
  /// Counts one that Admit has refused, while it is being told so. False: there are too many of these.
  bool AdmitRefused(uid_t uid);
  void Left(uid_t uid, bool was_refused);

  size_t Of(uid_t uid) const;

 private:
  struct Count {
    size_t admitted = 0;
    size_t refused = 0;
  };

  const Limits limits_;
  std::map<uid_t, Count> users_;  ///< who has any
  size_t admitted_ = 0;
};

}  // namespace spawnd::daemon::http
