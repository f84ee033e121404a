/// A keeper's session when the server, or the session's own process, is somebody's who means it ill: real
/// processes on both ends, and this one in the keeper's place. What the server answers costs the keeper no
/// memory, an error comes in time, and the next session works. Needs root, as keepers do.
#include "daemon/session/client.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>

#include "base/descriptors.h"
#include "daemon/session/process.h"
#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr uid_t kNobody = 65534;
constexpr uint16_t kPort = 15432;

/// A process that runs `run`; killed at the end of its scope.
class Process {
 public:
  explicit Process(const std::function<void()>& run) : pid_(::fork()) {
    if (pid_ != 0) return;
    ::signal(SIGPIPE, SIG_IGN);
    run();
    ::_exit(0);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t Pid() const { return pid_; }

 private:
  pid_t pid_;
};

int64_t ResidentMegabytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  statm >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE) >> 20U;
}

std::string StatusLine(pid_t pid, const std::string& name) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name + ":", 0) == 0) return line.substr(name.size() + 1);
  }
  return {};
}

/// A message of the PostgreSQL protocol (version 3): a letter, the length with itself, the content.
std::string Message(char kind, const std::string& content) {
  const auto size = static_cast<uint32_t>(content.size() + 4);
  std::string message(1, kind);
  for (const int shift : {24, 16, 8, 0}) message += static_cast<char>(size >> static_cast<unsigned>(shift));
  return message + content;
}
std::string Bytes(const char* text, size_t size) {
  return {text, size};
}
const std::string kReady = Message('Z', "I");
const std::string kRow = Message('D', Bytes("\0\1\0\0\0\3abc", 9));
const std::string kHeader =
    Message('T', Bytes("\0\1name\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0", 25));

/// What a server says to its first question, over a socket that is logged in.
using Answer = std::function<void(int client)>;

bool Send(int fd, const std::string& bytes) {
  return WriteAll(fd, bytes) == 0;
}

/// Logs everybody in who connects, and answers everything with `answer`.
void RunServer(int listener, const Answer& answer) {
  while (true) {
    const int client = ::accept(listener, nullptr, nullptr);
    std::array<char, 4096> question{};
    bool alive = ::read(client, question.data(), question.size()) > 0 &&
                 Send(client, Message('R', Bytes("\0\0\0\0", 4)) + kReady);
    while (alive) {
      alive = ::read(client, question.data(), question.size()) > 0;
      if (alive) answer(client);
    }
    ::close(client);
  }
}

/// An honest one, as far as a session asks here: no rows, whatever the question.
void SayNothing(int client) {
  Send(client, kHeader + Message('C', Bytes("SELECT 0\0", 9)) + kReady);
}

class Bench {
 public:
  Bench() {
    plan_.engine = engines::AllEngines().front();
    REQUIRE(plan_.engine->Name() == "postgresql");
    plan_.launch.paths.socket_directory = scratch_.Path();
    plan_.launch.endpoint = {"127.0.0.1", kPort};
    plan_.launch.credentials = {"spawn_admin_abcd", "secret", ""};
    plan_.uid = kNobody;
    plan_.gid = kNobody;
    sockaddr_un address{AF_UNIX, {}};
    const std::string path = scratch_ / (".s.PGSQL." + std::to_string(kPort));
    REQUIRE(path.size() < sizeof address.sun_path);
    std::memcpy(&address.sun_path, path.c_str(), path.size() + 1);
    listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(listener_.Get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.Get(), 8) == 0);
    REQUIRE(::chmod(path.c_str(), 0777) == 0);
  }

  Process Serve(const Answer& answer) const {
    return Process([&] { RunServer(listener_.Get(), answer); });
  }

  SessionClient Client(SessionDeadlines deadlines) {
    return SessionClient({[this] { return Begin(); }, [this] { process_.reset(); }}, deadlines);
  }
  pid_t SessionPid() const { return process_ ? process_->Pid() : -1; }

  /// In place of RunSessionProcess.
  std::function<void(int socket)> instead;

 private:
  Result<UniqueFd> Begin() {
    TRY_ASSIGN(SocketPair sockets, MakeSocketPair(SOCK_SEQPACKET));
    process_ = std::make_unique<Process>([&] {
      sockets.ours.Reset();
      if (instead) instead(sockets.theirs.Get());
      if (!instead) RunSessionProcess(plan_, std::move(sockets.theirs), UniqueFd());
    });
    return std::move(sockets.ours);
  }

  // Open to the user that the session becomes, as the engine's socket folder is.
  const ScratchDirectory scratch_{0755};
  SessionPlan plan_;
  UniqueFd listener_;
  std::unique_ptr<Process> process_;
};

