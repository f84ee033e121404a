/// The rows of data sources: names, runs, what is told of them, and their images.
#include "daemon/catalog/sources.h"

#include <algorithm>

#include "tests/unit/daemon/catalog/sample_rows.h"
#include "tests/unit/daemon/machine.h"

namespace spawnd::daemon {
namespace {

SourceRow Sample(const std::string& name, uid_t owner = 1000) {
  SourceRow row;
  row.name = name;
  row.owner = owner;
  row.source_type = "backup";
  row.engine = "postgresql";
  row.definition = "name: " + name + "\n";
  row.folder = "/home/x";
  row.schedule = "@daily";
  row.keep = 2;
  row.created_at = 100;
  row.next_run = 200;
  return row;
}

std::vector<std::string> EventsOf(const Machine& machine, int64_t id) {
  auto reader = EventReader::Open(machine.layout.Catalog());
  REQUIRE(reader);
  std::vector<std::string> told;
  const auto events = (*reader)->After(0, 1000);
  REQUIRE(events);
  for (const EventRow& event : *events) {
    if (event.resource == "source" && event.subject == id) told.push_back(event.event);
  }
  return told;
}

TEST_CASE("sources: a row comes back as it went in") {
  Machine machine;
  SourceRow row = Sample("shop");
  row.state = kStandbyCopying;
  row.connection = R"({"host":"db"})";
  row.max_kept_bytes = 1 << 30;
  const auto id = machine.catalog->sources.Insert(row);
  REQUIRE(id);
  const auto read = machine.catalog->sources.ById(*id);
  REQUIRE(read);
  CHECK(read->id == *id);
  CHECK(read->definition == row.definition);
  CHECK(read->schedule == "@daily");
  CHECK(read->keep == 2);
  CHECK(read->next_run == 200);
  CHECK(read->lag_bytes == -1);
  CHECK(read->connection == row.connection);
  CHECK(machine.catalog->sources.Find("shop")->id == *id);
  CHECK(machine.catalog->sources.Find(std::to_string(*id))->id == *id);
  CHECK(machine.catalog->sources.Find("shops").error().code == ErrorCode::kNotFound);
}

TEST_CASE("sources: a name is one owner's, and free once its source is being deleted") {
  Machine machine;
  SourceTable& sources = machine.catalog->sources;
  const auto id = sources.Insert(Sample("shop"));
  REQUIRE(id);
  CHECK(sources.Insert(Sample("shop")).error().code == ErrorCode::kAlreadyExists);
  REQUIRE(sources.Insert(Sample("shop", 1001)));
  const auto other = sources.Insert(Sample("other"));
  REQUIRE(other);
  CHECK(sources.Update(*other, {.name = "shop"}, 0).error().code == ErrorCode::kAlreadyExists);
  REQUIRE(sources.MarkDeleting(*id));
  CHECK(sources.Find("shop", [](const SourceRow& row) { return row.owner == 1000; }).error().code ==
        ErrorCode::kNotFound);
  CHECK(sources.ById(*id)->deleting);
  CHECK(sources.List()->size() == 2);
  CHECK(sources.List(Rows::kAll)->size() == 3);
  REQUIRE(sources.Update(*other, {.name = "shop", .schedule = "", .keep = 5}, 0));
  const auto renamed = sources.ById(*other);
  CHECK(renamed->name == "shop");
  CHECK(renamed->schedule.empty());
  CHECK(renamed->keep == 5);
  CHECK(renamed->folder == "/home/x");
}

TEST_CASE("sources: runs are counted, and each of their steps is told") {
  Machine machine;
  SourceTable& sources = machine.catalog->sources;
  const int64_t id = sources.Insert(Sample("shop")).value();
  REQUIRE(sources.BeginRun(id, "schedule", 300, 400));
  REQUIRE(sources.NoteProcess(id, "boot 17 4711"));
  auto row = sources.ById(id);
  CHECK(row->run_outcome == kRunRunning);
  CHECK(row->run_started == 300);
  CHECK(row->next_run == 400);
  CHECK(row->run_process == "boot 17 4711");
  REQUIRE(sources.NoteSkipped(id, "it is busy", 410, 500));
  REQUIRE(sources.EndRun(id, kRunFailed, "error: no", 420));
  CHECK_FALSE(sources.EndRun(id, kRunSucceeded, "", 421));  // it has ended
  row = sources.ById(id);
  CHECK(row->run_outcome == kRunFailed);
  CHECK(row->run_detail == "error: no");
  CHECK(row->run_process.empty());
  CHECK(row->runs == 1);
  CHECK(row->failures == 1);
  CHECK(row->skipped == 1);
  REQUIRE(sources.BeginRun(id, "request", 430, 500));
  REQUIRE(sources.EndRun(id, kRunSucceeded, "", 440));
  row = sources.ById(id);
  CHECK(row->runs == 2);
  CHECK(row->failures == 1);
  CHECK(row->run_detail.empty());
  CHECK(EventsOf(machine, id) == std::vector<std::string>{"created", "run-started", "run-skipped",
                                                          "run-failed", "run-started", "run-succeeded"});
}

TEST_CASE("sources: of a standby a new state is told, and nothing else") {
  Machine machine;
  SourceTable& sources = machine.catalog->sources;
  SourceRow sample = Sample("shop");
  sample.state = kStandbyCopying;
  const int64_t id = sources.Insert(sample).value();
  REQUIRE(sources.SetStandby(id, {.copied_bytes = 17}));
  REQUIRE(
      sources.SetStandby(id, {.state = std::string(kStandbyFollowing), .slot = "spawnd_1", .lag_bytes = 0}));
  REQUIRE(sources.SetStandby(id, {.lag_bytes = 4096, .position = "0/3000000"}));
  const auto row = sources.ById(id);
  CHECK(row->copied_bytes == 17);
  CHECK(row->slot == "spawnd_1");
  CHECK(row->lag_bytes == 4096);
  CHECK(row->position == "0/3000000");
  CHECK(EventsOf(machine, id) == std::vector<std::string>{"created", "following"});
  CHECK_FALSE(sources.SetStandby(id, {.state = "nonsense"}));
}

TEST_CASE("sources: images know theirs, and outlive it") {
  Machine machine;
  SourceTable& sources = machine.catalog->sources;
  const int64_t id = sources.Insert(Sample("shop")).value();
  const int64_t image = Completed(*machine.catalog, "shop");
  CHECK(machine.catalog->images.OfSource(id)->empty());
  ImageRow row = machine.catalog->images.ById(image).value();
  row.id = 0;
  row.source_id = id;
  row.source_run = true;
  const int64_t of_it = machine.catalog->images.Insert(row).value();
  const auto images = machine.catalog->images.OfSource(id);
  REQUIRE(images->size() == 1);
  CHECK(images->front().id == of_it);
  CHECK(images->front().source_run);
  REQUIRE(sources.ReleaseImages());
  CHECK(machine.catalog->images.OfSource(id)->size() == 1);
  REQUIRE(sources.Remove(id));
  CHECK(sources.ById(id).error().code == ErrorCode::kNotFound);
  const auto left = machine.catalog->images.ById(of_it);
  CHECK(left->source_id == 0);
  CHECK_FALSE(left->source_run);
}

}  // namespace
}  // namespace spawnd::daemon
