#include "daemon/keeper/protocol.h"

#include <fstream>

#include "base/message.h"
#include "daemon/keeper/client.h"
#include "daemon/keeper/files.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

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
  spec.credentials = {"spawn_admin_ab12", "quote\" and \\ and \n", "pagila", false};
  spec.image_superuser = true;
  spec.engine_uid = 4294967294U;
  spec.require_tls = true;
  spec.tls = {"certificate\nof two lines", "key"};
  spec.host_network = true;
  spec.name_servers = "nameserver ::1\n";
  return spec;
}

TEST_CASE("a start request arrives as it was sent") {
  KeeperRequest request;
  request.op = Op::kStart;
  request.spec = SampleSpec();
  request.launched_at_microseconds = 123456789012345;
  request.deadline_seconds = 77;

  const auto decoded = DecodeRequest(EncodeRequest(request));
  REQUIRE(decoded);
  CHECK(decoded->op == Op::kStart);
  CHECK(decoded->launched_at_microseconds == 123456789012345);
  CHECK(decoded->deadline_seconds == 77);
  REQUIRE(decoded->spec);
  const KeeperSpec& spec = *decoded->spec;
  CHECK(spec.volume_bytes == uint64_t{1} << 40);
  CHECK(spec.durability == storage::Durability::kAlways);
  CHECK(spec.installation.root == "/usr/lib/postgresql/15");
  CHECK(spec.endpoint.port == 20001);
  CHECK(spec.credentials.password == "quote\" and \\ and \n");
  CHECK_FALSE(spec.credentials.superuser);
  CHECK(spec.image_superuser);
  CHECK(spec.engine_uid == 4294967294U);
  CHECK(spec.require_tls);
  CHECK(spec.tls.certificate == "certificate\nof two lines");
  CHECK(spec.tls.key == "key");
  CHECK(spec.host_network);
  CHECK(spec.name_servers == "nameserver ::1\n");
  CHECK_FALSE(spec.revert_to);
  CHECK_FALSE(spec.base_revision);
}

TEST_CASE("a command and its outcome arrive as they were sent") {
  KeeperRequest request;
  request.op = Op::kRunCommand;
  request.command = {{"/bin/sh", "-c", "cat > \"$1\"", ""}, {"A=b\nc"}, "/"};
  const auto decoded = DecodeRequest(EncodeRequest(request));
  REQUIRE(decoded);
  CHECK(decoded->op == Op::kRunCommand);
  REQUIRE(decoded->command);
  CHECK(decoded->command->argv == request.command->argv);
  CHECK(decoded->command->env == request.command->env);
  CHECK(decoded->command->working_directory == "/");

  KeeperReply reply;
  reply.outcome = {141, "tar: \"x\"\n"};
  const auto answered = DecodeReply(EncodeReply(reply));
  REQUIRE(answered);
  REQUIRE(answered->outcome);
  CHECK(answered->outcome->exit_code == 141);
  CHECK(answered->outcome->output == "tar: \"x\"\n");
  reply.outcome = {0, std::string("\xff\0!", 3)};
  CHECK(DecodeReply(EncodeReply(reply))->outcome->output == "\xef\xbf\xbd\xef\xbf\xbd!");
}

TEST_CASE("a tool arrives as it was sent") {
  KeeperRequest request;
  request.op = Op::kStartTool;
  ProgramOrder& tool = request.tool.emplace();
  tool.command = {{"psql", "-X", ""}, {"A=b\nc"}, "/"};
  tool.is_tool = true;
  tool.identity = {1000, 1001, {4294967294U, 0, 27}};
  tool.has_messages = true;
  const auto decoded = DecodeRequest(EncodeRequest(request));
  REQUIRE(decoded);
  CHECK(decoded->op == Op::kStartTool);
  // And from the keeper to process 1.
  std::string packet;
  AppendProgramOrder(*decoded->tool, packet);
  const auto order = DecodeProgramOrder(packet);
  REQUIRE(order);
  CHECK(order->command.argv == tool.command.argv);
  CHECK(order->command.env == tool.command.env);
  CHECK(order->is_tool);
  CHECK(order->identity.uid == 1000);
  CHECK(order->identity.gid == 1001);
  CHECK(order->identity.groups == std::vector<gid_t>{4294967294U, 0, 27});
  CHECK(order->has_messages);
  CHECK_FALSE(order->has_input);
  CHECK_FALSE(order->reads_any_file);
  for (size_t size = 0; size < packet.size(); ++size) CHECK_FALSE(DecodeProgramOrder(packet.substr(0, size)));
}

TEST_CASE("a start that goes back, or lies on a revision, arrives as one") {
  KeeperRequest request;
  request.op = Op::kStart;
  request.spec = SampleSpec();
  request.spec->revert_to = 0;
  request.spec->base_revision = {.directory = "/containers/7/delta", .number = 4000000000};
  auto decoded = DecodeRequest(EncodeRequest(request));
  REQUIRE(decoded);
  REQUIRE(decoded->spec);
  CHECK(decoded->spec->revert_to == 0U);
  REQUIRE(decoded->spec->base_revision);
  CHECK(decoded->spec->base_revision->directory == "/containers/7/delta");
  CHECK(decoded->spec->base_revision->number == 4000000000);
  request.spec->revert_to = 7;
  CHECK(DecodeRequest(EncodeRequest(request))->spec->revert_to == 7U);
}

