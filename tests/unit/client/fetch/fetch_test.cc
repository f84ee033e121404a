/// Plans carried out with real programs: /bin/sh stands for the tools.
#include "client/fetch/fetch.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "api/json.h"
#include "client/fetch/tool.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

using namespace spawnd;
using namespace spawnd::client;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

api::FetchCommand Shell(const std::string& script, const std::string& output = {}) {
  api::FetchCommand command;
  command.title = "dumping shop";
  command.programs = {"/nowhere/sh", "sh"};
  command.arguments = {"-c", script};
  command.output = output;
  return command;
}

/// One Fetch with these plans, one after the other.
struct Trial {
  Trial() { ::setenv("TMPDIR", scratch.Path().c_str(), 1); }
  ~Trial() { ::unsetenv("TMPDIR"); }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  Result<Fetched> Run() {
    auto signals = SignalWatch::Start();
    REQUIRE(signals);
    ProgressDisplay display(
        ProgressDisplay::Mode::kWarnings,
        {[this](std::string_view text) { shown += text; }, [] { return int64_t{0}; }, 80});
    const auto ask = [this](const std::string& body) -> Result<std::string> {
      auto request = api::FromJson<api::FetchPlanRequest>(body);
      REQUIRE(request);
      requests.push_back(*request);
      REQUIRE(requests.size() <= plans.size());
      return api::ToJson(plans[requests.size() - 1](*request));
    };
    return Fetch(source, {ask, display, *signals});
  }
  bool NothingIsLeft() const { return fs::is_empty(scratch.Path()); }
  void Complete(const api::FetchCommand& command) {
    plans.emplace_back([command](const auto&) {
      api::FetchPlan plan;
      plan.commands = {command};
      plan.complete = true;
      plan.backup_name = "shop";
      return plan;
    });
  }
  Error Refused() {
    const auto fetched = Run();
    REQUIRE_FALSE(fetched);
    CHECK(NothingIsLeft());
    return fetched.error();
  }

  ScratchDirectory scratch;
  FetchSource source;
  std::vector<std::function<api::FetchPlan(const api::FetchPlanRequest&)>> plans;
  std::vector<api::FetchPlanRequest> requests;
  std::string shown;
};

std::string Content(int fd) {
  std::string text(4096, '\0');
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

}  // namespace

TEST_CASE("fetch: the daemon is asked with what was answered, until its plan is complete") {
  Trial trial;
  trial.source.request.engine = "any";
  trial.plans.emplace_back([](const auto&) {
    api::FetchPlan plan;
    plan.commands = {Shell("echo version 7; echo careful >&2", "answer"), Shell("echo more", "answer"),
                     Shell("echo lost")};
    plan.warnings = {"a word of the daemon's"};
    return plan;
  });
  trial.Complete(Shell("printf 'all of it'; echo 'tool: warning: one thing' >&2", "backup"));
  auto fetched = trial.Run();
  REQUIRE(fetched);
  REQUIRE(trial.requests.size() == 2);
  CHECK(trial.requests[0].answers.empty());
  CHECK(trial.requests[0].engine == "any");
  CHECK_FALSE(trial.requests[0].has_password);
  CHECK(trial.requests[0].folder.starts_with(trial.scratch.Path() + "/"));
  CHECK(trial.requests[1].answers == std::vector<std::string>{"version 7\n", "more\n"});
  CHECK(Content(fetched->backup.Get()) == "all of it");
  CHECK(trial.shown == "warning: a word of the daemon's\nwarning: tool: warning: one thing\n");
  api::CreateDataImageRequest request;
  request.version = "9";
  std::vector<UniqueFd> files;
  fetched->database = "shop";
  fetched->version = "7";
  AddFetched(*fetched, request, files);
  CHECK(files.size() == 1);
  REQUIRE(request.backups.size() == 1);
  CHECK(request.backups[0].name == "shop");
  CHECK(request.version == "9");
  CHECK(request.initial_database_name == "shop");
  fetched = Fail(ErrorCode::kCancelled, "gone");
  CHECK(trial.NothingIsLeft());
}

TEST_CASE("fetch: folders, of a backup and of its logs") {
  Trial trial;
  trial.plans.emplace_back([](const api::FetchPlanRequest& request) {
    api::FetchPlan plan;
    plan.commands = {Shell("mkdir \"" + request.folder + "/b\" wal && echo x >b/x")};
    plan.complete = true;
    plan.backup_folder = request.folder + "/b";
    plan.wal_folder = request.folder + "/wal";
    return plan;
  });
  auto fetched = trial.Run();
  REQUIRE(fetched);
  api::CreateDataImageRequest request;
  std::vector<UniqueFd> files;
  AddFetched(*fetched, request, files);
  CHECK(files.size() == 2);
  REQUIRE(request.wal_folders.size() == 1);
  CHECK(request.wal_folders[0].descriptor == 1U);
  CHECK(::faccessat(files[0].Get(), "x", R_OK, 0) == 0);
}

