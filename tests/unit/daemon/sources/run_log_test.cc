/// What is kept of what runs say.
#include "daemon/sources/run_log.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

std::string Text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("run log: runs follow one another, and the last lines are its last words") {
  Machine machine;
  const std::string path = machine.layout.Root() + "/x.log";
  {
    auto log = RunLog::Open(path);
    REQUIRE(log);
    log->Note("--- run 1");
    log->Write("one\ntwo\n");
    log->Write("error: it is ");
    log->Write("broken\n\n  hint: mend\x1b it  \n");
    CHECK(log->LastWords() == "error: it is broken hint: mend  it");
    log->Note("--- failed");
  }
  auto log = RunLog::Open(path);
  REQUIRE(log);
  CHECK(log->LastWords().empty());
  log->Write("without an end");
  log->Note("--- done");
  CHECK(Text(path) ==
        "--- run 1\none\ntwo\nerror: it is broken\n\n  hint: mend\x1b it  \n--- failed\nwithout an end\n--- "
        "done\n");
}

TEST_CASE("run log: a run that talks too much is cut, and its last words are known all the same") {
  Machine machine;
  const std::string path = machine.layout.Root() + "/x.log";
  auto log = RunLog::Open(path);
  REQUIRE(log);
  const std::string line(1023, 'x');
  for (size_t i = 0; i < 2 * kMaxRunLogBytes / 1024; ++i) log->Write(line + "\n");
  log->Write("the end\n");
  CHECK(log->LastWords().ends_with(" the end"));
  CHECK(log->LastWords().size() <= 1024);
  CHECK(std::filesystem::file_size(path) < kMaxRunLogBytes + 100);
  CHECK(Text(path).ends_with("more than is kept\n"));
}

TEST_CASE("run log: of the runs before whole lines stay, as many as fit") {
  Machine machine;
  const std::string path = machine.layout.Root() + "/x.log";
  {
    std::ofstream file(path);
    for (int i = 0; i < 100'000; ++i) file << "line " << i << "\n";
  }
  REQUIRE(RunLog::Open(path));
  const std::string text = Text(path);
  CHECK(text.size() <= kKeptRunLogBytes);
  CHECK(text.size() > kKeptRunLogBytes - 100);
  CHECK(text.starts_with("line "));
  CHECK(text.ends_with("line 99999\n"));
}

}  // namespace
}  // namespace spawnd::daemon
