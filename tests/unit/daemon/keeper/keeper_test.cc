/// A keeper that cannot open its volume says why, and no more than it knows.
#include "daemon/keeper/keeper.h"

#include <sys/stat.h>

#include "daemon/keeper/files.h"
#include "engines/registry.h"
#include "storage/delta/delta_files.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("a volume that cannot be read is not taken for a poisoned one") {
  const ScratchDirectory scratch;
  const std::string delta = scratch / kDeltaName;
  REQUIRE(::mkdir(delta.c_str(), 0700) == 0);
  // Of a pipe nothing can be read at an offset: an error of the operating system, as of a process that has no
  // descriptors left or a disk that fails a read.
  REQUIRE(::mkfifo((delta + "/" + storage::kJournalName).c_str(), 0600) == 0);
  KeeperRequest request;
  request.spec.emplace();
  request.spec->directory = scratch.Path();
  request.spec->volume_bytes = uint64_t{1} << 20U;
  request.spec->installation.engine = engines::AllEngines().front()->Name();
  StopSignal stop;
  Keeper keeper(stop);
  const auto started = keeper.Start(request, UniqueFd(), UniqueFd());
  REQUIRE_FALSE(started);
  INFO(started.error().message);
  CHECK(started.error().code == ErrorCode::kIo);
  CHECK_FALSE(keeper.Poisoned());
}

}  // namespace
}  // namespace spawnd::daemon