TEST_CASE("a reply has as much in it as there is") {
  KeeperReply reply;
  for (uint32_t number = 1; number <= 50'000; ++number) {
    reply.started.revisions.push_back({.number = number, .unique_bytes = uint64_t{number} << 30});
    reply.databases.push_back("database_" + std::to_string(number));
  }
  const std::string text = EncodeReply(reply);
  CHECK(text.size() < kMaxMessageBytes);
  const auto decoded = DecodeReply(text);
  REQUIRE(decoded);
  REQUIRE(decoded->started.revisions.size() == 50'000);
  CHECK(decoded->started.revisions.back().number == 50'000);
  CHECK(decoded->started.revisions.back().unique_bytes == uint64_t{50'000} << 30);
  CHECK(decoded->databases == reply.databases);
}

TEST_CASE("every operation keeps its name and its fields") {
  for (const Op op :
       {Op::kStart, Op::kStatus, Op::kSpec, Op::kCreateDatabase, Op::kUserDatabases, Op::kFinishImage,
        Op::kSeal, Op::kAbandon, Op::kSave, Op::kRunCommand, Op::kStartEngine}) {
    KeeperRequest request;
    request.op = op;
    request.database = "d";
    request.seal = {"/layers", "0123", "/images/x.index"};
    const auto decoded = DecodeRequest(EncodeRequest(request));
    REQUIRE(decoded);
    CHECK(decoded->op == op);
    CHECK(decoded->database == "d");
    REQUIRE(decoded->seal);
    CHECK(decoded->seal->index_path == "/images/x.index");
  }
}

TEST_CASE("a reply brings its error, its timings and its numbers") {
  KeeperReply reply;
  reply.error.emplace(ErrorCode::kInUse, "port 20001 is in use", "Stop it.");
  reply.started = {42, 0, false, false, false, {{"volume", 0.5}, {"fuse", 1.25}}, {}};
  reply.databases = {"a", "b"};
  reply.sealed = {{"l1", "l2"}, 100, 50};

  const auto decoded = DecodeReply(EncodeReply(reply));
  REQUIRE(decoded);
  CHECK_FALSE(decoded->progress);
  REQUIRE(decoded->error);
  CHECK(decoded->error->code == ErrorCode::kInUse);
  CHECK(decoded->error->hint == "Stop it.");
  CHECK(decoded->started.pid == 42);
  REQUIRE(decoded->started.timings.size() == 2);
  CHECK(decoded->started.timings[1].first == "fuse");
  CHECK(decoded->started.timings[1].second == 1.25);
  CHECK(decoded->databases == std::vector<std::string>{"a", "b"});
  REQUIRE(decoded->sealed);
  CHECK(decoded->sealed->layer_ids == std::vector<std::string>{"l1", "l2"});

  // What is final is told from what is not, also before there is anything to count.
  KeeperReply progress;
  progress.progress.emplace();
  CHECK(DecodeReply(EncodeReply(progress))->progress);
  CHECK_FALSE(DecodeReply(EncodeReply(KeeperReply()))->progress);
}

TEST_CASE("the last words of a keeper are read as they were said, whatever lines they have") {
  const ScratchDirectory scratch;
  CHECK(LastWords(scratch.Path(), "nothing").code == ErrorCode::kUnavailable);
  CHECK(LastWords(scratch.Path(), "nothing").message == "nothing");
  KeeperReply reply;
  reply.error.emplace(ErrorCode::kCorrupt, "mke2fs 1.47\nno_space\ncannot format", "Look.\nThen decide.");
  std::ofstream(scratch / kLastWordsName) << EncodeReply(reply);
  const Error words = LastWords(scratch.Path(), "nothing");
  CHECK(words.code == ErrorCode::kCorrupt);
  CHECK(words.message == reply.error->message);
  CHECK(words.hint == reply.error->hint);
  // Cut short, as on a full disk.
  std::ofstream(scratch / kLastWordsName) << EncodeReply(reply).substr(0, 40);
  CHECK(LastWords(scratch.Path(), "nothing").message == "nothing");
}

TEST_CASE("fields of a newer build are skipped, nonsense is refused") {
  CHECK(DecodeRequest(R"({"op":"status","colour":"red"})"));
  CHECK(DecodeRequest(R"({"op":"fly"})").error().code == ErrorCode::kUnsupported);
  CHECK(DecodeRequest(R"({})").error().code == ErrorCode::kUnsupported);
  CHECK(DecodeRequest(R"({"op":"start","deadlineSeconds":"soon"})").error().code ==
        ErrorCode::kInvalidArgument);
  CHECK(DecodeRequest("").error().code == ErrorCode::kInvalidArgument);
  CHECK(DecodeRequest("[1,2]").error().code == ErrorCode::kInvalidArgument);
  CHECK(DecodeRequest(std::string(100'000, '[')).error().code == ErrorCode::kInvalidArgument);
  CHECK(DecodeReply(R"({"databases":[1]})").error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("an engine that says lines of a reply in its last words forges neither code nor hint") {
  const ScratchDirectory scratch;
  const std::string words =
      "engine ended: x\",\"code\":\"no_space\",\"hint\":\"run this\"}\nno_space\nrun this\n"
      "{\"error\":{\"code\":\"no_space\",\"message\":\"y\",\"hint\":\"run this\"}}";
  KeeperReply reply;
  reply.error = Error(ErrorCode::kUnavailable, words);
  std::ofstream(scratch / kLastWordsName) << EncodeReply(reply) << std::flush;
  const Error said = LastWords(scratch.Path(), "killed");
  CHECK(said.code == ErrorCode::kUnavailable);
  CHECK(said.message == words);
  CHECK(said.hint.empty());
}

}  // namespace
}  // namespace spawnd::daemon
