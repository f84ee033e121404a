/// Cuts the power after every single operation of a workload, in several ways each, and once more inside the
/// recovery. Then the test tests itself: with any one sync left out it must find something wrong.
#include <random>

#include "tests/crash/workload.h"
#include "tests/support/catch.h"

namespace spawnd::testing {
namespace {

using storage::Durability;

// How the unsynced operations of one crash fare; from 2 on each of them by lot.
constexpr uint32_t kAllDropped = 0;
constexpr uint32_t kAllKept = 1;
constexpr uint32_t kVariants = 5;

std::function<Fate(size_t, const LoggedOperation&)> FateOf(uint32_t variant, size_t operations) {
  return [=](size_t index, const LoggedOperation&) {
    if (variant == kAllDropped) return Fate::kDropped;
    if (variant == kAllKept) return Fate::kKept;
    std::minstd_rand lot(static_cast<uint32_t>(operations * 7919 + index * 104729 + variant * 31 + 1));
    lot.discard(3);
    return static_cast<Fate>(lot() / 7 % 4);
  };
}

/// What is wrong after crashes inside the recovery of `disk`, which ended with `recovered`.
std::string CrashRecovery(CrashRun& run, const RecordingFileSystem& disk, size_t after,
                          const Shown& recovered) {
  for (size_t cut = 0; cut <= after; ++cut) {
    const auto again = disk.AfterPowerCut(cut, FateOf(2 + cut % 4, cut));
    const auto volume = run.OpenIn(*again, "third boot");
    if (!volume) return "crash in recovery at " + std::to_string(cut) + ": " + volume.error().message;
    const auto shown = CrashRun::ReadAll(**volume);
    if (!shown) return "crash in recovery at " + std::to_string(cut) + ": " + shown.error().message;
    if (*shown != recovered) return "crash in recovery at " + std::to_string(cut) + " gave another state";
  }
  return {};
}

std::string CrashAt(CrashRun& run, const RecordingFileSystem& fs, size_t operations, uint32_t variant) {
  const auto disk = fs.AfterPowerCut(operations, FateOf(variant, operations));
  const auto volume = run.OpenIn(*disk, "second boot");
  if (!volume) return volume.error().message;
  const size_t recovery_end = disk->LogSize();
  const auto shown = CrashRun::ReadAll(**volume);
  if (!shown) return shown.error().message;
  if (std::string complaint = run.JudgePowerCut(operations, *shown); !complaint.empty()) return complaint;
  if ((operations + variant) % 7 == 0) {
    std::string complaint = CrashRecovery(run, *disk, recovery_end, *shown);
    if (complaint.empty()) complaint = CrashRun::TryOut(**volume, *shown);
    if (!complaint.empty()) return complaint;
  }
  // After TryOut has written over half of the volume.
  return run.JudgeRevisions(*disk, **volume, operations);
}

/// The first thing that is wrong, over all cuts; nothing when all is well.
std::string CrashEverywhere(CrashRun& run, const RecordingFileSystem& fs) {
  for (size_t operations = 0; operations <= fs.LogSize(); ++operations) {
    for (uint32_t variant = 0; variant < kVariants; ++variant) {
      const std::string complaint = CrashAt(run, fs, operations, variant);
      if (complaint.empty()) continue;
      return "power cut after operation " + std::to_string(operations) + ", variant " +
             std::to_string(variant) + ": " + complaint;
    }
  }
  return {};
}

std::string DieEverywhere(CrashRun& run, const RecordingFileSystem& fs) {
  for (size_t operations = 0; operations <= fs.LogSize(); ++operations) {
    const auto disk = fs.AfterProcessDeath(operations, false);
    const auto volume = run.OpenIn(*disk, "first boot");
    if (!volume) return "death after " + std::to_string(operations) + ": " + volume.error().message;
    const auto shown = CrashRun::ReadAll(**volume);
    if (!shown) return shown.error().message;
    std::string complaint = run.JudgeProcessDeath(operations, *shown);
    if (complaint.empty()) complaint = run.JudgeRevisions(*disk, **volume, operations);
    if (!complaint.empty()) return "death after " + std::to_string(operations) + ": " + complaint;
  }
  return {};
}

void RunAndCheck(Durability durability, bool with_image, const std::vector<Step>& steps) {
  RecordingFileSystem fs;
  CrashRun run(durability, with_image);
  run.Run(fs, steps);
  for (const TriedStep& tried : run.Tried()) REQUIRE(tried.succeeded);
  CHECK(CrashEverywhere(run, fs) == "");
  CHECK(DieEverywhere(run, fs) == "");
}

TEST_CASE("everysec: a crash leaves exactly one commit, not older than the last") {
  RunAndCheck(Durability::kEverySecond, true, MakeSteps(1, 80, 3, false));
}

TEST_CASE("always: a crash leaves everything that was flushed") {
  RunAndCheck(Durability::kAlways, true, MakeSteps(2, 80, 3, false));
}

TEST_CASE("always: a crash leaves everything of a log that was flushed, and zeros behind it") {
  RunAndCheck(Durability::kAlways, GENERATE(false, true), MakeLogSteps(9, 90, 2, false));
}

TEST_CASE("a process that dies before its first commit") {
  RunAndCheck(Durability::kEverySecond, false, MakeSteps(3, 80, 3, true));
}

TEST_CASE("everysec: a revision that was saved is there after any crash, and so is what was gone back to") {
  RunAndCheck(Durability::kEverySecond, true, MakeStepsWithRevisions(6, 80, 3, false));
}

TEST_CASE("always: a revision that was saved is there after any crash, and so is what was gone back to") {
  RunAndCheck(Durability::kAlways, true, MakeStepsWithRevisions(7, 80, 3, false));
}

TEST_CASE("going back before the first commit") {
  RunAndCheck(Durability::kEverySecond, true, MakeStepsWithRevisions(8, 60, 3, true));
}

struct SyncPoint {
  std::string path;
  std::optional<Step::Kind> during{};  // nothing: in operations that are not listed by their kind
};

/// Where the run is, in the words of a SyncPoint.
std::optional<Step::Kind> During(const CrashRun& run) {
  const Step::Kind doing = run.Doing();
  const bool named = doing == Step::Kind::kOpen || doing == Step::Kind::kSave || doing == Step::Kind::kRevert;
  return named ? std::optional(doing) : std::nullopt;
}

using StepMaker = std::vector<Step> (*)(uint32_t seed, size_t length, size_t opens, bool late_commit);

/// Runs both workloads without the syncs of one place; what the enumeration finds wrong.
std::string WithoutSync(Durability durability, const SyncPoint& point, const StepMaker& make_steps) {
  for (const bool late_commit : {false, true}) {
    RecordingFileSystem fs;
    CrashRun run(durability, true);
    size_t lost = 0;
    fs.LoseSyncs([&](const std::string& path) {
      const bool same = path == point.path || (point.path.ends_with('-') && path.starts_with(point.path));
      const bool lose = same && During(run) == point.during;
      lost += lose ? 1 : 0;
      return lose;
    });
    run.Run(fs, make_steps(4, 80, 3, late_commit));
    if (lost == 0) continue;
    std::string complaint = CrashEverywhere(run, fs);
    if (!complaint.empty()) return complaint;
  }
  return {};
}

TEST_CASE("each sync is needed, and the enumeration notices when it is left out") {
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  const auto recovery = Step::Kind::kOpen;
  const SyncPoint point = GENERATE_COPY(SyncPoint{"/volume/data"},         // commit: data before record
                                        SyncPoint{"/volume/journal.new"},  // first commit: its record
                                        SyncPoint{"/volume/journal"},      // later commits: the record
                                        SyncPoint{"/volume"},  // the journal's name, new or compacted
                                        SyncPoint{"/"},        // the directory's own name
                                        SyncPoint{"/volume/journal.tmp"},     // the compacted journal
                                        SyncPoint{"/volume/data", recovery},  // data before the journal
                                        SyncPoint{"/volume/journal.tmp", recovery},  // the new journal
                                        SyncPoint{"/volume", recovery},              // its name
                                        SyncPoint{"/", recovery});  // of what never committed
  INFO("without the sync of " << point.path << (point.during ? " in recovery" : ""));
  CHECK(WithoutSync(durability, point, MakeSteps) != "");
}

TEST_CASE("each sync of saving and going back is needed, and the enumeration notices") {
  const Durability durability = GENERATE(Durability::kEverySecond, Durability::kAlways);
  const auto save = Step::Kind::kSave;
  const auto revert = Step::Kind::kRevert;
  const SyncPoint point = GENERATE_COPY(SyncPoint{"/volume/data", save},           // what its slots hold
                                        SyncPoint{"/volume/revision-", save},      // the map
                                        SyncPoint{"/volume", save},                // its name
                                        SyncPoint{"/volume/journal.tmp", revert},  // the map gone back to
                                        SyncPoint{"/volume", revert});             // its name
  INFO("without the sync of " << point.path << (point.during == save ? " in saving" : " in going back"));
  CHECK(WithoutSync(durability, point, MakeStepsWithRevisions) != "");
}

}  // namespace
}  // namespace spawnd::testing
