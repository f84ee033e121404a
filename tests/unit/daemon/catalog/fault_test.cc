/// Every call of the catalog that changes something, cut short before each of its statements in turn: by the
/// process's death, and by a statement that fails. What is left is all of the change or nothing of it, and
/// nothing when the call failed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "daemon/catalog/catalog.h"
#include "daemon/catalog/database.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/faults.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

/// A catalog with one thing of each kind in each state that a call below begins from.
struct Sample {
  int64_t image = 0;
  int64_t unused = 0;   ///< an image without containers
  int64_t pending = 0;  ///< an image
  int64_t running = 0;
  int64_t reverting = 0;
  int64_t token = 0;

  explicit Sample(const std::string& path) {
    const auto catalog = Open(path);
    image = Completed(*catalog, "shop", {"latest"});
    unused = Completed(*catalog, "bank", {"latest", "old"});
    pending = Pending(*catalog, "shop", {"latest", "new"});
    running = catalog->containers.Insert(NewContainer("a", image, 20001)).value();
    reverting = catalog->containers.Insert(NewContainer("b", image, 20002)).value();
    for (const int64_t id : {running, reverting}) {
      REQUIRE(catalog->containers.SetState(id, ContainerState::kRunning));
      REQUIRE(catalog->containers.NoteSaved(id, {{.number = 1, .created_at = 50, .unique_bytes = 4096}}));
    }
    REQUIRE(catalog->containers.BeginRevert(reverting, 1));
    token = catalog->tokens.Insert({.hash = "abc", .purpose = "ci", .owner = 1000}).value();
  }
};

template <typename T>
bool Worked(const Result<T>& result) {
  return result.has_value();
}

using Call = std::function<bool(Catalog&, const Sample&)>;

