#include "daemon/keeper/protocol.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using Op = KeeperRequest::Op;

KeeperSpec SampleSpec() {
  KeeperSpec spec;
  spec.id = 10002;
  spec.directory = "/var/lib/spawnd/containers/10002";
  spec.index_path = "/var/lib/spawnd/store/images/a.index";
  spec.volume_bytes = uint64_t{1} << 40;
  spec.durability = storage::Durability::kAlways;
  spec.installation = {"postgresql", "15.20", "/usr/lib/postgresql/15"};
  spec.endpoint = {"127.0.0.1", 20001};
  spec.credentials = {"spawn_admin_ab12", "quote\" and \\ and \n", "pagila"};
  spec.engine_uid = 4294967294U;
  spec.tls_key_path = "/tls/server.key";
  return spec;
}

TEST_CASE("a start request arrives as it was sent") {
  KeeperRequest request;
  request.op = Op::kStart;
  request.spec = SampleSpec();
  request.launched_at_ns = 123456789012345;
  request.deadline_seconds = 77;

  const auto decoded = DecodeRequest(EncodeRequest(request));
  REQUIRE(decoded);
  CHECK(decoded->op == Op::kStart);
  CHECK(decoded->launched_at_ns == 123456789012345);
  CHECK(decoded->deadline_seconds == 77);
  CHECK(decoded->spec.volume_bytes == uint64_t{1} << 40);
  CHECK(decoded->spec.durability == storage::Durability::kAlways);
  CHECK(decoded->spec.installation.root == "/usr/lib/postgresql/15");
  CHECK(decoded->spec.endpoint.port == 20001);
  CHECK(decoded->spec.credentials.password == "quote\" and \\ and \n");
  CHECK(decoded->spec.engine_uid == 4294967294U);
  CHECK(decoded->spec.tls_key_path == "/tls/server.key");
  CHECK_FALSE(decoded->spec.revert_to);
  CHECK_FALSE(decoded->spec.base_revision);
}

TEST_CASE("a command arrives as it was sent, its standard input with it") {
  std::array<int, 2> sockets{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) == 0);
  const UniqueFd ours(sockets[0]);
  const UniqueFd theirs(sockets[1]);
  std::array<int, 2> pipe{};
  REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
  UniqueFd read_end(pipe[0]);
  UniqueFd write_end(pipe[1]);

  KeeperRequest request;
  request.op = Op::kRunCommand;
  request.command = {{"/bin/sh", "-c", "cat > \"$1\"", ""}, {"A=b\nc"}, "/"};
  REQUIRE(SendPacket(ours.Get(), EncodeRequest(request), read_end.Get()));
  read_end.Reset();
  UniqueFd descriptor;
  const auto packet = ReceivePacket(theirs.Get(), &descriptor);
  REQUIRE(packet);
  const auto decoded = DecodeRequest(*packet);
  REQUIRE(decoded);
  CHECK(decoded->op == Op::kRunCommand);
  CHECK(decoded->command.argv == request.command.argv);
  CHECK(decoded->command.env == request.command.env);
  CHECK(decoded->command.working_directory == "/");

  REQUIRE(::write(write_end.Get(), "x", 1) == 1);
  char byte = 0;
  CHECK(::read(descriptor.Get(), &byte, 1) == 1);
  CHECK(byte == 'x');
  // The other copies are closed, so that the end of the one that arrived is the end of the pipe.
  descriptor.Reset();
  ::signal(SIGPIPE, SIG_IGN);
  CHECK(::write(write_end.Get(), "x", 1) == -1);
  CHECK(errno == EPIPE);

  KeeperReply reply;
  reply.outcome = {141, "tar: \"x\"\n"};
  const auto answered = DecodeReply(EncodeReply(reply));
  REQUIRE(answered);
  CHECK(answered->outcome.exit_code == 141);
  CHECK(answered->outcome.output == "tar: \"x\"\n");
}

TEST_CASE("a start that goes back, or lies on a revision, arrives as one") {
  KeeperRequest request;
  request.op = Op::kStart;
  request.spec = SampleSpec();
  request.spec.revert_to = 0;
  request.spec.base_revision = {.directory = "/containers/7/delta", .number = 4000000000};
  auto decoded = DecodeRequest(EncodeRequest(request));
  REQUIRE(decoded);
  CHECK(decoded->spec.revert_to == 0U);
  REQUIRE(decoded->spec.base_revision);
  CHECK(decoded->spec.base_revision->directory == "/containers/7/delta");
  CHECK(decoded->spec.base_revision->number == 4000000000);
  request.spec.revert_to = 7;
  CHECK(DecodeRequest(EncodeRequest(request))->spec.revert_to == 7U);
}

