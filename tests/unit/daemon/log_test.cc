/// What stands on standard error, in a process of its own.
#include "daemon/log.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <regex>

#include "base/process.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

std::string LoggedBy(const char* journal_stream) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], 2);
    ::unsetenv("JOURNAL_STREAM");
    if (journal_stream != nullptr) ::setenv("JOURNAL_STREAM", journal_stream, 1);
    StartLogging();
    spdlog::info("started {}", 1);
    spdlog::warn("careful");
    spdlog::error("broken");
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string all;
  std::array<char, 4096> buffer{};
  ssize_t n = 0;
  while ((n = ::read(ends[0], buffer.data(), buffer.size())) > 0)
    all.append(buffer.data(), static_cast<size_t>(n));
  ::close(ends[0]);
  CHECK(WaitForExit(child) == 0);
  return all;
}

TEST_CASE("the journal gets priorities and no times, a terminal gets both as text") {
  CHECK(LoggedBy("8:12345") == "<6>started 1\n<4>careful\n<3>broken\n");
  const std::string time = R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} )";
  CHECK(std::regex_match(LoggedBy(nullptr), std::regex(time + "info: started 1\n" + time +
                                                       "warning: careful\n" + time + "error: broken\n")));
}

}  // namespace
}  // namespace spawnd::daemon
