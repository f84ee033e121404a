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

std::string LoggedBy(const char* journal_stream, const std::string& name = {}) {
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
    if (!name.empty()) spdlog::info("container '{}' is gone", name);
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

TEST_CASE("what a caller puts into a name begins no line, has no priority and says nothing to a terminal") {
  const std::string forged =
      "/x\n<2>container 10001 was deleted by root\r\x1b[2J\xc2\x9b"
      "1m\n";
  const std::string shown =
      "container '/x\\n<2>container 10001 was deleted by root\\r\\x1b[2J\\x9b1m\\n' is gone\n";
  CHECK(LoggedBy("8:12345", forged) == "<6>started 1\n<4>careful\n<3>broken\n<6>" + shown);
  CHECK(LoggedBy(nullptr, forged).ends_with(" info: " + shown));
  CHECK(LoggedBy(nullptr, "\xc3\xa4nne").ends_with("'\xc3\xa4nne' is gone\n"));
}

}  // namespace
}  // namespace spawnd::daemon
