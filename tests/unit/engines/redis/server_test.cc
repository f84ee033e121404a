/// A real Redis server, from its first files to a sealed image's state and back.
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <thread>

#include "base/process.h"
#include "engines/registry.h"
#include "tests/places.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/unit/engines/restoring.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {
namespace {

std::optional<Installation> InstalledRedis() {
  // Debian's, whatever else is installed: these tests know its version.
  for (const Installation& one : (*FindEngine("redis"))
                                     ->Detect({std::string(SPAWND_SOURCE_ROOT) + "/.deps/redis", "/usr"},
                                              spawnd::testing::RunDirectly)) {
    if (one.problem.empty()) return one;
  }
  return std::nullopt;
}

Installation Redis() {
  const auto found = InstalledRedis();
  REQUIRE(found);  // ./dev setup brings it
  return *found;
}

/// One command over TCP with this password (empty: none). Errors come back as "error: ...", lists joined by
/// ','.
std::string Ask(const TestServer& server, const std::vector<std::string>& words,
                const std::string& password) {
  const std::unique_ptr<redisContext, decltype(&redisFree)> context(
      redisConnect(server.Address().host.c_str(), server.Address().port), redisFree);
  if (!context || context->err != 0) return "error: cannot connect";
  const auto send = [&](const std::vector<std::string>& command) {
    std::vector<const char*> parts;
    std::vector<size_t> sizes;
    for (const std::string& word : command) parts.push_back(word.data()), sizes.push_back(word.size());
    std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(
        static_cast<redisReply*>(
            redisCommandArgv(context.get(), static_cast<int>(parts.size()), parts.data(), sizes.data())),
        freeReplyObject);
    if (!reply) return std::string("error: gone");
    if (reply->type == REDIS_REPLY_INTEGER) return std::to_string(reply->integer);
    if (reply->type == REDIS_REPLY_NIL) return std::string("nil");
    std::string said = reply->type == REDIS_REPLY_ERROR ? "error: " : "";
    if (reply->str != nullptr) said.append(reply->str, reply->len);
    for (size_t i = 0; i < reply->elements; ++i) {
      said.append(i > 0 ? "," : "").append(reply->element[i]->str, reply->element[i]->len);
    }
    return said;
  };
  if (!password.empty()) {
    const std::string said = send({"AUTH", password});
    if (said != "OK") return said;
  }
  return send(words);
}

std::string Ask(const TestServer& server, const std::vector<std::string>& words) {
  return Ask(server, words, server.Admin().password);
}

std::string ContentOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void CheckLogins(const TestServer& server) {
  CHECK(Ask(server, {"PING"}) == "PONG");
  CHECK(Ask(server, {"PING"}, "").substr(0, 14) == "error: NOAUTH ");
  CHECK(Ask(server, {"PING"}, "not" + server.Admin().password).substr(0, 17) == "error: WRONGPASS ");
}

TEST_CASE("A Redis server lives a container's life") {
  TestServer server(Redis());
  auto session = server.Start();
  CHECK(server.Log().find(server.Product().ReadyLine()) != std::string::npos);
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  CheckLogins(server);
  CHECK(Ask(server, {"SET", "key", "value"}) == "OK");
  CHECK(session->CreateDatabase("").has_value());
  CHECK(session->CreateDatabase("15").has_value());
  CHECK_FALSE(session->CreateDatabase("16").has_value());
  CHECK(session->CreateDatabase("shop").error().code == ErrorCode::kInvalidArgument);
  CHECK(session->UserDatabases(server.Admin())->empty());

  session.reset();
  server.Kill();
  session = server.Start();
  CheckLogins(server);
  CHECK(Ask(server, {"GET", "key"}) == "value");
  session.reset();
  server.Stop();
  session = server.Start();
  CHECK(Ask(server, {"GET", "key"}) == "value");
}

TEST_CASE("Debian's redis-server, a link to the checker, is found and started by its name") {
  const TemporaryFolder root;
  REQUIRE(::mkdir((root.Path() + "/bin").c_str(), 0755) == 0);
  const std::string program =
      root.Write("bin/redis-check-rdb", ContentOf(Redis().root + "/bin/redis-server"));
  REQUIRE(::chmod(program.c_str(), 0755) == 0);
  REQUIRE(::symlink("redis-check-rdb", (root.Path() + "/bin/redis-server").c_str()) == 0);
  std::optional<Installation> debian;
  for (const Installation& one :
       (*FindEngine("redis"))->Detect({root.Path()}, spawnd::testing::RunDirectly)) {
    if (one.root == root.Path()) debian = one;
  }
  REQUIRE(debian);
  CHECK(debian->version == Redis().version);
  CHECK(debian->product.empty());
  TestServer server(*debian);
  const auto session = server.Start();
  CheckLogins(server);
}

TEST_CASE("A root with valkey-server is found, and that is what is started") {
  // Not each machine has a Valkey: a Redis that goes by its name.
  const TemporaryFolder root;
  REQUIRE(::mkdir((root.Path() + "/bin").c_str(), 0755) == 0);
  const std::string program = root.Write(
      "bin/valkey-server",
      "#!/bin/sh\n[ \"$1\" != --version ] || { echo 'Valkey server v=8.1.1 sha=0 bits=64'; exit; }\n"
      "echo 'valkey runs'\nexec " +
          Redis().root + "/bin/redis-server \"$@\"\n");
  REQUIRE(::chmod(program.c_str(), 0755) == 0);
  std::optional<Installation> valkey;
  for (const Installation& one :
       (*FindEngine("valkey"))->Detect({root.Path()}, spawnd::testing::RunDirectly)) {
    if (one.root == root.Path()) valkey = one;
  }
  REQUIRE(valkey);
  CHECK(valkey->version == "8.1.1");
  CHECK(valkey->problem.empty());
  CHECK(valkey->engine == "valkey");
  TestServer server(*valkey);
  const auto session = server.Start();
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  CheckLogins(server);
  CHECK(server.Log().find("valkey runs") != std::string::npos);
}

TEST_CASE("CONFIG REWRITE survives a restart, and cannot move a Redis server or open it") {
  TestServer server(Redis());
  auto session = server.Start();
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"maxmemory-policy", "allkeys-lru"},
                                                        {"requirepass", "mine"},
                                                        {"appendfsync", "no"},
                                                        {"bind", "127.0.0.2"}}) {
    const std::string password = Ask(server, {"PING"}) == "PONG" ? server.Admin().password : "mine";
    if (name == "bind") continue;  // would need another address for what follows
    CHECK(Ask(server, {"CONFIG", "SET", name, value}, password) == "OK");
  }
  CHECK(Ask(server, {"ACL", "SETUSER", "bob", "on", ">b", "~*", "+@all"}, "mine") == "OK");
  CHECK(Ask(server, {"CONFIG", "REWRITE"}, "mine") == "OK");
  const std::string conf = server.Where().data_directory + "/redis.conf";
  CHECK(ContentOf(conf).find("user default on") != std::string::npos);
  session.reset();
  server.Stop();
  session = server.Start();
  CheckLogins(server);
  CHECK(Ask(server, {"CONFIG", "GET", "maxmemory-policy"}) == "maxmemory-policy,allkeys-lru");
  CHECK(Ask(server, {"CONFIG", "GET", "appendfsync"}) == "appendfsync,everysec");
  CHECK(Ask(server, {"ACL", "WHOAMI"}, "mine").substr(0, 6) == "error:");
  CHECK(Ask(server, {"ACL", "USERS"}) == "bob,default");
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  CHECK(Ask(server, {"ACL", "USERS"}) == ",bob,default");
}

