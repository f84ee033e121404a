/// Keeps the manifest of each image and container (daemon/store/manifest_file.h) what the catalog says: some
/// moments after a change, when whoever asked for that has his answer, and at a start for all, because the
/// last daemon may have been cut short in those moments.
///
/// Loop thread; the writing is a job, and costs no commit of the catalog anything.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/mailbox.h"
#include "daemon/store/layout.h"

namespace spawnd::daemon {

class Manifests {
 public:
  /// From a change until it is written: several in a row are written once, and what is made and deleted in
  /// between never.
  static constexpr std::chrono::milliseconds kDelay{2000};

  Manifests(const StoreLayout& layout, Catalog& catalog, Jobs& jobs, Mailbox& mailbox, uv_loop_t* loop,
            std::chrono::milliseconds delay = kDelay)
      : layout_(layout), catalog_(catalog), jobs_(jobs), mailbox_(mailbox), loop_(loop), delay_(delay) {}
  Manifests(const Manifests&) = delete;
  Manifests& operator=(const Manifests&) = delete;

  /// Once, when the catalog and the files agree.
  Result<void> Start();
  /// Writes whatever is due, at once and here: at a stop, when neither the jobs nor the loop run any more.
  void Finish();

 private:
  using Texts = std::map<ManifestOf, std::string>;

  void Note(ManifestOf which);
  void WriteLater(std::chrono::milliseconds delay);
  void WriteDue();
  void End(const Texts& left, const std::string& why);
  Result<void> WriteNow(ManifestOf which);

  const StoreLayout& layout_;
  Catalog& catalog_;
  Jobs& jobs_;
  Mailbox& mailbox_;
  uv_loop_t* const loop_;
  const std::chrono::milliseconds delay_;
  std::set<ManifestOf> due_;
  std::set<ManifestOf> writing_;  ///< by the job under way
  bool under_way_ = false;
  bool more_ = false;  ///< were due than could be read at once
  std::unique_ptr<Watch> timer_;
};

}  // namespace spawnd::daemon
