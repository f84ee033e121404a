#include "daemon/keeper/engine_log.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "daemon/keeper/files.h"
#include "daemon/logs/log_tail.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

std::string ContentOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// A log with the engine's end of its pipe.
struct Printing {
  std::unique_ptr<EngineLog> log;
  UniqueFd engine;

  explicit Printing(const std::string& path) {
    auto opened = EngineLog::Open(path);
    REQUIRE(opened);
    log = std::move(*opened);
    engine.Reset(::dup(log->Writer()));
    REQUIRE(log->Serve());
  }
  void Print(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t n = ::write(engine.Get(), text.data(), text.size());
      REQUIRE(n > 0);
      text.remove_prefix(static_cast<size_t>(n));
    }
  }
};

TEST_CASE("what an engine prints is in the file behind what was there, and in the tail since the mark") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  std::ofstream(path) << "before\n";
  const Printing printing(path);
  printing.Print("one\n");
  CHECK(printing.log->Tail(100) == "one\n");
  printing.log->Mark();
  CHECK(printing.log->Tail(100).empty());
  printing.Print("two\n");
  CHECK(printing.log->Tail(100) == "two\n");
  CHECK(printing.log->Tail(2) == "o\n");
  CHECK(ContentOf(path) == "before\none\ntwo\n");
}

TEST_CASE("an engine cannot make its log longer than it may be, however fast it prints") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  const Printing printing(path);
  std::string line(1023, 'x');
  line += '\n';
  for (int i = 0; i < 40 * 1024; ++i) printing.Print(line);
  printing.Print("the end\n");
  CHECK(printing.log->Tail(8) == "the end\n");
  constexpr auto kMost = static_cast<uintmax_t>(kEngineLogBytes) + (size_t{64} << 10);
  CHECK(std::filesystem::file_size(path) <= kMost);
  CHECK(std::filesystem::file_size(OlderLog(path)) <= kMost);
  CHECK(std::filesystem::file_size(OlderLog(path)) >= static_cast<uintmax_t>(kEngineLogBytes));
  CHECK(ContentOf(path).ends_with("the end\n"));
}

TEST_CASE("whoever reads along misses nothing while a log begins anew") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  auto tail = LogTail::Open(path, std::nullopt);
  REQUIRE(tail);
  // 12 MB: it begins anew once, and a reader may take its time.
  constexpr int kLines = 12'000;
  const Printing printing(path);
  std::thread engine([fd = printing.engine.Get()] {
    const std::string filler(1000, 'x');
    for (int i = 0; i < kLines; ++i) {
      const std::string line = std::to_string(i) + " " + filler + "\n";
      if (::write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return;
    }
  });
  std::string read;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const std::string last = "\n" + std::to_string(kLines - 1) + " ";
  while (read.find(last) == std::string::npos && std::chrono::steady_clock::now() < end) {
    const auto bytes = tail->Read(32 * 1024);
    REQUIRE(bytes);
    read += *bytes;
    if (bytes->empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  engine.join();
  CHECK(std::filesystem::exists(OlderLog(path)));
  size_t at = 0;
  for (int i = 0; i < kLines; ++i) {
    const std::string number = std::to_string(i) + " ";
    REQUIRE(read.compare(at, number.size(), number) == 0);
    at = read.find('\n', at) + 1;
  }
}

TEST_CASE("where there is no room for another file, the one that is there is emptied") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  std::filesystem::create_directories(OlderLog(path) + "/not a file");
  const Printing printing(path);
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 12; ++i) printing.Print(piece);
  printing.Print("end");
  CHECK(printing.log->Tail(3) == "end");
  CHECK(std::filesystem::file_size(path) < static_cast<uintmax_t>(kEngineLogBytes));
}

}  // namespace
}  // namespace spawnd::daemon