TEST_CASE("A Redis image is compact, closed, and holds no password") {
  TestServer server(Redis());
  auto session = server.Start();
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  for (int i = 0; i < 1000; ++i) REQUIRE(Ask(server, {"SET", "key", std::to_string(i)}) == "OK");
  // The user's own doing, which leaves the password in a file.
  REQUIRE(Ask(server, {"CONFIG", "REWRITE"}) == "OK");
  const std::string data = server.Where().data_directory;
  REQUIRE(ContentOf(data + "/redis.conf").find(server.Admin().password) != std::string::npos);
  REQUIRE(session->PrepareImage(server.Admin()).has_value());
  CHECK(Ask(server, {"PING"}).substr(0, 6) == "error:");
  CHECK(Ask(server, {"PING"}, "").substr(0, 6) == "error:");
  session.reset();
  server.Stop();
  SpawnOptions grep;
  grep.argv = {"/bin/grep", "-r", server.Admin().password, data};
  CHECK(RunAndCapture(grep, std::chrono::seconds(10))->exit_code == 1);
  SpawnOptions size;
  size.argv = {"/bin/sh", "-c", "du -sb " + data + "/appendonlydir | cut -f 1"};
  CHECK(std::stoi(RunAndCapture(size, std::chrono::seconds(10))->output) < 8192);
  session = server.Start();
  CheckLogins(server);
  CHECK(Ask(server, {"GET", "key"}) == "999");
}

