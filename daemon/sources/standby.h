/// What keeps copies of running servers. Of each data source of sourceType standby a hidden server follows
/// the one it is a copy of, and a cut of that is what an image of the source is made of.
///
/// Loop thread only, and nothing blocks: what takes long is a job. What a standby is stands in its row
/// (SourceTable::SetStandby) before it is done, so that a restart of the daemon goes on by the row alone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace spawnd::daemon {

/// What a cut has given: a hidden, sealed image of what the standby had received. An image of it is made by a
/// build that promotes.
struct StandbyCut {
  int64_t image_id = 0;  ///< stays until Release, whatever becomes of the standby
  std::string position;  ///< in the server's log, as the product writes it
};

class Standbys {
 public:
  virtual ~Standbys() = default;

  /// The row is there, in state kStandbyCopying, and nothing else: makes the base copy and follows. `checked`
  /// is called once, as soon as the server has been asked: with an error nothing is left of it here or there,
  /// and the row is the caller's to remove. How it goes from then on is said in the row.
  virtual void Begin(int64_t source_id, std::function<void(Result<void>)> checked) = 0;
  /// The same of every standby at a start of the daemon, by what its row says.
  virtual void Resume(int64_t source_id) = 0;
  /// Cuts, one after the other where several are asked for. `done` is called once. Errors: kNotReady while
  /// the base copy is being made, and what keeps the standby from going on.
  virtual void Cut(int64_t source_id, std::function<void(Result<StandbyCut>)> done) = 0;
  /// The image that was made of a cut is there, or has failed.
  virtual void Release(const StandbyCut& cut) = 0;
  /// Ends the standby: its copy, its slot on the server and its hidden images. `done` is
  /// called once all that is here is gone; the error is what could not be done on the server, in words for
  /// the user.
  virtual void End(int64_t source_id, std::function<void(Result<void>)> done) = 0;
  /// The daemon stops.
  virtual void Stop() = 0;
};

}  // namespace spawnd::daemon
