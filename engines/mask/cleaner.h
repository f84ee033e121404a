/// What a product's server leaves of statements in files of its own, beside what Session::Mask reaches.
#pragma once

#include "engines/engine.h"

namespace spawnd::engines {

/// Of an Engine that can mask and whose server has such files. Safe from any thread.
class MaskCleaner {
 public:
  virtual ~MaskCleaner() = default;
  /// Takes logs and statistics that may have statements in them off the volume; run as the engine's user once
  /// the server has ended after Session::Mask. Another exit code than 0: some are left.
  virtual Command CleanAfterMask(const Paths& paths) const = 0;
};

}  // namespace spawnd::engines