bool CanTry() {
  if (::geteuid() == 0) return true;
  WARN("skipped: a session gives root's rights away");
  return false;
}

/// The first question of `bench` to a server that answers like this: its error, after which an honest server
/// is asked by the same client.
Error FirstError(Bench& bench, const Answer& answer, SessionDeadlines deadlines = {}) {
  SessionClient client = bench.Client(deadlines);
  const int64_t before = ResidentMegabytes();
  const auto start = steady_clock::now();
  Error error(ErrorCode::kInternal, "there was none");
  {
    const Process server = bench.Serve(answer);
    const auto asked = client.UserDatabases();
    CHECK_FALSE(asked);
    if (!asked) error = asked.error();
  }
  CHECK(steady_clock::now() - start < 30s);
  CHECK(ResidentMegabytes() - before < 16);
  INFO(error.message);
  client.End();
  const Process honest = bench.Serve(SayNothing);
  const auto again = client.UserDatabases();
  INFO((again ? "" : again.error().message));
  CHECK(again);
  client.End();
  return error;
}

TEST_CASE("a session asks the server for a keeper") {
  if (!CanTry()) return;
  Bench bench;
  const Process server = bench.Serve(
      [](int client) { Send(client, kHeader + kRow + Message('C', Bytes("SELECT 1\0", 9)) + kReady); });
  SessionClient client = bench.Client({});
  REQUIRE(client.Probe());
  const auto names = client.UserDatabases();
  REQUIRE(names);
  CHECK(*names == std::vector<std::string>{"abc"});
}

TEST_CASE("a session has the rights of the engine's user and no more") {
  if (!CanTry()) return;
  Bench bench;
  const Process server = bench.Serve(SayNothing);
  SessionClient client = bench.Client({});
  REQUIRE(client.Probe());
  const pid_t pid = bench.SessionPid();
  CHECK(StatusLine(pid, "Uid") == "\t65534\t65534\t65534\t65534");
  CHECK(StatusLine(pid, "Gid") == "\t65534\t65534\t65534\t65534");
  CHECK(StatusLine(pid, "Groups").find_first_of("0123456789") == std::string::npos);
  CHECK(StatusLine(pid, "CapEff") == "\t0000000000000000");
  CHECK(StatusLine(pid, "CapPrm") == "\t0000000000000000");
  CHECK(StatusLine(pid, "NoNewPrivs") == "\t1");
  // Not dumpable: its memory, and all of /proc/<pid>, is root's.
  struct stat st {};
  REQUIRE(::stat(("/proc/" + std::to_string(pid) + "/environ").c_str(), &st) == 0);
  CHECK(st.st_uid == 0);
  // Three times /dev/null, the keeper, the server.
  std::string open;
  for (int fd = 0; fd < 1024; ++fd) {
    const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(fd);
    if (::lstat(path.c_str(), &st) == 0) open += std::to_string(fd) + " ";
  }
  CHECK(open == "0 1 2 3 4 ");
}

TEST_CASE("rows without an end are not kept") {
  if (!CanTry()) return;
  Bench bench;
  const Error error = FirstError(bench, [](int client) {
    Send(client, kHeader);
    while (Send(client, kRow)) {
    }
  });
  CHECK(error.message == "the server sends far more than it was asked for");
}

