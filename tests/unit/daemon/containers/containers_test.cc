/// What Containers does about callers that do not wait. No keeper runs here; tests/end_to_end has those.
#include "daemon/containers/containers.h"

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "tests/support/catch.h"
#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("a create that waits in line behind launches that hang ends at once when its client goes") {
  Machine machine;
  machine.launches->Run({0}, [](const std::stop_token& stop) {
    while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  const int64_t image = machine.CompletedImage("demo", std::string(32, 'a'));
  const int64_t id = machine.CreatingContainer(image);
  std::optional<Result<ContainerRow>> outcome;
  machine.containers.Create(*machine.catalog->containers.ById(id), *machine.catalog->images.ById(image),
                            std::chrono::steady_clock::now(), 0, {},
                            [&outcome](Result<ContainerRow> row) { outcome = std::move(row); });
  machine.containers.ClientGone(id);
  REQUIRE(machine.RunUntil([&] { return outcome.has_value(); }));
  REQUIRE_FALSE(outcome->has_value());
  CHECK(outcome->error().code == ErrorCode::kCancelled);
  CHECK_FALSE(machine.catalog->containers.ById(id).has_value());
}

}  // namespace
}  // namespace spawnd::daemon