TEST_CASE("Before a save everything that Redis answered is written") {
  TestServer server(Redis());
  auto session = server.Start();
  const std::string data = server.Where().data_directory;
  REQUIRE(session->BeforeSave().has_value());
  CHECK(Ask(server, {"CONFIG", "GET", "appendfsync"}) == "appendfsync,always");
  CHECK(Ask(server, {"SET", "key", "in-the-file"}) == "OK");
  CHECK(ContentOf(data + "/appendonlydir/appendonly.aof.1.incr.aof").find("in-the-file") !=
        std::string::npos);
  REQUIRE(session->AfterSave().has_value());
  CHECK(Ask(server, {"CONFIG", "GET", "appendfsync"}) == "appendfsync,everysec");

  // A keeper ignores it as well.
  ::signal(SIGPIPE, SIG_IGN);
  // Switched off by hand, and the session's connection cut: what a restart loads holds the data all the same.
  CHECK(Ask(server, {"CONFIG", "SET", "appendonly", "no"}) == "OK");
  CHECK(Ask(server, {"SET", "later", "2"}) == "OK");
  CHECK(Ask(server, {"CLIENT", "KILL", "TYPE", "normal"}) == "1");
  REQUIRE(session->BeforeSave().has_value());
  REQUIRE(session->AfterSave().has_value());
  CHECK(Ask(server, {"CONFIG", "GET", "appendonly"}) == "appendonly,no");
  session.reset();
  server.Kill();
  session = server.Start();
  CHECK(Ask(server, {"MGET", "key", "later"}) == "in-the-file,2");
}

TEST_CASE("A script of Redis commands runs, and stops at its first error") {
  TestServer server(Redis());
  const auto session = server.Start();
  const TemporaryFolder folder;
  const Restored ran = Restore(server,
                               folder.Write("seed.redis",
                                            "# words\nSET a 1\nRPUSH l x \"y\\nz\"\nMULTI\nINCR a\n"
                                            "INCR a\nEXEC\nLRANGE l 0 -1\n"),
                               "");
  CHECK(ran.Why() == "");
  CHECK(Ask(server, {"GET", "a"}) == "3");
  CHECK(Ask(server, {"LRANGE", "l", "0", "-1"}) == "x,y\nz");
  const Restored third = Restore(server, folder.Write("three.redis", "SET where here\n"), "3");
  CHECK(third.Why() == "");
  CHECK(Ask(server, {"GET", "where"}) == "nil");
  const Restored wrong = Restore(server, folder.Write("bad.redis", "SET b 1\n\nLPUSH b 2\nSET c 1\n"), "");
  CHECK(wrong.Why().find("line 3 of ") != std::string::npos);
  CHECK(wrong.Why().find("WRONGTYPE") != std::string::npos);
  const Restored quotes = Restore(server, folder.Write("quote.redis", "SET b \"1\n"), "");
  CHECK(quotes.Why().find("line 1 of ") != std::string::npos);
  const Restored other = Restore(server, folder.Write("x.bin", std::string("\x01\x02\x00zz", 5)), "");
  CHECK(other.Why().find("is no backup of Redis") != std::string::npos);
}

