/// Control groups on a tree of plain files in their place: what is written where, and what is said when
/// something is missing. The real ones need a machine with cgroup v2: tests/machine/.
#include "daemon/host/control_groups.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

/// The kernel makes a group's files with the group, and a plain folder has none: they are put there before.
class Tree {
 public:
  explicit Tree(const std::string& controllers) {
    Make("", {{"cgroup.controllers", controllers}, {"cgroup.subtree_control", ""}, {"cgroup.procs", ""}});
    Make("/service", {{"cgroup.procs", ""}});
    Make("/c7", {{"cgroup.controllers", controllers}, {"cgroup.subtree_control", ""}});
    Make("/c7/keeper", {{"cgroup.procs", ""}});
    Make("/c7/engine", {});
    for (const char* file :
         {"memory.max", "memory.high", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max"}) {
      Put("/c7/engine/" + std::string(file), "");
    }
    Put("/c7/cpu.weight", "");
    Put("/c7/io.weight", "");
  }

  std::string Path() const { return scratch_.Path() + "/group"; }
  std::string Text(const std::string& file) const {
    std::ifstream stream(Path() + file);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void Put(const std::string& file, const std::string& text) const { std::ofstream(Path() + file) << text; }

 private:
  void Make(const std::string& group, const std::vector<std::pair<std::string, std::string>>& files) const {
    ::mkdir((Path() + group).c_str(), 0755);
    for (const auto& [name, text] : files) Put(group + "/" + name, text);
  }

  ScratchDirectory scratch_;
};

constexpr const char* kAll = "cpuset cpu io memory hugetlb pids\n";

TEST_CASE("limits are written where the kernel reads them") {
  const Tree tree(kAll);
  ControlGroups groups;
  REQUIRE(groups.Enter(tree.Path(), 4711));
  CHECK(groups.Enforced());
  CHECK(groups.Missing().empty());
  CHECK(tree.Text("/service/cgroup.procs") == "4711");

  const auto group = groups.Prepare(
      "c7",
      {.memory_bytes = int64_t{512} << 20, .cpus = 1.5, .pids = 200, .cpu_weight = 50, .io_weight = 300});
  REQUIRE(group);
  CHECK(*group == tree.Path() + "/c7/engine");
  CHECK(tree.Text("/c7/engine/memory.max") == "536870912");
  CHECK(tree.Text("/c7/engine/memory.high") == "520093696");
  CHECK(tree.Text("/c7/engine/memory.swap.max") == "0");
  CHECK(tree.Text("/c7/engine/memory.oom.group") == "0");
  CHECK(tree.Text("/c7/engine/cpu.max") == "150000 100000");
  CHECK(tree.Text("/c7/engine/pids.max") == "200");
  CHECK(tree.Text("/c7/cpu.weight") == "50");
  CHECK(tree.Text("/c7/io.weight") == "300");

  groups.AdmitKeeper("c7", 4712);
  CHECK(tree.Text("/c7/keeper/cgroup.procs") == "4712");
}

TEST_CASE("no limit is the kernel's word for it") {
  const Tree tree(kAll);
  ControlGroups groups;
  REQUIRE(groups.Enter(tree.Path(), 4711));
  REQUIRE(
      groups.Prepare("c7", {.memory_bytes = 0, .cpus = 0.0, .pids = 0, .cpu_weight = {}, .io_weight = {}}));
  CHECK(tree.Text("/c7/engine/memory.max") == "max");
  CHECK(tree.Text("/c7/engine/memory.swap.max") == "max");
  CHECK(tree.Text("/c7/engine/cpu.max") == "max 100000");
  CHECK(tree.Text("/c7/engine/pids.max") == "max");
  CHECK(tree.Text("/c7/cpu.weight") == "100");
}

TEST_CASE("a controller that the machine lacks is named, and the others do their work") {
  const Tree tree("memory pids\n");
  ::unlink((tree.Path() + "/c7/engine/cpu.max").c_str());
  ControlGroups groups;
  REQUIRE(groups.Enter(tree.Path(), 4711));
  CHECK(groups.Missing() == std::vector<std::string>{"cpu", "io"});
  REQUIRE(groups.Prepare(
      "c7", {.memory_bytes = int64_t{64} << 20, .cpus = 1.0, .pids = {}, .cpu_weight = {}, .io_weight = {}}));
  CHECK(tree.Text("/c7/engine/memory.max") == "67108864");
  CHECK(::access((tree.Path() + "/c7/engine/cpu.max").c_str(), F_OK) != 0);
}

TEST_CASE("without controllers nothing is limited") {
  const Tree tree("\n");
  ControlGroups groups;
  const auto entered = groups.Enter(tree.Path(), 4711);
  REQUIRE_FALSE(entered);
  CHECK(entered.error().code == ErrorCode::kUnsupported);
  CHECK_FALSE(groups.Enforced());
  const auto group = groups.Prepare("c7", {});
  REQUIRE(group);
  CHECK(group->empty());
  CHECK(tree.Text("/c7/engine/memory.max").empty());
}

TEST_CASE("what a container uses, and that memory ran out, is read from its group") {
  const Tree tree(kAll);
  ControlGroups groups;
  REQUIRE(groups.Enter(tree.Path(), 4711));
  tree.Put("/c7/engine/memory.max", "536870912\n");
  tree.Put("/c7/engine/memory.current", "1048576\n");
  tree.Put("/c7/engine/memory.peak", "536870912\n");
  tree.Put("/c7/engine/pids.current", "12\n");
  tree.Put("/c7/engine/cpu.stat", "usage_usec 2500000\nuser_usec 2000000\n");
  tree.Put("/c7/engine/memory.events", "low 0\nhigh 4\nmax 9\noom 2\noom_kill 0\noom_group_kill 0\n");
  auto look = groups.LookAt("c7");
  CHECK(look.usage.memory_bytes == 1048576);
  CHECK(look.usage.memory_peak_bytes == 536870912);
  CHECK(look.usage.pids == 12);
  CHECK(look.usage.cpu_seconds == 2.5);
  CHECK(look.usage.oom_kills == 0);
  CHECK(look.memory_ran_out.empty());

  tree.Put("/c7/engine/memory.events", "low 0\nhigh 4\nmax 9\noom 2\noom_kill 2\n");
  look = groups.LookAt("c7");
  CHECK(look.usage.oom_kills == 2);
  CHECK(look.memory_ran_out == "memory ran out: the limit of 512 MiB; the kernel killed 2 processes");

  // The group never came to its limit: it was the machine's that was used up.
  tree.Put("/c7/engine/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n");
  CHECK(groups.LookAt("c7").memory_ran_out == "the machine's memory ran out; the kernel killed 1 process");
  CHECK(groups.LookAt("c8").usage.oom_kills == 0);
}

TEST_CASE("groups that nothing runs in are removed, and only those of containers and builds") {
  const Tree tree(kAll);
  ControlGroups groups;
  REQUIRE(groups.Enter(tree.Path(), 4711));
  for (const char* group : {"/c12", "/c12/keeper", "/c12/engine", "/b13", "/cache"}) {
    REQUIRE(::mkdir((tree.Path() + group).c_str(), 0755) == 0);
  }
  groups.RemoveEmpty();
  CHECK(::access((tree.Path() + "/c12").c_str(), F_OK) != 0);
  CHECK(::access((tree.Path() + "/b13").c_str(), F_OK) != 0);
  CHECK(::access((tree.Path() + "/cache").c_str(), F_OK) == 0);
  CHECK(::access((tree.Path() + "/service").c_str(), F_OK) == 0);
  CHECK(::access((tree.Path() + "/c7").c_str(), F_OK) == 0);  // its files stand for processes here
}

}  // namespace
}  // namespace spawnd::daemon
