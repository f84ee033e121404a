/// All standbys (standby.h), a thread each, and the hidden images that they lie on: one stays for as long as
/// its standby lies on it, and as long as an image is being made of it.
///
/// Loop thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>

#include "daemon/sources/standby.h"
#include "daemon/sources/standby_thread.h"

namespace spawnd::daemon {

class StandbyThreads final : public Standbys {
 public:
  /// `host` outlives it.
  explicit StandbyThreads(BuildHost& host) : host_(host) {}
  ~StandbyThreads() override { Stop(); }
  StandbyThreads(const StandbyThreads&) = delete;
  StandbyThreads& operator=(const StandbyThreads&) = delete;

  void Begin(int64_t source_id, std::function<void(Result<void>)> checked) override;
  void Resume(int64_t source_id) override;
  void Cut(int64_t source_id, std::function<void(Result<StandbyCut>)> done) override;
  void Release(const StandbyCut& cut) override;
  void End(int64_t source_id, std::function<void(Result<void>)> done) override;
  void Stop() override;
  /// After all were resumed: what is left of sources that are not there any more goes.
  void RemoveLost();

 private:
  void Ended(int64_t source_id, const Result<void>& outcome, const std::function<void(Result<void>)>& done);
  /// Hidden images of a source but this one; those that somebody holds go with Release.
  void DropImages(int64_t source_id, int64_t but);
  void Drop(int64_t image_id);

  BuildHost& host_;
  std::map<int64_t, std::unique_ptr<StandbyThread>> threads_;
  std::multiset<int64_t> held_;  ///< images that are being made use of
  std::set<int64_t> unwanted_;   ///< of these, those that go then
};

}  // namespace spawnd::daemon