/// One command of a placement as the keeper runs it: as the engine's user, its input from a file.
Result<void> RunInContainer(const ContainerCommand& command, const std::string& input) {
  const UniqueFd in(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
  const TemporaryFolder folder;
  const std::string said = folder.Write("said", "");
  const UniqueFd out(::open(said.c_str(), O_WRONLY | O_CLOEXEC));
  SpawnOptions options;
  options.argv = command.command.argv;
  options.env = command.command.env;
  options.stdin_fd = in.Get();
  options.stdout_fd = out.Get();
  options.stderr_fd = out.Get();
  const passwd* user = ::geteuid() == 0 ? ::getpwnam("postgres") : nullptr;
  if (user != nullptr) options.identity = Identity{user->pw_uid, user->pw_gid, {}};
  TRY_ASSIGN(const pid_t pid, Spawn(options));
  if (WaitForExit(pid) != 0) return Fail(command.explain(ContentOf(said)));
  return {};
}

Result<RestorePlan> PlanFor(const TestServer& server, const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  RestoreRequest request;
  request.backup_name = "shop.rdb";
  request.backup_fd = fd.Get();
  RestoreTarget target;
  target.paths = server.Where();
  TRY_ASSIGN(const auto recognised, server.Product().Recognise(request));
  CHECK(recognised->IsPlaced());
  CHECK(recognised->Version().empty());
  return recognised->Plan(server.Version(), target);
}

/// Plans, places and checks. `unpacked`: what the source passes on.
Result<void> Place(const TestServer& server, const std::string& path, const std::string& unpacked) {
  TRY_ASSIGN(const RestorePlan plan, PlanFor(server, path));
  REQUIRE(plan.placements.size() == 1);
  CHECK(plan.steps.empty());
  CHECK_FALSE(plan.placements[0].replaces_data);
  TRY(RunInContainer(plan.placements[0].sink, unpacked));
  for (const ContainerCommand& command : plan.placements[0].afterwards)
    TRY(RunInContainer(command, "/dev/null"));
  return {};
}

/// A snapshot of a few keys of every kind, one of them long expired.
std::string SampleSnapshot(const TemporaryFolder& folder) {
  TestServer server(Redis());
  const auto session = server.Start();
  CHECK(Ask(server, {"SET", "text", "value"}) == "OK");
  CHECK(Ask(server, {"RPUSH", "list", "1", "2", "3"}) == "3");
  CHECK(Ask(server, {"ZADD", "sorted", "1", "a", "2", "b"}) == "2");
  CHECK(Ask(server, {"SET", "big", std::string(100'000, 'x')}) == "OK");
  CHECK(Ask(server, {"SET", "gone", "soon", "PX", "1"}) == "OK");
  CHECK(Ask(server, {"SAVE"}) == "OK");
  return folder.Write("shop.rdb", ContentOf(server.Where().data_directory + "/dump.rdb"));
}

TEST_CASE("A snapshot becomes the data set of a Redis server") {
  const TemporaryFolder folder;
  const std::string snapshot = SampleSnapshot(folder);
  const std::string packed = folder.Write("shop.rdb.gz", Gzip(ContentOf(snapshot)));
  for (const std::string& path : {snapshot, packed}) {
    TestServer server(Redis());
    // As in a build: the volume is that of an image that was started and sealed.
    auto session = server.Start();
    REQUIRE(session->PrepareImage(server.Admin()).has_value());
    session.reset();
    server.Stop();
    const auto placed = Place(server, path, snapshot);
    INFO((placed ? "" : placed.error().message));
    REQUIRE(placed.has_value());
    const auto second = Place(server, path, snapshot);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().message == "'shop.rdb' is a second data set");
    session = server.Start();
    CHECK(Ask(server, {"GET", "text"}) == "value");
    CHECK(Ask(server, {"LRANGE", "list", "0", "-1"}) == "1,2,3");
    CHECK(Ask(server, {"ZSCORE", "sorted", "b"}) == "2");
    CHECK(Ask(server, {"STRLEN", "big"}) == "100000");
    CHECK(Ask(server, {"EXISTS", "gone"}) == "0");
    CHECK(Ask(server, {"SET", "text", "other"}) == "OK");
    REQUIRE(session->PrepareImage(server.Admin()).has_value());
    session.reset();
    server.Stop();
    session = server.Start();
    CHECK(Ask(server, {"GET", "text"}) == "other");
  }
}

TEST_CASE("A snapshot that is damaged, cut or too new is refused with the reason") {
  const TemporaryFolder folder;
  const std::string whole = ContentOf(SampleSnapshot(folder));
  TestServer server(Redis());
  const auto why = [&](const std::string& content) {
    const std::string path = folder.Write("bad.rdb", content);
    static_cast<void>(::unlink((server.Where().data_directory + "/spawnd-restore/appendonly.aof").c_str()));
    const auto placed = Place(server, path, path);
    return placed ? "(placed)" : placed.error().message;
  };
  CHECK(why(whole) == "(placed)");
  // The byte that marks the end may stand where a file was cut: then the checker says it.
  const std::string cut = why(whole.substr(0, whole.size() / 2));
  CHECK((cut == "backup 'shop.rdb' is truncated: its end is missing" ||
         cut.find("Unexpected EOF") != std::string::npos));
  std::string flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  CHECK(why(flipped).find("backup 'shop.rdb' cannot be read: ") == 0);
  std::string newer = whole;
  newer.replace(5, 4, "0099");
  CHECK(why(newer).find("has RDB format 99, written by Redis 7.0") != std::string::npos);
  const auto plan = PlanFor(server, folder.Write("whole.rdb", whole));
  REQUIRE(plan.has_value());
  const auto& explain = plan->placements[0].afterwards[0].explain;
  CHECK(explain("--- RDB ERROR DETECTED ---\n[offset 9] Can't handle RDB format version 12\n").code ==
        ErrorCode::kUnsupported);
  CHECK(explain("").code == ErrorCode::kInvalidArgument);
}

TEST_CASE("A port that is taken is named by Redis too") {
  TestServer first(Redis());
  const auto session = first.Start();
  TestServer second(Redis());
  Launch launch = second.How();
  launch.endpoint = first.Address();
  for (const SettingsFile& file : second.Product().SettingsFiles(launch)) {
    std::ofstream(launch.paths.settings_directory + "/" + file.name) << file.content;
  }
  const Error error = second.StartAndExpectExit(second.Product().StartCommand(launch));
  CHECK(error.code == ErrorCode::kInUse);
}

}  // namespace
}  // namespace spawnd::engines::testing