TEST_CASE("fetch: a tool gets the password as a file or as its input, and no core of it is kept") {
  Trial trial;
  ::setenv("SPAWND_UNIT_SECRET", "hush", 1);
  trial.source.secret.variable = "SPAWND_UNIT_SECRET";
  trial.plans.emplace_back([](const auto&) {
    api::FetchPlan plan;
    api::FetchCommand file =
        Shell("cat /proc/self/fd/3; echo \"[$SPAWND_UNIT_SECRET]\"; ulimit -Hc", "answer");
    file.secret = {"file", "pw=", "\n", {}};
    api::FetchCommand input = Shell("cat; test ! -e /proc/self/fd/3 && echo none; echo $OTHER", "answer");
    input.secret = {"input", "", "\n", {}};
    input.environment = {{"OTHER", "thing"}};
    plan.commands = {file, input};
    return plan;
  });
  trial.Complete(Shell("echo x", "backup"));
  const auto fetched = trial.Run();
  ::unsetenv("SPAWND_UNIT_SECRET");
  REQUIRE(fetched);
  CHECK(trial.requests[0].has_password);
  CHECK(trial.requests[1].answers == std::vector<std::string>{"pw=hush\n[]\n0\n", "hush\nnone\nthing\n"});
  rlimit cores{};
  REQUIRE(::getrlimit(RLIMIT_CORE, &cores) == 0);
  CHECK(cores.rlim_max == 0);
}

TEST_CASE("fetch: how a tool fails") {
  Trial trial;
  api::FetchCommand command =
      Shell("printf 12345; echo 'note' >&2; echo 'tool: ERROR: it broke' >&2; exit 3", "backup");
  command.failures = {
      {"no such words", "timeout", "no"}, {"It Broke", "forbidden", "mend it"}, {"broke", "timeout", "no"}};
  SECTION("what its words mean") {
    trial.Complete(command);
    const Error error = trial.Refused();
    CHECK(error.code == ErrorCode::kForbidden);
    CHECK(error.message == "dumping shop: tool: ERROR: it broke (after 5 B)");
    CHECK(error.hint == "mend it");
  }
  SECTION("words that nobody knows") {
    command.failures.clear();
    trial.Complete(command);
    CHECK(trial.Refused().code == ErrorCode::kIo);
  }
  SECTION("a disk that is full counts before all else") {
    command.arguments = {"-c", "echo 'it broke: No space left on device' >&2; exit 1"};
    trial.Complete(command);
    const Error error = trial.Refused();
    CHECK(error.code == ErrorCode::kNoSpace);
    CHECK_THAT(error.hint, Contains("TMPDIR") && Contains(trial.scratch.Path()));
  }
  SECTION("no words at all") {
    trial.Complete(Shell("exit 9", "backup"));
    CHECK(trial.Refused().message == "dumping shop: it ended with exit code 9 and no word");
  }
  SECTION("a signal") {
    trial.Complete(Shell("kill -9 $$", "backup"));
    CHECK_THAT(trial.Refused().message, Contains("137"));
  }
  SECTION("it says that all is well, and wrote nothing") {
    trial.Complete(Shell("exit 0", "backup"));
    CHECK(trial.Refused().message == "nothing came of shop");
  }
  SECTION("it is not installed") {
    command.programs = {"/nowhere/tool", "no-such-tool-anywhere"};
    command.install_hint = "apt install it";
    trial.Complete(command);
    const Error error = trial.Refused();
    CHECK(error.code == ErrorCode::kUnsupported);
    CHECK(error.message == "dumping shop: no-such-tool-anywhere is not installed");
    CHECK(error.hint == "apt install it");
  }
  SECTION("it does not answer") {
    command = Shell("sleep 60 & sleep 60", "answer");
    command.deadline_seconds = 1;
    trial.Complete(command);
    const auto before = std::chrono::steady_clock::now();
    const Error error = trial.Refused();
    CHECK(error.code == ErrorCode::kUnavailable);
    CHECK_THAT(error.message, Contains("within 1 s"));
    CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(20));
  }
}

TEST_CASE("fetch: a signal ends the tool and all that it has started") {
  Trial trial;
  const std::string pid_file = trial.scratch.Path() + "-pid";
  trial.Complete(Shell("sleep 600 & echo $! >'" + pid_file + "'; wait", "backup"));
  // Before there is another thread, which would take the signal otherwise.
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &term, nullptr);
  std::thread sender([&] {
    while (!fs::exists(pid_file) || fs::file_size(pid_file) == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ::kill(::getpid(), SIGTERM);
  });
  const auto fetched = trial.Run();
  sender.join();
  ::pthread_sigmask(SIG_UNBLOCK, &term, nullptr);
  REQUIRE(fetched);
  CHECK(fetched->signal == SIGTERM);
  pid_t child = 0;
  std::ifstream(pid_file) >> child;
  fs::remove(pid_file);
  REQUIRE(child > 0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (::kill(child, 0) == 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK(::kill(child, 0) != 0);
}

TEST_CASE("fetch: a plan that never is complete comes to an end") {
  Trial trial;
  for (int i = 0; i < 100; ++i) trial.plans.emplace_back([](const auto&) { return api::FetchPlan(); });
  CHECK_THAT(trial.Refused().message, Contains("no end"));
}
