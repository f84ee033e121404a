/// The filter of system calls, on real programs.
#include "daemon/init/system_calls.h"

#include <linux/filter.h>

#include "base/process.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

ProcessOutput Filtered(const std::string& script) {
  const auto filter = EngineSystemCalls(Asks::kNothing);
  REQUIRE(filter);
  SpawnOptions options;
  options.argv = {"/bin/sh", "-c", script};
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  options.no_new_privileges = true;
  options.system_call_filter = *filter;
  const auto output = RunAndCapture(options, std::chrono::seconds(10));
  REQUIRE(output);
  return *output;
}

TEST_CASE("ordinary programs run under the filter") {
  const auto output =
      Filtered("set -e; f=$(mktemp); echo a | cat | sort >$f; wc -l <$f; rm $f; sleep 0; exit 4");
  CHECK(output.output == "1\n");
  CHECK(output.exit_code == 4);
}

TEST_CASE("what a container does not do fails, also for root") {
  for (const char* call :
       {"unshare -Ur true", "unshare -n true", "unshare -m true", "mount -t tmpfs none /mnt", "umount /proc",
        "chroot / true", "nsenter -t 1 -n true", "date -s 2020-01-01"}) {
    INFO(call);
    const auto output = Filtered(call);
    INFO(output.output);
    CHECK(output.exit_code != 0);
  }
}

TEST_CASE("the program is made once, and the one that asks about bind is another") {
  const auto allow = EngineSystemCalls(Asks::kNothing);
  const auto ask = EngineSystemCalls(Asks::kBind);
  REQUIRE(allow);
  REQUIRE(ask);
  CHECK(*allow != *ask);
  CHECK(*EngineSystemCalls(Asks::kNothing) == *allow);
  for (const std::string* program : {&*allow, &*ask}) {
    CHECK(program->size() % sizeof(sock_filter) == 0);
    CHECK(program->size() / sizeof(sock_filter) < BPF_MAXINSNS);
  }
}

}  // namespace
}  // namespace spawnd::daemon