const std::vector<std::pair<std::string, Call>> kCalls{
    {"a new id", [](Catalog& c, const Sample&) { return Worked(c.NewId()); }},
    {"ids are skipped", [](Catalog& c, const Sample&) { return Worked(c.SkipIds(20'000)); }},
    {"a layer is leased",
     [](Catalog& c, const Sample& s) { return Worked(c.images.Lease(s.pending, "l9")); }},
    {"an image begins",
     [](Catalog& c, const Sample&) {
       ImageRow row = NewImage("store", {"latest", "v1"});
       row.leased_layers = {"l1", "l2"};
       return Worked(c.images.Insert(row));
     }},
    {"an image is completed",
     [](Catalog& c, const Sample& s) {
       return Worked(c.images.Complete(s.pending, {"shop", 1, 2, "x.index", {"l1", "l7"}, 1'700'000'010}));
     }},
    {"an image fails",
     [](Catalog& c, const Sample& s) { return Worked(c.images.MarkFailed(s.pending, "line 3", 5)); }},
    {"an image is damaged",
     [](Catalog& c, const Sample& s) { return Worked(c.images.MarkDamaged(s.image, "bit rot")); }},
    {"an image changes",
     [](Catalog& c, const Sample& s) {
       return Worked(c.images.Update(
           s.unused, {.name = "shop", .tags = {"latest", "t"}, .teams = {"z", "y"}, .expires_at = 7}));
     }},
    {"an image is to go",
     [](Catalog& c, const Sample& s) { return Worked(c.images.MarkDeleting(s.unused)); }},
    {"an image is gone", [](Catalog& c, const Sample& s) { return Worked(c.images.Remove(s.unused)); }},
    {"a container begins",
     [](Catalog& c, const Sample& s) {
       return Worked(c.containers.Insert(NewContainer("c", s.image, 20003)));
     }},
    {"a container is found that has no row",
     [](Catalog& c, const Sample& s) {
       return Worked(c.containers.InsertFound(NewContainer("c", s.image, 20003)));
     }},
    {"a container is ready",
     [](Catalog& c, const Sample& s) {
       return Worked(c.containers.Complete(s.running, 12.5, {{"keeper", 6.5}}, 1'700'000'020));
     }},
    {"a container fails",
     [](Catalog& c, const Sample& s) {
       return Worked(c.containers.SetState(s.running, ContainerState::kFailed, "it ended"));
     }},
    {"a container fails that was to go back",
     [](Catalog& c, const Sample& s) {
       return Worked(c.containers.SetState(s.reverting, ContainerState::kFailed, "damaged"));
     }},
    {"a container waits for a person",
     [](Catalog& c, const Sample& s) { return Worked(c.containers.KeepDown(s.reverting, "bit rot")); }},
    {"a container changes",
     [](Catalog& c, const Sample& s) {
       return Worked(c.containers.Update(s.running, {.name = "other", .expires_at = 9}));
     }},
    {"a port changes",
     [](Catalog& c, const Sample& s) { return Worked(c.containers.SetPort(s.running, 20009)); }},
    {"revisions are noted",
     [](Catalog& c, const Sample& s) {
       return Worked(c.containers.NoteRevisions(s.running, {{.number = 1}, {.number = 2}, {.number = 3}}));
     }},
    {"a revision is saved",
     [](Catalog& c, const Sample& s) {
       return Worked(c.containers.NoteSaved(s.running, {{.number = 1}, {.number = 2}}));
     }},
    {"a container is to go back",
     [](Catalog& c, const Sample& s) { return Worked(c.containers.BeginRevert(s.running, 1)); }},
    {"a container has gone back",
     [](Catalog& c, const Sample& s) { return Worked(c.containers.FinishRevert(s.reverting, 1)); }},
    {"a container is to go",
     [](Catalog& c, const Sample& s) { return Worked(c.containers.MarkDeleting(s.reverting)); }},
    {"a container is gone",
     [](Catalog& c, const Sample& s) { return Worked(c.containers.Remove(s.reverting)); }},
    {"a token begins",
     [](Catalog& c, const Sample&) {
       return Worked(c.tokens.Insert({.hash = "def", .purpose = "ci", .owner = 1}));
     }},
    {"a token is used", [](Catalog& c, const Sample& s) { return Worked(c.tokens.NoteUse(s.token, 77)); }},
    {"a token is gone", [](Catalog& c, const Sample& s) { return Worked(c.tokens.Remove(s.token)); }},
};

enum class Outcome { kWorked, kFailed, kDied };

/// The call in a process of its own, on a copy of `sample`, with the fault before its statement number
/// `statement`.
Outcome Try(const std::string& sample, const std::string& path, const Call& call, const Sample& ids,
            Fault wanted, int statement) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  std::filesystem::copy_file(sample, path);
  const pid_t child = ::fork();
  if (child == 0) {
    WatchStatements(wanted);
    const auto catalog = Catalog::Open(path);
    if (!catalog) ::_exit(2);
    statements_left = wanted == Fault::kNone ? -1 : statement;
    ::_exit(call(**catalog, ids) ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) {
    REQUIRE(WTERMSIG(status) == SIGKILL);
    return Outcome::kDied;
  }
  REQUIRE(WEXITSTATUS(status) <= 1);
  return WEXITSTATUS(status) == 0 ? Outcome::kWorked : Outcome::kFailed;
}

TEST_CASE(
    "a call of the catalog that is cut short between two statements leaves all of its change or nothing") {
  const ScratchDirectory scratch;
  const std::string sample = scratch / "sample.db";
  const std::string path = scratch / "catalog.db";
  const Sample ids(sample);
  const std::string before = Dump(sample);
  constexpr int kMostStatements = 60;
  for (const auto& [name, call] : kCalls) {
    INFO(name);
    REQUIRE(Try(sample, path, call, ids, Fault::kNone, 0) == Outcome::kWorked);
    const std::string after = Dump(path);
    REQUIRE(after != before);
    int statement = 0;
    while (Try(sample, path, call, ids, Fault::kKilled, statement) == Outcome::kDied) {
      INFO("killed before statement " << statement);
      const std::string left = Dump(path);
      INFO(left);
      CHECK((left == before || left == after));
      REQUIRE(++statement < kMostStatements);
    }
    const int statements = statement;
    CHECK(statements > 0);
    for (statement = 0; statement < statements; ++statement) {
      INFO("statement " << statement << " fails");
      const Outcome outcome = Try(sample, path, call, ids, Fault::kStatementFails, statement);
      const std::string left = Dump(path);
      INFO(left);
      CHECK((left == (outcome == Outcome::kFailed ? before : after)));
    }
  }
}

}  // namespace
}  // namespace spawnd::daemon
