/// Redis without a superuser for its clients. Each way out that somebody thought of is one line.
#include <hiredis/hiredis.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "engines/registry.h"
#include "tests/places.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {
namespace {

std::vector<Installation> InstalledServers() {
  std::vector<Installation> usable;
  for (const Installation& one : (*FindEngine("redis"))
                                     ->Detect({std::string(SPAWND_SOURCE_ROOT) + "/.deps/redis", "/usr"},
                                              spawnd::testing::RunDirectly)) {
    if (one.problem.empty()) usable.push_back(one);
  }
  REQUIRE_FALSE(usable.empty());  // ./dev setup brings one
  return usable;
}

using Words = std::vector<std::string>;

Words Split(const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

/// A connection over TCP that has said AUTH with these words.
class Client {
 public:
  Client(const TestServer& server, Words login)
      : context_(redisConnect(server.Address().host.c_str(), server.Address().port), redisFree) {
    login.insert(login.begin(), "AUTH");
    said_ = Ask(login);
  }
  std::string Said() const { return said_; }
  std::string Ask(const std::string& line) { return Ask(Split(line)); }
  std::string Ask(const Words& words) {
    std::vector<const char*> parts;
    std::vector<size_t> sizes;
    for (const std::string& word : words) parts.push_back(word.data()), sizes.push_back(word.size());
    const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(
        static_cast<redisReply*>(
            redisCommandArgv(context_.get(), static_cast<int>(parts.size()), parts.data(), sizes.data())),
        freeReplyObject);
    if (!reply) return "error: gone";
    const std::string text = reply->str != nullptr ? std::string(reply->str, reply->len) : "";
    return reply->type == REDIS_REPLY_ERROR ? "error: " + text : text;
  }

 private:
  std::unique_ptr<redisContext, decltype(&redisFree)> context_;
  std::string said_;
};

void HasHisData(Client client) {
  for (const char* line : {"SET key value",
                           "GET key",
                           "KEYS *",
                           "SCAN 0",
                           "SELECT 3",
                           "FLUSHDB",
                           "SWAPDB 3 4",
                           "SELECT 0",
                           "LPUSH list 2 1",
                           "SORT list",
                           "INFO",
                           "DBSIZE",
                           "TYPE key",
                           "EXPIRE key 100",
                           "CLIENT SETNAME me",
                           "CLIENT LIST",
                           "CLIENT ID",
                           "MULTI",
                           "EXEC",
                           "EVAL return(1) 0",
                           "SCRIPT LOAD return(1)",
                           "PUBLISH channel text",
                           "XADD stream * a b",
                           "OBJECT ENCODING key",
                           "DUMP key",
                           "MEMORY USAGE key",
                           "COMMAND COUNT",
                           "FLUSHALL",
                           "SET key value"}) {
    INFO(line);
    CHECK(client.Ask(std::string(line)).find("error:") == std::string::npos);
  }
}

void ReachesNothingElse(Client client) {
  for (const char* line : {"CONFIG GET *",
                           "CONFIG SET dir /tmp",
                           "CONFIG SET requirepass x",
                           "CONFIG REWRITE",
                           "MODULE LIST",
                           "MODULE LOAD /tmp/x.so",
                           "DEBUG SEGFAULT",
                           "DEBUG SLEEP 0",
                           "REPLICAOF 127.0.0.1 1",
                           "SLAVEOF NO ONE",
                           "SAVE",
                           "BGSAVE",
                           "BGREWRITEAOF",
                           "SHUTDOWN NOSAVE",
                           "ACL LIST",
                           "ACL USERS",
                           "ACL GETUSER default",
                           "ACL SETUSER default +@all",
                           "ACL SETUSER other on nopass ~* +@all",
                           "ACL SAVE",
                           "ACL LOAD",
                           "MIGRATE 127.0.0.1 1 key 0 10",
                           "SYNC",
                           "PSYNC ? -1",
                           "REPLCONF listening-port 1",
                           "MONITOR",
                           "FAILOVER",
                           "CLUSTER RESET",
                           "PFDEBUG GETREG key",
                           "PFSELFTEST",
                           "LATENCY RESET",
                           "SLOWLOG RESET",
                           "CLIENT KILL TYPE normal",
                           "CLIENT PAUSE 1",
                           "RESTORE other 0 x",
                           "EVAL return(redis.call('config','get','*')) 0",
                           "EVAL return(redis.call('acl','list')) 0",
                           "EVAL return(io.open('/etc/passwd')) 0",
                           "EVAL return(os.execute('id')) 0",
                           "EVAL return(loadfile('/etc/passwd')) 0",
                           "EVAL return(package.loadlib('x','y')) 0",
                           "EVAL return(dofile('/etc/passwd')) 0"}) {
    INFO(line);
    CHECK(client.Ask(std::string(line)).find("error:") == 0);
  }
}

void LivesWithoutSuperuser(TestServer& server) {
  const Words login{server.Admin().password};
  ReachesNothingElse(Client(server, login));
  HasHisData(Client(server, login));
  // As redis-cli logs in with a URL.
  ReachesNothingElse(Client(server, {"", server.Admin().password}));
  HasHisData(Client(server, {"", server.Admin().password}));
  for (const Words& other :
       {Words{"old", "known"}, Words{"spawnd", server.Admin().password}, Words{"spawnd", ""}}) {
    CHECK(Client(server, other).Said().find("error:") == 0);
  }
}

TEST_CASE("Redis does without a superuser for its clients") {
  for (const Installation& installation : InstalledServers()) {
    INFO("Redis " << installation.version << " at " << installation.root);
    TestServer server(installation);
    auto session = server.Start();
    REQUIRE(session->PrepareContainer(server.Admin()).has_value());
    Client superuser(server, {server.Admin().password});
    CHECK(superuser.Ask("ACL SETUSER old on >known ~* &* +@all") == "OK");
    CHECK(superuser.Ask("CONFIG REWRITE") == "OK");
    CHECK(superuser.Ask("SET before 1") == "OK");
    Credentials image = server.Admin();
    image.superuser = false;
    REQUIRE(session->PrepareImage(image).has_value());
    session.reset();
    server.Stop();

    server.SetSuperuser(false);
    session = server.Start();
    REQUIRE(session->PrepareContainer(image).has_value());
    REQUIRE(session->PrepareContainer(image).has_value());
    CHECK(Client(server, {image.password}).Ask("GET before") == "1");
    LivesWithoutSuperuser(server);
    CHECK(session->BeforeSave().has_value());
    CHECK(session->AfterSave().has_value());

    session.reset();
    server.Kill();
    session = server.Start();
    REQUIRE(session->PrepareContainer(image).has_value());
    CHECK(Client(server, {image.password}).Ask("GET key") == "value");
    LivesWithoutSuperuser(server);
    REQUIRE(session->PrepareImage(image).has_value());
    session.reset();
    server.Stop();

    // Graduated, and once more.
    session = server.Start();
    REQUIRE(session->PrepareContainer(image).has_value());
    LivesWithoutSuperuser(server);
    session.reset();
    server.Stop();
  }
}

}  // namespace
}  // namespace spawnd::engines::testing
