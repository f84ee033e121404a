/// Lets the n-th call to the file system fail, for every n until the workload passes untouched. Whatever
/// fails, no data may be wrong: not in the live volume, not after a power cut, not for the next process.
#include "tests/crash/workload.h"
#include "tests/support/catch.h"

namespace spawnd::testing {
namespace {

using storage::Durability;

struct FaultKind {
  ErrorCode code;
  uint64_t count;  // calls in a row that fail
  int written_eighths;
};

std::string JudgeDisk(CrashRun& run, RecordingFileSystem& disk, const std::string& boot_id,
                      size_t operations) {
  const auto volume = run.OpenIn(disk, boot_id);
  if (!volume) return volume.error().message;
  const auto shown = CrashRun::ReadAll(**volume);
  if (!shown) return shown.error().message;
  std::string complaint = boot_id == "first boot" ? run.JudgeProcessDeath(operations, *shown)
                                                  : run.JudgePowerCut(operations, *shown);
  if (complaint.empty()) complaint = CrashRun::TryOut(**volume, *shown);
  return complaint.empty() ? run.JudgeRevisions(disk, **volume, operations) : complaint;
}

std::string JudgeLive(CrashRun& run, RecordingFileSystem& fs) {
  if (run.LiveVolume() == nullptr) return {};
  fs.FailCalls(0, 0, ErrorCode::kIo, 0);
  const auto shown = CrashRun::ReadAll(*run.LiveVolume());
  if (run.Broken()) return shown ? "a poisoned volume was read" : "";
  if (!shown) return shown.error().message;
  return run.JudgeProcessDeath(fs.LogSize(), *shown);
}

std::string JudgeAll(CrashRun& run, RecordingFileSystem& fs) {
  const size_t end = fs.LogSize();
  std::string complaint = JudgeLive(run, fs);
  if (!complaint.empty()) return "live: " + complaint;
  for (const Fate fate : {Fate::kDropped, Fate::kKept}) {
    const auto disk = fs.AfterPowerCut(end, [fate](size_t, const auto&) { return fate; });
    complaint = JudgeDisk(run, *disk, "second boot", end);
    if (!complaint.empty()) return "power cut: " + complaint;
  }
  for (const bool lose : {false, true}) {
    const auto disk = fs.AfterProcessDeath(end, lose);
    complaint = JudgeDisk(run, *disk, "first boot", end);
    if (!complaint.empty()) return std::string("next process") + (lose ? ", pages lost: " : ": ") + complaint;
  }
  return {};
}

TEST_CASE("whatever call fails, no data is wrong") {
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  const FaultKind kind =
      GENERATE(FaultKind{ErrorCode::kIo, 1, 0}, FaultKind{ErrorCode::kIo, 1, 8},
               FaultKind{ErrorCode::kNoSpace, 1, 4}, FaultKind{ErrorCode::kNoSpace, 25, 0});
  const bool late_commit = GENERATE(false, true);
  const bool revisions = GENERATE(false, true);
  const std::vector<Step> steps =
      revisions ? MakeStepsWithRevisions(5, 32, 3, late_commit) : MakeSteps(5, 32, 3, late_commit);
  for (uint64_t n = 1;; ++n) {
    INFO("call " << n << " fails with " << ErrorCodeName(kind.code) << ", " << kind.count << " in a row");
    RecordingFileSystem fs;
    CrashRun run(durability, true);
    fs.FailCalls(n, kind.count, kind.code, kind.written_eighths);
    run.Run(fs, steps);
    const bool past_the_end = n > fs.Calls();
    const std::string complaint = JudgeAll(run, fs);
    if (!complaint.empty()) FAIL(complaint);
    if (past_the_end) break;
  }
}

TEST_CASE("a full disk fails the write and nothing else") {
  RecordingFileSystem fs;
  CrashRun run(Durability::kEverySecond, false);
  run.Run(fs,
          {{.kind = Step::Kind::kOpen}, {.kind = Step::Kind::kWrite, .block = 0, .count = 4, .stamp = 7}});
  fs.FailCalls(fs.Calls() + 1, 1000, ErrorCode::kNoSpace, 4);
  std::vector<std::byte> data(storage::kBlockSize, std::byte{1});  // zeros need no room
  const auto full = run.LiveVolume()->Write(4 * storage::kBlockSize, data);
  REQUIRE(!full);
  CHECK(full.error().code == ErrorCode::kNoSpace);
  const auto commit = run.LiveVolume()->CommitEpoch();  // no room for the record either
  REQUIRE(!commit);
  CHECK(commit.error().code == ErrorCode::kNoSpace);
  fs.FailCalls(0, 0, ErrorCode::kNoSpace, 0);
  CHECK(run.LiveVolume()->Write(4 * storage::kBlockSize, data));
  CHECK(run.LiveVolume()->CommitEpoch());
  CHECK(run.LiveVolume()->Usage().committed_epoch == 2);
}

TEST_CASE("a failed sync poisons the volume, and is not tried again") {
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  RecordingFileSystem fs;
  CrashRun run(durability, false);
  run.Run(fs,
          {{.kind = Step::Kind::kOpen}, {.kind = Step::Kind::kWrite, .block = 0, .count = 4, .stamp = 7}});
  fs.FailCalls(fs.Calls() + 1, 1, ErrorCode::kIo, 0);  // the next call is the sync of data
  storage::Volume& volume = *run.LiveVolume();
  std::vector<std::byte> data(storage::kBlockSize);
  CHECK(volume.CommitEpoch().error().code == ErrorCode::kPoisoned);
  const size_t log_size = fs.LogSize();
  CHECK(volume.CommitEpoch().error().code == ErrorCode::kPoisoned);
  CHECK(volume.Flush().error().code == ErrorCode::kPoisoned);
  CHECK(volume.Read(0, data).error().code == ErrorCode::kPoisoned);
  CHECK(volume.Write(0, data).error().code == ErrorCode::kPoisoned);
  CHECK(volume.Discard(0, storage::kBlockSize).error().code == ErrorCode::kPoisoned);
  CHECK(volume.NextData(0).error().code == ErrorCode::kPoisoned);
  CHECK(fs.LogSize() == log_size);
}

/// An open that recovers what the last process of this boot left, with call `n` failing; no error once there
/// is no such call.
std::optional<Error> OpenWithFault(uint64_t n) {
  RecordingFileSystem fs;
  CrashRun run(Durability::kEverySecond, false);
  run.Run(fs, {{.kind = Step::Kind::kOpen},
               {.kind = Step::Kind::kWrite, .block = 0, .count = 4, .stamp = 7},
               {.kind = Step::Kind::kCommit},
               {.kind = Step::Kind::kWrite, .block = 8, .count = 4, .stamp = 8}});
  const auto disk = fs.AfterProcessDeath(fs.LogSize(), false);
  disk->FailCalls(n, 1, ErrorCode::kIo, 0);
  const auto opened = run.OpenIn(*disk, "first boot");
  if (!disk->FaultHappened() || opened) return std::nullopt;
  // Nothing is on this disk that an open with all calls working does not bring back.
  disk->FailCalls(0, 0, ErrorCode::kIo, 0);
  CHECK(run.OpenIn(*disk, "first boot"));
  return opened.error();
}

TEST_CASE("an open that fails is poisoned by a sync, and by nothing else") {
  size_t poisoned = 0;
  size_t others = 0;
  for (uint64_t n = 1; n < 200; ++n) {
    const auto error = OpenWithFault(n);
    if (!error) continue;
    INFO("call " << n << ": " << error->message);
    const bool sync = error->message.find("sync") != std::string::npos;
    CHECK(error->code == (sync ? ErrorCode::kPoisoned : ErrorCode::kIo));
    ++(sync ? poisoned : others);
  }
  CHECK(poisoned == 4);  // of data, the new journal, the folder and the folder above
  CHECK(others >= 6);
}

}  // namespace
}  // namespace spawnd::testing
