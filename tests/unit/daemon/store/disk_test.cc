#include "daemon/store/disk.h"

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

TEST_CASE("space: the words of a tool on a full disk become a code and a hint") {
  const ScratchDirectory scratch;
  const Error error = ExplainSpace(
      {ErrorCode::kInvalidArgument, "line 3 of 'big.sql': could not extend file: No space left on device"},
      scratch.Path());
  CHECK(error.code == ErrorCode::kNoSpace);
  CHECK(error.message.find("line 3 of 'big.sql'") != std::string::npos);
  CHECK(error.hint.find(scratch.Path()) != std::string::npos);
}

TEST_CASE("space: a hint that is there stays, as does every error that is not about space") {
  const ScratchDirectory scratch;
  CHECK(ExplainSpace({ErrorCode::kNoSpace, "no free port", "Widen the range."}, scratch.Path()).hint ==
        "Widen the range.");
  const Error other = ExplainSpace({ErrorCode::kInvalidArgument, "syntax error"}, scratch.Path());
  CHECK(other.code == ErrorCode::kInvalidArgument);
  CHECK(other.message == "syntax error");
  CHECK(other.hint.empty());
}

TEST_CASE("space: on a file system without room every failure is about that") {
  // /proc has no blocks at all, so none are free.
  const Error error = ExplainSpace({ErrorCode::kUnavailable, "server closed the connection"}, "/proc");
  CHECK(error.code == ErrorCode::kNoSpace);
  CHECK(error.message == "no space left on the disk of '/proc': server closed the connection");
  CHECK(ExplainSpace({ErrorCode::kCancelled, "stopped"}, "/proc").code == ErrorCode::kCancelled);
}

TEST_CASE(
    "space: what an engine says of a full disk is believed while it is, and else no reason to try for ever") {
  const Error forged(ErrorCode::kNoSpace, "PANIC:  could not write: No space left on device", "Make room.");
  // /proc has no blocks at all, so none are free.
  CHECK(JudgeSpace(forged, "/proc").code == ErrorCode::kNoSpace);
  CHECK(JudgeSpace({ErrorCode::kUnavailable, "it ended"}, "/proc").code == ErrorCode::kNoSpace);
  // A file system with room.
  const ScratchDirectory scratch;
  const auto use = UseOfDisk(scratch.Path());
  REQUIRE(use);
  if (use->Percent() >= 97 || use->free_bytes < (uint64_t{300} << 20U)) {
    WARN("skipped: this machine's own disk is full");
    return;
  }
  const Error judged = JudgeSpace(forged, scratch.Path());
  CHECK(judged.code == ErrorCode::kUnavailable);
  CHECK(judged.message.find("PANIC:  could not write") != std::string::npos);
  CHECK(judged.message.find("there is room on the disk of '" + scratch.Path()) == 0);
  const Error other = JudgeSpace({ErrorCode::kPoisoned, "a sync failed"}, scratch.Path());
  CHECK(other.code == ErrorCode::kPoisoned);
  CHECK(other.message == "a sync failed");
}

TEST_CASE("space: how full a disk is, as df says it") {
  CHECK(DiskUse{0, 100}.Percent() == 0);
  CHECK(DiskUse{1, 1000}.Percent() == 1);
  CHECK(DiskUse{80, 20}.Percent() == 80);
  CHECK(DiskUse{801, 199}.Percent() == 81);
  CHECK(DiskUse{100, 0}.Percent() == 100);
  CHECK(DiskUse{0, 0}.Percent() == 100);
  CHECK(UseOfDisk("/").has_value());
  CHECK(UseOfDisk("/no/such/place").error().code == ErrorCode::kNotFound);
}

TEST_CASE("space: what has been explained is not explained again, however full the disk stays") {
  const Error once = ExplainSpace({ErrorCode::kUnavailable, "server closed the connection"}, "/proc");
  const Error twice = ExplainSpace(once, "/proc");
  CHECK(twice.message == once.message);
  CHECK(twice.hint == once.hint);
}

TEST_CASE("space: a full volume is no full disk") {
  const ScratchDirectory scratch;
  const auto use = UseOfDisk(scratch.Path());
  REQUIRE(use);
  if (use->free_bytes < (uint64_t{64} << 20U)) {
    WARN("skipped: this machine's own disk is full");
    return;
  }
  constexpr uint64_t kMiB = uint64_t{1} << 20U;
  const auto explain = [&](const std::string& message, std::optional<DiskUse> measured) {
    return ExplainVolume({ErrorCode::kInvalidArgument, message}, {256 * kMiB, measured}, scratch.Path());
  };
  const DiskUse roomy{56 * kMiB, 200 * kMiB};
  const DiskUse scarce{240 * kMiB, 16 * kMiB};
  const DiskUse full{256 * kMiB, 4096};
  // The server gives back what it had: the system's words count more than what is free afterwards.
  const Error said = explain("ERROR: could not extend file: No space left on device", roomy);
  CHECK(said.code == ErrorCode::kNoSpace);
  CHECK(said.message.find("the volume of 256 MiB is full: ERROR: could not extend file") == 0);
  CHECK(said.hint.find("volumeSize in spawnd.yaml") != std::string::npos);
  CHECK(said.hint.find("Make room") == std::string::npos);
  for (const char* words : {"ERROR 1114 (HY000) at line 3: The table 't' is full",
                            "the server ended: preallocating 8388608 bytes failed with error 28"}) {
    CHECK(explain(words, scarce).code == ErrorCode::kNoSpace);
    CHECK(explain(words, std::nullopt).code == ErrorCode::kNoSpace);
    // A table in memory is full as well.
    CHECK(explain(words, roomy).code == ErrorCode::kInvalidArgument);
  }
  CHECK(explain("the server closed the connection", full).code == ErrorCode::kNoSpace);
  CHECK(explain("syntax error", scarce).code == ErrorCode::kInvalidArgument);
  CHECK(explain("syntax error", std::nullopt).code == ErrorCode::kInvalidArgument);
  const Error twice = ExplainVolume(said, {256 * kMiB, full}, scratch.Path());
  CHECK(twice.message == said.message);
  // /proc has no blocks at all, so none are free: then it is the disk.
  CHECK(ExplainVolume(Error(ErrorCode::kUnavailable, "it ended"), {256 * kMiB, full}, "/proc").message ==
        "no space left on the disk of '/proc': it ended");
}

TEST_CASE("space: sizes in words") {
  CHECK(SizeInWords(0) == "0 bytes");
  CHECK(SizeInWords(1023) == "1023 bytes");
  CHECK(SizeInWords(uint64_t{256} << 20U) == "256 MiB");
  CHECK(SizeInWords(uint64_t{1536} << 20U) == "1.5 GiB");
  CHECK(SizeInWords(uint64_t{8} << 40U) == "8 TiB");
}

}  // namespace
}  // namespace spawnd::daemon