TEST_CASE("one row without an end takes the session's memory, not the keeper's") {
  if (!CanTry()) return;
  Bench bench;
  const Error error = FirstError(bench, [](int client) {
    Send(client, kHeader + Bytes("D\x3f\xff\xff\xff\0\1\x3f\xff\xff\xf0", 11));
    const std::string much(1U << 20U, 'x');
    while (Send(client, much)) {
    }
  });
  INFO(error.message);
  CHECK(error.code != ErrorCode::kTimeout);
}

TEST_CASE("garbage, a copy and a closed connection are errors") {
  if (!CanTry()) return;
  Bench bench;
  std::string garbage(1U << 16U, '\0');
  for (size_t i = 0; i < garbage.size(); ++i) garbage[i] = static_cast<char>(i * 151 + (i >> 8U));
  CHECK(FirstError(bench, [&](int client) { Send(client, garbage); }, {.question = 2s}).message != "");
  CHECK(FirstError(bench, [](int client) { Send(client, Message('H', Bytes("\0\0\1\0\0", 5))); }).message ==
        "the server answers a question with a copy");
  CHECK(FirstError(bench, [](int client) { ::shutdown(client, SHUT_RDWR); }).code == ErrorCode::kUnavailable);
}

TEST_CASE("a server that hangs ends its session in time") {
  if (!CanTry()) return;
  Bench bench;
  const Error error = FirstError(bench, [](int) { ::pause(); }, {.question = 700ms});
  CHECK(error.code == ErrorCode::kTimeout);
  CHECK(error.message == "the server did not answer spawnd within 1 s");
}

TEST_CASE("a session process that was taken over gets no further") {
  if (!CanTry()) return;
  Bench bench;
  const auto ask = [&](std::function<void(int)> instead) {
    bench.instead = std::move(instead);
    SessionClient client = bench.Client({.question = 700ms});
    const auto asked = client.UserDatabases();
    CHECK(bench.SessionPid() == -1);
    REQUIRE_FALSE(asked);
    return asked.error();
  };
  const auto say = [](std::string text) {
    return [text](int socket) {
      ::send(socket, text.data(), text.size(), 0);
      ::pause();
    };
  };
  CHECK(ask([](int) {}).message == "the session with the server ended unexpectedly");
  CHECK(ask([](int) { ::pause(); }).code == ErrorCode::kTimeout);
  CHECK(ask(say("nonsense")).message == "the session with the server sent what is no answer");
  CHECK(ask(say(std::string(100 << 10, 'x'))).message ==
        "the session with the server sent an answer that is too long");
  std::string names = R"({"databases":["a")";
  for (int i = 0; i < 200; ++i) names += R"(,"a")";
  CHECK(ask(say(names + "]}")).message == "the session with the server sent what is no answer");
}

TEST_CASE("a session's word is no more than a server's") {
  if (!CanTry()) return;
  Bench bench;
  bench.instead = [](int socket) {
    const std::string text = R"({"error":{"code":"poisoned","message":"mine"}})";
    ::send(socket, text.data(), text.size(), 0);
    ::pause();
  };
  SessionClient client = bench.Client({});
  const auto asked = client.BeforeSave();
  REQUIRE_FALSE(asked);
  CHECK(asked.error().message == "mine");
  CHECK(asked.error().code == ErrorCode::kInternal);
}

TEST_CASE("a session process that answers and does not read is not waited for") {
  if (!CanTry()) return;
  Bench bench;
  bench.instead = [](int socket) {
    while (::send(socket, "{}", 2, 0) > 0) {
    }
  };
  SessionClient client = bench.Client({});
  Result<void> asked;
  for (int i = 0; i < 100'000 && asked; ++i) asked = client.CreateDatabase(std::string(60'000, 'x'));
  REQUIRE_FALSE(asked);
  CHECK(asked.error().message == "the session with the server ended unexpectedly");
}

}  // namespace
}  // namespace spawnd::daemon
