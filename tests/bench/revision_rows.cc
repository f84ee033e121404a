/// `./dev bench revisions` and `./dev bench chain`: save and reset of a running container, and whether an
/// image that a hundred graduations led to is as fast as the first.
#include <fmt/core.h>

#include <chrono>
#include <thread>

#include "tests/bench/groups.h"
#include "tests/bench/samples.h"
#include "tests/bench/stopwatch.h"

namespace spawnd::bench {
namespace {

constexpr int kRounds = 20;
constexpr int kGraduations = 100;
constexpr double kTargetSave = 20;   // milliseconds
constexpr double kTargetReset = 80;  // milliseconds
constexpr double kTargetSpare = 10;  // milliseconds
constexpr int kSpareLooks = 600;
constexpr std::chrono::milliseconds kBetweenLooks{100};
constexpr double kTargetChain = 1.1;

/// About 25 MB, so that a graduation changes a small part of it.
constexpr char kSql[] =
    "CREATE TABLE sample AS SELECT g AS id, repeat(md5(g::text), 12) AS filler, 0 AS changed "
    "FROM generate_series(1, 50000) g; ALTER TABLE sample ADD PRIMARY KEY (id);";

Row RowFor(const std::string& name, const Samples& samples, double target) {
  Row row;
  row.name = name;
  row.value = samples.Median();
  row.unit = "ms";
  row.target = fmt::format("<= {:.0f} ms", target);
  row.met = row.value <= target;
  row.runs = samples.Count();
  row.spread = fmt::format("{:.0f}-{:.0f}", samples.Percentile(0), samples.Percentile(1));
  return row;
}

Result<void> ChangeSomething(const api::DataContainer& container, int round) {
  return Query(container.url,
               fmt::format("UPDATE sample SET changed = {0} WHERE id % 1000 = {0} % 1000", round))
      .map([](const std::string&) {});
}

Result<void> AwaitSpare(PrivateDaemon& daemon, const std::string& name) {
  for (int look = 0; look < kSpareLooks; ++look) {
    TRY_ASSIGN(const api::DataContainer container, daemon.GetContainer(name));
    if (container.spare == "ready") return {};
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return Fail(ErrorCode::kTimeout, "'" + name + "' has no spare");
}

Result<Samples> MeasureSpare(PrivateDaemon& daemon) {
  TRY_ASSIGN(const api::DataContainer container, daemon.CreateContainer("revisions"));
  TRY(daemon.Change(container.name, "reset", "{}").map([](const std::string&) {}));
  Samples samples;
  for (int round = 1; round <= kRounds; ++round) {
    TRY(AwaitSpare(daemon, container.name));
    TRY(ChangeSomething(container, round));
    const Stopwatch resetting;
    TRY(daemon.Change(container.name, "reset", "{}").map([](const std::string&) {}));
    samples.Add(resetting.Milliseconds());
  }
  TRY(daemon.DeleteContainer(container.name));
  return samples;
}

Result<std::vector<Row>> MeasureRevisions(Context& context) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY(daemon->CreateImage("revisions", kSql).map([](const api::DataImage&) {}));
  Samples save;
  Samples reset;
  for (int round = 1; round <= kRounds; ++round) {
    // After its first reset a container has a spare.
    TRY_ASSIGN(const api::DataContainer container, daemon->CreateContainer("revisions"));
    TRY(ChangeSomething(container, round));
    const Stopwatch saving;
    TRY(daemon->Change(container.name, "save", "{}").map([](const std::string&) {}));
    save.Add(saving.Milliseconds());
    TRY(ChangeSomething(container, -round));
    const Stopwatch resetting;
    TRY(daemon->Change(container.name, "reset", "{}").map([](const std::string&) {}));
    reset.Add(resetting.Milliseconds());
    TRY(daemon->DeleteContainer(container.name));
  }
  TRY_ASSIGN(const Samples with_spare, MeasureSpare(*daemon));
  return std::vector<Row>{RowFor("save-p50", save, kTargetSave), RowFor("reset-p50", reset, kTargetReset),
                          RowFor("reset-with-a-spare-p50", with_spare, kTargetSpare)};
}

/// A container of `image`, changed, saved and graduated as `graduated`.
Result<void> Graduate(PrivateDaemon& daemon, const std::string& image, const std::string& graduated,
                      int round) {
  TRY_ASSIGN(const api::DataContainer container, daemon.CreateContainer(image));
  TRY(ChangeSomething(container, round));
  TRY(daemon.Change(container.name, "save", "{}").map([](const std::string&) {}));
  TRY(daemon.Change(container.name, "graduate", fmt::format(R"({{"name":"{}"}})", graduated))
          .map([](const std::string&) {}));
  return daemon.DeleteContainer(container.name);
}

struct Depth {
  Samples create;  ///< ms to the first row
  Samples read;    ///< ms of the first full read
};

Result<void> MeasureDepth(PrivateDaemon& daemon, const std::string& image, Depth& depth) {
  const Stopwatch create;
  TRY_ASSIGN(const api::DataContainer container, daemon.CreateContainer(image));
  TRY(Query(container.url, "SELECT id FROM sample LIMIT 1").map([](const std::string&) {}));
  depth.create.Add(create.Milliseconds());
  TRY(DropCaches());
  const Stopwatch read;
  TRY(Query(container.url, "SELECT sum(length(filler)) FROM sample").map([](const std::string&) {}));
  depth.read.Add(read.Milliseconds());
  return daemon.DeleteContainer(container.name);
}

Row ChainRow(const std::string& name, const Samples& deep, const Samples& first) {
  Row row = RowFor(name, deep, 0);
  row.baseline = "depth 1";
  row.ratio = deep.Median() / first.Median();
  row.target = fmt::format("<= {:.1f}x", kTargetChain);
  row.met = *row.ratio <= kTargetChain;
  return row;
}

Result<std::vector<Row>> MeasureChain(Context& context) {
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY(daemon->CreateImage("chain-0", kSql).map([](const api::DataImage&) {}));
  Say(fmt::format("{} graduations, each of a container of the one before", kGraduations));
  for (int depth = 1; depth <= kGraduations; ++depth) {
    TRY(Graduate(*daemon, fmt::format("chain-{}", depth - 1), fmt::format("chain-{}", depth), depth));
  }
  Depth first;
  Depth last;
  for (int round = 0; round < kRounds; ++round) {
    TRY(MeasureDepth(*daemon, "chain-1", first));
    TRY(MeasureDepth(*daemon, fmt::format("chain-{}", kGraduations), last));
  }
  return std::vector<Row>{ChainRow("chain-100-create", last.create, first.create),
                          ChainRow("chain-100-read", last.read, first.read)};
}

}  // namespace

RowGroup RevisionsGroup(Context& context) {
  return {"revisions",
          "save and reset of a running container, request sent to answer",
          {"save-p50", "reset-p50", "reset-with-a-spare-p50"},
          [&context] { return MeasureRevisions(context); }};
}

RowGroup ChainGroup(Context& context) {
  return {"chain",
          "an image after 100 graduations against one after the first",
          {"chain-100-create", "chain-100-read"},
          [&context] { return MeasureChain(context); }};
}

}  // namespace spawnd::bench
