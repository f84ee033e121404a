/// kill -9 of the process that writes the catalog, again and again on one file: what it had been promised is
/// there, nothing is there by halves.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "daemon/catalog/catalog.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

/// One acknowledged change, as the writer reports it over its pipe.
struct Promise {
  enum Kind : int64_t { kInserted, kCompleted, kRemoved } kind;
  int64_t id;
};

void Report(int fd, Promise promise) {
  if (::write(fd, &promise, sizeof promise) != static_cast<ssize_t>(sizeof promise)) ::_exit(1);
}

/// Inserts, completes and removes images until it is killed.
[[noreturn]] void WriteUntilKilled(const std::string& path, int fd) {
  auto catalog = Catalog::Open(path);
  if (!catalog) ::_exit(2);
  std::vector<int64_t> completed;
  while (true) {
    ImageRow row;
    row.name = "shop";
    row.tags = {"latest"};
    row.teams = {"a", "b"};
    const auto id = (*catalog)->images.Insert(row);
    if (!id) ::_exit(3);
    Report(fd, {Promise::kInserted, *id});
    const std::string layer = "layer-" + std::to_string(*id);
    if (!(*catalog)->images.Complete(*id, {"db", 1, 2, layer, {layer, layer + "-b"}})) ::_exit(4);
    Report(fd, {Promise::kCompleted, *id});
    completed.push_back(*id);
    if (completed.size() > 3) {
      const int64_t oldest = completed.front();
      completed.erase(completed.begin());
      if (!(*catalog)->images.Remove(oldest)) ::_exit(5);
      Report(fd, {Promise::kRemoved, oldest});
    }
  }
}

std::vector<Promise> RunAndKill(const std::string& path, std::chrono::microseconds after) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    WriteUntilKilled(path, ends[1]);
  }
  ::close(ends[1]);
  std::thread killer([&] {
    std::this_thread::sleep_for(after);
    ::kill(child, SIGKILL);
  });
  std::vector<Promise> promises;
  Promise promise{};
  while (::read(ends[0], &promise, sizeof promise) == static_cast<ssize_t>(sizeof promise)) {
    promises.push_back(promise);
  }
  killer.join();
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  INFO("exit code of the writer, if it ended by itself: " << (WIFEXITED(status) ? WEXITSTATUS(status) : -1));
  REQUIRE(WIFSIGNALED(status));
  return promises;
}

TEST_CASE("a catalog survives kill -9 at any time") {
  const ScratchDirectory scratch;
  const std::string path = scratch / "catalog.db";
  std::mt19937 random(20240611);
  std::map<int64_t, Promise::Kind> known;  // the last promise about each image
  std::set<int64_t> all_ids;
  size_t promises = 0;
  // More on a machine that is busy: the writer has to have come far enough to test anything.
  for (int round = 0; round < 40 || (promises <= 100 && round < 400); ++round) {
    for (const Promise& promise : RunAndKill(path, std::chrono::microseconds(random() % 150'000))) {
      if (promise.kind == Promise::kInserted) REQUIRE(all_ids.insert(promise.id).second);
      known[promise.id] = promise.kind;
      ++promises;
    }
    auto opened = Catalog::Open(path);
    REQUIRE(opened);
    Catalog& catalog = **opened;
    const auto rows = catalog.images.List(Rows::kAll);
    REQUIRE(rows);
    std::map<int64_t, ImageRow> images;
    for (const ImageRow& row : *rows) images[row.id] = row;
    int tagged = 0;
    for (const auto& [id, kind] : known) {
      const auto found = images.find(id);
      // The change after the last promise may or may not have happened: each promise is a lower bound.
      if (kind == Promise::kInserted || kind == Promise::kCompleted) {
        if (found == images.end()) {
          // Only a completed one is ever removed, and only when another was inserted after it.
          REQUIRE(kind == Promise::kCompleted);
          continue;
        }
        if (kind == Promise::kCompleted) REQUIRE(found->second.state == ImageState::kCompleted);
      } else {
        REQUIRE(found == images.end());
      }
    }
    for (const auto& [id, row] : images) {
      REQUIRE(row.teams.size() == 2);
      const bool completed = row.state == ImageState::kCompleted;
      REQUIRE(catalog.images.LayersOf(id)->size() == (completed ? 2 : 0));
      REQUIRE(row.index_file.empty() != completed);
      if (completed && !row.tags.empty()) ++tagged;
      all_ids.insert(id);
    }
    REQUIRE(tagged <= 1);
    const int64_t next = *catalog.NewId();
    REQUIRE((all_ids.empty() || next > *all_ids.rbegin()));
    all_ids.insert(next);
  }
  CHECK(promises > 100);  // or the writer was never far enough to test anything
}

}  // namespace
}  // namespace spawnd::daemon
