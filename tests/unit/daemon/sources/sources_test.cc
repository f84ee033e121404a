/// Data sources on a clock of the test's own, with a script in the place of spawnctl: what begins when, what
/// is skipped, missed, cut off, and what stays.
#include "daemon/sources/sources.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

/// 28 November 2026, 09:40 UTC; the test's zone.
constexpr int64_t kNow = 1'795'858'800;

struct Scheduled {
  explicit Scheduled(const std::string& script = "exit 0", const std::string& over = "") : machine(over) {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
    ::chmod(machine.scratch.Path().c_str(), 0755);
    program = machine.scratch.Path() + "/program";
    std::ofstream(program) << "#!/bin/sh\n" << script << "\n";
    ::chmod(program.c_str(), 0755);
    Make();
  }
  ~Scheduled() {
    sources->Stop();
    questions->Stop();
    machine.removals->Stop();
  }
  void Make() {
    sources =
        std::make_unique<Sources>(Sources::Uses{*machine.catalog, machine.layout, machine.images, *questions,
                                                *machine.removals, *machine.mailbox, machine.metrics,
                                                machine.loop->Get(), program, "/nowhere.sock", nullptr},
                                  [this] { return now; });
  }

  int64_t Add(const std::string& name, const std::string& schedule, std::optional<int64_t> keep = {}) {
    api::CreateDataSourceRequest wanted;
    wanted.name = name;
    wanted.source_type = "backup";
    wanted.engine = "postgresql";
    wanted.definition = "name: " + name + "\n";
    wanted.folder = machine.scratch.Path();
    wanted.schedule = schedule;
    wanted.keep = keep;
    const auto row = sources->Create(wanted, ::getuid());
    INFO((row ? "" : row.error().message));
    REQUIRE(row);
    return row->id;
  }
  SourceRow Row(int64_t id) { return Machine::Made(machine.catalog->sources.ById(id)); }
  bool Over(int64_t id) {
    return machine.RunUntil([&] { return Row(id).run_outcome != kRunRunning && sources->Running() == 0; });
  }
  std::string Log(int64_t id) const {
    std::ifstream file(machine.layout.SourceLog(id));
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  Machine machine;
  int64_t now = kNow;
  std::string program;
  const std::unique_ptr<Jobs> questions = Jobs::Start({2});
  std::unique_ptr<Sources> sources;
};

TEST_CASE("data sources: a run begins when it is due, once") {
  Scheduled at("echo \"$@\"; echo in $(pwd), at home $HOME; [ -d \"$TMPDIR\" ] && touch \"$TMPDIR/x\"");
  REQUIRE(at.sources->Start());
  const int64_t id = at.Add("shop", "45 9 * * *");
  CHECK(at.Row(id).next_run == kNow + 300);
  at.sources->Look();
  CHECK(at.Row(id).runs == 0);
  at.now += 300;
  at.sources->Look();
  at.sources->Look();
  REQUIRE(at.Over(id));
  const SourceRow row = at.Row(id);
  CHECK(row.run_outcome == kRunSucceeded);
  CHECK(row.run_cause == kBySchedule);
  CHECK(row.runs == 1);
  CHECK(row.skipped == 0);
  CHECK(row.next_run == kNow + 300 + 86400);
  CHECK(at.Log(id).find("create data-image --source " + std::to_string(id)) != std::string::npos);
  CHECK(at.Log(id).find("in " + at.machine.scratch.Path()) != std::string::npos);
  REQUIRE(at.machine.RunUntil([&] { return !Machine::Exists(at.machine.layout.Run(id)); }));
}

TEST_CASE("data sources: what is due while a run goes on is skipped, and said") {
  Scheduled at("while [ ! -e go ]; do sleep 0.01; done");
  REQUIRE(at.sources->Start());
  const int64_t id = at.Add("slow", "* * * * *");
  at.now += 60;
  at.sources->Look();
  for (int minute = 0; minute < 3; ++minute) {
    at.now += 60;
    at.sources->Look();
  }
  CHECK(at.Row(id).runs == 1);
  CHECK(at.Row(id).skipped == 3);
  CHECK(at.sources->RunNow(id).error().code == ErrorCode::kInUse);
  REQUIRE(at.machine.RunUntil([&] { return !at.Row(id).run_process.empty(); }));
  Machine::Touch(at.machine.scratch.Path() + "/go");
  REQUIRE(at.Over(id));
  CHECK(at.Row(id).run_outcome == kRunSucceeded);
}

TEST_CASE("data sources: a run that fails leaves its last words") {
  Scheduled at("echo fine; echo 'error: the server is gone' >&2; echo 'hint: look for it' >&2; exit 69");
  REQUIRE(at.sources->Start());
  const int64_t id = at.Add("shop", "");
  CHECK(at.Row(id).next_run == 0);
  REQUIRE(at.sources->RunNow(id));
  REQUIRE(at.Over(id));
  CHECK(at.Row(id).run_outcome == kRunFailed);
  CHECK(at.Row(id).run_detail == "error: the server is gone hint: look for it");
  CHECK(at.Row(id).failures == 1);
  CHECK(at.Row(id).run_cause == kByRequest);
}

TEST_CASE("data sources: what was missed is run once; what was cut off is, too, but not for ever") {
  Scheduled at("while [ ! -e go ]; do sleep 0.01; done");
  REQUIRE(at.sources->Start());
  const int64_t late = at.Add("late", "@hourly");
  const int64_t cut = at.Add("cut", "0 10 * * *");
  const int64_t asked = at.Add("asked", "");
  at.now = kNow + 1200;  // ten o'clock
  at.sources->Look();
  REQUIRE(at.sources->RunNow(asked));
  REQUIRE(at.machine.RunUntil([&] {
    return !at.Row(late).run_process.empty() && !at.Row(cut).run_process.empty() &&
           !at.Row(asked).run_process.empty();
  }));
  at.sources->Stop();
  at.now += 3 * 3600;
  at.Make();
  REQUIRE(at.sources->Start());
  CHECK(at.Row(asked).run_outcome == kRunInterrupted);
  // Once the folders of the runs before are gone.
  REQUIRE(at.machine.RunUntil([&] {
    return at.Row(late).run_outcome == kRunRunning && at.Row(cut).run_outcome == kRunRunning &&
           !at.Row(cut).run_process.empty();
  }));
  CHECK(at.Row(late).run_cause == kMissedBefore);
  CHECK(at.Row(cut).run_cause == kMissedBefore);
  CHECK(at.Row(late).runs == 2);
  CHECK(at.Row(late).next_run == kNow + 1200 + 4 * 3600);
  // Once more, and it is left to its schedule.
  at.sources->Stop();
  at.Make();
  REQUIRE(at.sources->Start());
  CHECK(at.Row(cut).run_outcome == kRunInterrupted);
  CHECK(at.Row(cut).runs == 2);
  CHECK(at.Row(cut).next_run == kNow + 1200 + 86400);
}

TEST_CASE(
    "data sources: a clock that is set right makes nothing due twice; one that goes far back does not stop "
    "them") {
  Scheduled at;
  REQUIRE(at.sources->Start());
  const int64_t id = at.Add("shop", "0 10 * * *");
  at.now = kNow + 1200;
  at.sources->Look();
  REQUIRE(at.Over(id));
  at.now -= 5;
  at.sources->Look();
  at.now += 10;
  at.sources->Look();
  CHECK(at.Row(id).runs == 1);
  at.now = kNow - int64_t{30} * 86400;
  at.sources->Look();
  CHECK(at.Row(id).next_run == at.now + 1200);
  CHECK(at.Row(id).runs == 1);
}

TEST_CASE("data sources: so many images of runs stay, those in use longer") {
  Scheduled at;
  REQUIRE(at.sources->Start());
  const int64_t id = at.Add("shop", "", 2);
  std::vector<int64_t> images;
  for (const bool by_run : {true, true, false, true, true}) {
    ImageRow row;
    row.name = "shop";
    row.engine = "postgresql";
    row.engine_version = "15.20";
    row.source_id = id;
    row.source_run = by_run;
    images.push_back(Machine::Made(at.machine.catalog->images.Insert(row)));
    REQUIRE(at.machine.catalog->images.Complete(images.back(), {"", 1, 1, "x.index", {}}));
  }
  const int64_t container = at.machine.CreatingContainer(images[1]);
  at.sources->Look();
  const auto is_there = [&](size_t i) {
    const auto row = at.machine.catalog->images.ById(images[i]);
    return row && row->state == ImageState::kCompleted;
  };
  CHECK_FALSE(is_there(0));
  CHECK(is_there(1));  // in use
  CHECK(is_there(2));  // a person's
  CHECK(is_there(3));
  CHECK(is_there(4));
  REQUIRE(at.machine.catalog->containers.Remove(container));
  at.sources->Look();
  CHECK_FALSE(is_there(1));
  CHECK(is_there(3));
}

TEST_CASE("data sources: one that is deleted ends its run with all that it has started") {
  Scheduled at("sleep 600 & echo $! > child; wait");
  REQUIRE(at.sources->Start());
  const int64_t id = at.Add("shop", "");
  REQUIRE(at.sources->RunNow(id));
  const std::string child = at.machine.scratch.Path() + "/child";
  REQUIRE(at.machine.RunUntil([&] { return Machine::Exists(child); }));
  REQUIRE(at.machine.RunUntil([&] { return std::ifstream(child).peek() != EOF; }));
  pid_t pid = 0;
  std::ifstream(child) >> pid;
  bool done = false;
  REQUIRE(at.sources->Delete(id, [&](const Result<void>& result) { done = result.has_value(); }));
  CHECK(at.machine.catalog->sources.List()->empty());
  REQUIRE(at.machine.RunUntil([&] { return done; }));
  REQUIRE(at.machine.RunUntil([&] { return ::kill(pid, 0) != 0; }));
  CHECK(at.machine.catalog->sources.ById(id).error().code == ErrorCode::kNotFound);
  CHECK_FALSE(Machine::Exists(at.machine.layout.SourceLog(id)));
  REQUIRE(at.machine.RunUntil([&] { return !Machine::Exists(at.machine.layout.Run(id)); }));
}

TEST_CASE("data sources: what cannot be is refused, and one user's are so many") {
  Scheduled at;
  REQUIRE(at.sources->Start());
  api::CreateDataSourceRequest good;
  good.name = "shop";
  good.source_type = "backup";
  good.engine = "postgresql";
  good.definition = "name: shop\n";
  good.folder = "/";
  const auto refused = [&](auto change) {
    api::CreateDataSourceRequest wanted = good;
    change(wanted);
    const auto row = at.sources->Create(wanted, 0);
    return row ? ErrorCode::kInternal : row.error().code;
  };
  CHECK(refused([](auto& x) { x.name = "17"; }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) { x.source_type = "empty"; }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) { x.engine = "nothing"; }) != ErrorCode::kInternal);
  CHECK(refused([](auto& x) { x.folder = "here"; }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) { x.schedule = "now"; }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) { x.keep = 0; }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) { x.definition = "password: x\n"; }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) { x.connection = api::Connection(); }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) { x.source_type = "standby"; }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) {
          x.schedule = "@daily";
          x.definition = "connection: {passwordVariable: SHOP}\n";
        }) == ErrorCode::kInvalidArgument);
  CHECK(refused([](auto& x) {
          x.source_type = "standby";
          x.engine = "mariadb";
          x.connection = api::Connection();
        }) == ErrorCode::kUnsupported);
  for (size_t i = 0; i < kMaxSourcesOfUser; ++i) {
    good.name = "shop-" + std::to_string(i);
    REQUIRE(at.sources->Create(good, 0));
  }
  good.name = "one-more";
  CHECK(at.sources->Create(good, 0).error().code == ErrorCode::kTooMany);
  CHECK(at.sources->Create(good, 1000));
}

}  // namespace
}  // namespace spawnd::daemon