TEST_CASE("revisions travel with a reply, the newest when there are too many") {
  KeeperReply reply;
  for (uint32_t number = 1; number <= 5000; ++number) {
    reply.started.revisions.push_back({.number = number, .unique_bytes = uint64_t{number} << 30});
  }
  const std::string packet = EncodeReply(reply);
  CHECK(packet.size() < kMaxPacketBytes);
  const auto decoded = DecodeReply(packet);
  REQUIRE(decoded);
  REQUIRE(decoded->started.revisions.size() == 2000);
  CHECK(decoded->started.revisions.back().number == 5000);
  CHECK(decoded->started.revisions.back().unique_bytes == uint64_t{5000} << 30);
}

TEST_CASE("every operation keeps its name and its own fields") {
  for (const Op op : {Op::kStart, Op::kStatus, Op::kCreateDatabase, Op::kUserDatabases, Op::kFinishImage,
                      Op::kSeal, Op::kStop, Op::kAbandon, Op::kSave}) {
    KeeperRequest request;
    request.op = op;
    request.database = "d";
    request.seal = {"/layers", "0123", "/images/x.index"};
    const auto decoded = DecodeRequest(EncodeRequest(request));
    REQUIRE(decoded);
    CHECK(decoded->op == op);
    CHECK(decoded->database == (op == Op::kCreateDatabase ? "d" : ""));
    CHECK(decoded->seal.index_path == (op == Op::kSeal ? "/images/x.index" : ""));
  }
}

TEST_CASE("a reply brings its error, its timings and its numbers") {
  KeeperReply reply;
  reply.final = false;
  reply.error.emplace(ErrorCode::kInUse, "port 20001 is in use", "Stop it.");
  reply.started = {42, {{"volume", 0.5}, {"fuse", 1.25}}, {}};
  reply.usage = {4096, 512, 9, 8};
  reply.databases = {"a", "b"};
  reply.seal_result = {{"l1", "l2"}, 100, 50};

  const auto decoded = DecodeReply(EncodeReply(reply));
  REQUIRE(decoded);
  CHECK_FALSE(decoded->final);
  REQUIRE(decoded->error);
  CHECK(decoded->error->code == ErrorCode::kInUse);
  CHECK(decoded->error->hint == "Stop it.");
  CHECK(decoded->started.pid == 42);
  REQUIRE(decoded->started.timings.size() == 2);
  CHECK(decoded->started.timings[1].first == "fuse");
  CHECK(decoded->started.timings[1].second == 1.25);
  CHECK(decoded->usage.committed_epoch == 8);
  CHECK(decoded->databases == std::vector<std::string>{"a", "b"});
  CHECK(decoded->seal_result.layer_ids == std::vector<std::string>{"l1", "l2"});
}

TEST_CASE("fields of a newer build are skipped, nonsense is refused") {
  CHECK(DecodeRequest(R"({"op":"status","colour":"red","deadlineSeconds":"soon"})"));
  CHECK(DecodeRequest(R"({"op":"fly"})").error().code == ErrorCode::kUnsupported);
  CHECK(DecodeRequest("").error().code == ErrorCode::kInvalidArgument);
  CHECK(DecodeRequest("[1,2]").error().code == ErrorCode::kInvalidArgument);
  CHECK(DecodeRequest(std::string(100'000, '[')).error().code == ErrorCode::kInvalidArgument);
  CHECK(DecodeReply(R"({"final":true,"timings":[1,{"step":"x"},{"ms":1}],"databases":[1]})"));
}

TEST_CASE("packets keep their bounds and the end of a connection is an error") {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) == 0);
  UniqueFd left(fds[0]);
  UniqueFd right(fds[1]);
  REQUIRE(SendPacket(left.Get(), "one"));
  REQUIRE(SendPacket(left.Get(), "two"));
  CHECK(ReceivePacket(right.Get()).value() == "one");
  CHECK(ReceivePacket(right.Get()).value() == "two");
  left.Reset();
  CHECK(ReceivePacket(right.Get()).error().code == ErrorCode::kUnavailable);
  CHECK(SendPacket(right.Get(), "three").error().code == ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace spawnd::daemon
