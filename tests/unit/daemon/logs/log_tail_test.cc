#include "daemon/logs/log_tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "daemon/keeper/files.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

void Append(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::app) << text;
}

std::string ReadAll(LogTail& tail) {
  std::string all;
  while (true) {
    const auto bytes = tail.Read(7);  // in odd pieces
    REQUIRE(bytes);
    if (bytes->empty()) return all;
    all += *bytes;
  }
}

std::string LastOf(const std::string& path, uint64_t lines) {
  auto tail = LogTail::Open(path, lines);
  REQUIRE(tail);
  return ReadAll(*tail);
}

TEST_CASE("The last lines of a log are counted across the older one") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  Append(path + ".1", "one\ntwo\n");
  Append(path, "three\nfour\n");
  CHECK(LastOf(path, 0).empty());
  CHECK(LastOf(path, 1) == "four\n");
  CHECK(LastOf(path, 2) == "three\nfour\n");
  CHECK(LastOf(path, 3) == "two\nthree\nfour\n");
  CHECK(LastOf(path, 4) == "one\ntwo\nthree\nfour\n");
  CHECK(LastOf(path, 400) == "one\ntwo\nthree\nfour\n");
  Append(path, "cut in the mid");
  CHECK(LastOf(path, 1) == "cut in the mid");
  CHECK(LastOf(path, 2) == "four\ncut in the mid");
}

TEST_CASE("Lines are found where blocks of reading meet") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += "line " + std::to_string(i) + "\n";
  Append(path, text);
  for (const uint64_t lines : {uint64_t{6000}, uint64_t{20'000}, uint64_t{39'999}}) {
    auto tail = LogTail::Open(path, lines);
    REQUIRE(tail);
    const auto first = tail->Read(100);
    REQUIRE(first);
    CHECK(first->substr(0, first->find('\n')) == "line " + std::to_string(40'000 - lines));
  }
}

TEST_CASE("What comes later is read, whether or not the file was there") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  auto tail = LogTail::Open(path, 1);
  REQUIRE(tail);
  CHECK(ReadAll(*tail).empty());
  CHECK_FALSE(tail->Deleted());
  Append(path, "a\n");
  CHECK(ReadAll(*tail) == "a\n");
  Append(path, "b\n");
  CHECK(ReadAll(*tail) == "b\n");
  std::filesystem::remove(path);
  CHECK(tail->Deleted());
}

TEST_CASE("A log that begins anew loses nothing for whoever reads along") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  Append(path, "one\n");
  auto tail = LogTail::Open(path, std::nullopt);
  REQUIRE(tail);
  CHECK(ReadAll(*tail) == "one\n");
  Append(path, "two\n");  // not read before
  std::filesystem::rename(path, OlderLog(path));
  CHECK_FALSE(tail->Deleted());
  CHECK(ReadAll(*tail) == "two\n");
  Append(path, "3\n");
  CHECK(ReadAll(*tail) == "3\n");
  // Twice, before this one looks again: it has what is left of the first, and all of the second.
  Append(path, "four\n");
  std::filesystem::rename(path, OlderLog(path));
  Append(path, "five\n");
  std::filesystem::rename(path, OlderLog(path));
  Append(path, "six\n");
  CHECK(ReadAll(*tail) == "four\nfive\nsix\n");
  std::filesystem::remove(path);
  CHECK_FALSE(tail->Deleted());
  std::filesystem::remove(OlderLog(path));
  CHECK(tail->Deleted());
}

TEST_CASE("Two readers of one log go on each by itself, also when it is gone") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  Append(OlderLog(path), "one\n");
  Append(path, "two\n");
  auto tail = LogTail::Open(path, std::nullopt);
  REQUIRE(tail);
  auto other = tail->Fork();
  REQUIRE(other);
  CHECK(ReadAll(*tail) == "one\ntwo\n");
  Append(path, "three\n");
  std::filesystem::remove(path);
  std::filesystem::remove(OlderLog(path));
  CHECK(ReadAll(*other) == "one\ntwo\nthree\n");
  CHECK(ReadAll(*tail) == "three\n");
}

TEST_CASE("A log that was emptied is read from its beginning") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "engine.log";
  Append(path, "one, two\n");
  auto tail = LogTail::Open(path, std::nullopt);
  REQUIRE(tail);
  CHECK(ReadAll(*tail) == "one, two\n");
  std::filesystem::resize_file(path, 0);
  Append(path, "3\n");
  CHECK(ReadAll(*tail) == "3\n");
}

}  // namespace
}  // namespace spawnd::daemon
