#include "daemon/keeper/main.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/message.h"
#include "daemon/keeper/control_socket.h"
#include "daemon/keeper/files.h"
#include "daemon/keeper/protocol.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::daemon {
namespace {

/// A keeper that has no orders yet, and the connection of the daemon that launched it.
struct IdleKeeper {
  ScratchDirectory scratch;
  UniqueFd connection;
  pid_t pid = 0;

  IdleKeeper() {
    auto control = BindControlSocket(scratch.Path());
    REQUIRE(control);
    std::array<int, 2> sockets{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) == 0);
    connection.Reset(sockets[0]);
    const UniqueFd theirs(sockets[1]);
    pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid > 0) return;
    // First out of the way of the numbers that they shall have.
    const int high_control = ::fcntl(control->Get(), F_DUPFD, 100);
    const int high_connection = ::fcntl(theirs.Get(), F_DUPFD, 100);
    ::dup2(high_control, kControlSocketFd);
    ::dup2(high_connection, kFirstConnectionFd);
    ::close_range(kFirstConnectionFd + 1, ~0U, 0);
    std::array<char*, 4> arguments{const_cast<char*>("spawnd"), const_cast<char*>("keeper"),
                                   const_cast<char*>("7"), nullptr};
    ::_exit(KeeperMain(3, arguments.data()));
  }
  KeeperReply Ask(KeeperRequest::Op op) const {
    KeeperRequest request;
    request.op = op;
    REQUIRE(SendMessage(connection.Get(), EncodeRequest(request)));
    const auto message = ReceiveMessage(connection.Get());
    REQUIRE(message);
    auto reply = DecodeReply(message->text);
    REQUIRE(reply);
    return *reply;
  }
  int AwaitEnd() const {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return status;
  }
};

TEST_CASE("a keeper that the host stops before it has orders ends as asked") {
  const IdleKeeper keeper;
  CHECK_FALSE(keeper.Ask(KeeperRequest::Op::kStatus).error);
  ::kill(keeper.pid, SIGTERM);
  CHECK(keeper.AwaitEnd() == 0);
}

TEST_CASE("a keeper without a container refuses what needs one") {
  const IdleKeeper keeper;
  for (const auto op : {KeeperRequest::Op::kSave, KeeperRequest::Op::kFinishImage, KeeperRequest::Op::kSeal,
                        KeeperRequest::Op::kRunCommand, KeeperRequest::Op::kUserDatabases,
                        KeeperRequest::Op::kCreateDatabase}) {
    INFO(static_cast<int>(op));
    CHECK(keeper.Ask(op).error);
  }
  CHECK_FALSE(keeper.Ask(KeeperRequest::Op::kAbandon).error);
  CHECK(keeper.AwaitEnd() == 0);
}

TEST_CASE("a keeper that cannot start what it is to start says so and ends") {
  for (const auto op : {KeeperRequest::Op::kStart, KeeperRequest::Op::kStartEngine}) {
    const IdleKeeper keeper;
    CHECK(keeper.Ask(op).error);
    CHECK(WEXITSTATUS(keeper.AwaitEnd()) == 1);
  }
}

TEST_CASE("a keeper whose daemon goes before it has given orders ends") {
  IdleKeeper keeper;
  CHECK_FALSE(keeper.Ask(KeeperRequest::Op::kStatus).error);
  keeper.connection.Reset();
  CHECK(WEXITSTATUS(keeper.AwaitEnd()) == 1);
}

}  // namespace
}  // namespace spawnd::daemon
