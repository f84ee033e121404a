/// Checks a container's delta from end to end, without changing it. For fsck, and for tests.
///
/// The delta must not be open anywhere. Takes what reading its journal and its revisions takes. Slots carry
/// no checksums (docs/durability.md, "What is not promised"); what can be known of them is that each is in
/// the file and belongs to one block. Safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace spawnd::storage {

struct DeltaProblem {
  std::string file;
  std::string what;
};

/// Everything that is wrong, nothing when the delta is sound. `boot_id`: of the present boot. Errors: kIo.
Result<std::vector<DeltaProblem>> VerifyDelta(FileSystem& fs, const std::string& directory,
                                              const std::string& boot_id);

}  // namespace spawnd::storage
