/// A copy of the catalog each day, so that a lost one costs a day and not all: "catalog.bak" in the state
/// directory, and what that was on the days before as "catalog.bak.1" to "catalog.bak.6". Each is a catalog
/// that can be put in place of catalog.db (man spawnd, A LOST CATALOG).
///
/// Loop thread; the copying is a job with a connection of its own, which keeps no writer waiting. What a
/// crash leaves is whole: catalog.bak is there under its name at any time, and a number may be missing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

inline constexpr int kCatalogCopies = 7;
inline constexpr int64_t kSecondsBetweenCopies = 24 * 3600;

/// Copies now, and gives what was copied before its next number. Any thread, one at a time. Errors: kNoSpace,
/// kCorrupt (then all copies are as they were), kIo.
Result<void> CopyCatalogNow(const StoreLayout& layout);
/// Whether the newest copy is from a day before `now`, or there is none; or it is from so far in the future
/// that the clock must have been wrong then.
bool CatalogCopyIsDue(const StoreLayout& layout, int64_t now);

class CatalogCopies {
 public:
  /// `copied` is called on the loop thread after each.
  CatalogCopies(const StoreLayout& layout, Jobs& jobs, Mailbox& mailbox, std::function<void()> copied)
      : layout_(layout), jobs_(jobs), mailbox_(mailbox), copied_(std::move(copied)) {}
  CatalogCopies(const CatalogCopies&) = delete;
  CatalogCopies& operator=(const CatalogCopies&) = delete;

  /// Looks now, and every hour, whether one is due.
  Result<void> Start(uv_loop_t* loop);

 private:
  void CopyIfDue();
  void End(const Result<void>& copied);

  const StoreLayout& layout_;
  Jobs& jobs_;
  Mailbox& mailbox_;
  const std::function<void()> copied_;
  bool under_way_ = false;
  std::unique_ptr<Watch> timer_;
};

}  // namespace spawnd::daemon
