/// Real servers of every installed version, from initdb to a sealed image's state and back.
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/support/catch.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {
namespace {

/// Tests for what is not installed say so.
bool Have(const std::string& major) {
  if (InstalledMajor(major)) return true;
  WARN("skipped: no PostgreSQL " << major << " on this machine or under SPAWND_ENGINE_PATH");
  return false;
}

const std::string kSslInUse = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

void CheckLogins(const TestServer& server, const Credentials& admin) {
  const Endpoint& at = server.Address();
  CHECK(Query(at, admin, "postgres", kSslInUse, "require") == "t");
  CHECK(Query(at, admin, "postgres", kSslInUse, "disable") == "f");
  CHECK(Query(at, admin, admin.user, "SELECT current_database()") == admin.user);
  CHECK(Query(at, admin, "postgres", "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "t");
  Credentials wrong = admin;
  wrong.password = "not" + admin.password;
  CHECK(Query(at, wrong, "postgres", "SELECT 1").find("password authentication failed") != std::string::npos);
  wrong = {"postgres", "", "postgres"};
  CHECK(Query(at, wrong, "postgres", "SELECT 1").substr(0, 6) == "error:");
}

void CheckDefaults(const TestServer& server) {
  const auto show = [&](const std::string& name) {
    return Query(server.Address(), server.Admin(), "postgres", "SHOW " + name);
  };
  for (const char* safety : {"fsync", "full_page_writes", "synchronous_commit"}) CHECK(show(safety) == "on");
  CHECK(show("server_encoding") == "UTF8");
  const bool has_locale = show("lc_collate").find("error") == std::string::npos;
  if (has_locale) CHECK(show("lc_collate") == "C.UTF-8");
  CHECK(show("listen_addresses") == "127.0.0.1");
}

void LiveAndBeSealed(TestServer& server) {
  const Credentials& admin = server.Admin();
  auto session = server.Start();
  CHECK(server.Log().find(Postgresql().ReadyLine()) != std::string::npos);
  REQUIRE(session->PrepareContainer(admin).has_value());
  CheckLogins(server, admin);
  CheckDefaults(server);
  REQUIRE(session->PrepareContainer(admin).has_value());
  CheckLogins(server, admin);

  REQUIRE(session->CreateDatabase("Customers").has_value());
  REQUIRE(session->CreateDatabase("Customers").has_value());
  REQUIRE(session->CreateDatabase("").has_value());
  CHECK(*session->UserDatabases(admin) == std::vector<std::string>{"Customers"});

  // A stop without warning, then the same call on what recovery leaves.
  session.reset();
  server.Kill();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  session = server.Start();
  REQUIRE(session->PrepareContainer(admin).has_value());
  CheckLogins(server, admin);

  // As a build has it; a server that serves only tries the image.
  Launch build = server.How();
  build.purpose = Purpose::kBuild;
  auto builder = Postgresql().Probe(build);
  REQUIRE(builder.has_value());
  session = std::move(*builder);
  REQUIRE(session->PrepareImage(admin).has_value());
  CHECK(Query(server.Address(), admin, "postgres", "SELECT 1").substr(0, 6) == "error:");
  session.reset();
  server.Stop();
}

void BecomeAnotherContainer(TestServer& server) {
  const Credentials other = Postgresql().MakeCredentials("Customers");
  auto session = server.Start();
  const auto start = std::chrono::steady_clock::now();
  REQUIRE(session->PrepareContainer(other).has_value());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  CHECK(took.count() < 1000.0);  // renames; making a database would show on a quiet machine only
  CheckLogins(server, other);
  const std::string roles =
      Query(server.Address(), other, "Customers",
            "SELECT rolname, rolpassword IS NULL FROM pg_authid WHERE rolcanlogin ORDER BY 1");
  CHECK(roles == "postgres|t\n" + other.user + "|f");
  CHECK(Query(server.Address(), other, "Customers",
              "SELECT rolpassword LIKE 'SCRAM-SHA-256$4096:%' FROM pg_authid WHERE rolname = current_user") ==
        "t");
  session.reset();
  server.Stop();
}

TEST_CASE("Every installed version lives a container's life") {
  for (const Installation& installation : Installed()) {
    INFO("PostgreSQL " << installation.version << " at " << installation.root);
    TestServer server(installation);
    LiveAndBeSealed(server);
    BecomeAnotherContainer(server);
  }
}

TEST_CASE("The versions that the tests are for") {
  REQUIRE_FALSE(Installed().empty());
  for (const char* major : {"11", "15", "17"}) {
    if (Have(major)) CHECK(Postgresql().MajorVersion(InstalledMajor(major)->version) == major);
  }
}

TEST_CASE("A probe before the server is there is to be tried again") {
  TestServer server(Installed().back());
  const auto session = Postgresql().Probe(server.How());
  REQUIRE_FALSE(session.has_value());
  CHECK(session.error().code == ErrorCode::kUnavailable);
}

TEST_CASE("A probe opens the database it is asked for, and does without one that is missing") {
  TestServer& server = TestServer::Shared(Installed().front());
  const auto opened = [&](const std::string& database) {
    Launch launch = server.How();
    launch.credentials.database = database;
    const auto session = Postgresql().Probe(launch);
    REQUIRE(session.has_value());
    return Query(server.Address(), server.Admin(), "template1",
                 "SELECT datname FROM pg_stat_activity WHERE application_name = 'spawnd'");
  };
  CHECK(opened("") == "postgres");
  CHECK(opened(server.Admin().user) == server.Admin().user);
  CHECK(opened("nosuch") == "postgres");
}

TEST_CASE("A cluster that never was one of ours is prepared too") {
  TestServer server(Installed().front());
  auto session = server.Start();
  const Credentials admin = Postgresql().MakeCredentials("");
  REQUIRE(session->PrepareContainer(admin).has_value());
  // Half of it is gone, as if somebody had dropped it.
  REQUIRE(Query(server.Address(), admin, "postgres", "DROP DATABASE " + admin.user).empty());
  REQUIRE(session->PrepareContainer(admin).has_value());
  CHECK(Query(server.Address(), admin, admin.user, "SELECT 1") == "1");
  REQUIRE(Query(server.Address(), admin, "postgres", "DROP DATABASE " + admin.user).empty());
  REQUIRE(session->PrepareImage(admin).has_value());
  REQUIRE(session->PrepareContainer(admin).has_value());
  CHECK(Query(server.Address(), admin, admin.user, "SELECT 1") == "1");
}

TEST_CASE("What a user writes into postgresql.conf cannot move the server") {
  TestServer server(Installed().front());
  auto session = server.Start();
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  for (const char* setting : {"port = 1", "listen_addresses = '*'", "logging_collector = on",
                              "unix_socket_directories = '/tmp'", "work_mem = '5MB'"}) {
    REQUIRE(Query(server.Address(), server.Admin(), "postgres", std::string("ALTER SYSTEM SET ") + setting)
                .empty());
  }
  session.reset();
  server.Stop();
  session = server.Start();
  CHECK(Query(server.Address(), server.Admin(), "postgres", "SHOW listen_addresses") == "127.0.0.1");
  CHECK(Query(server.Address(), server.Admin(), "postgres", "SHOW work_mem") == "5MB");
}

TEST_CASE("A port that is taken is named") {
  TestServer& first = TestServer::Shared(Installed().front());
  TestServer second(Installed().front());
  Launch launch = second.How();
  launch.endpoint = first.Address();
  const Error error = second.StartAndExpectExit(Postgresql().StartCommand(launch));
  CHECK(error.code == ErrorCode::kInUse);
  CHECK(Postgresql()
            .ExplainExit("could not bind IPv4 address \"127.0.0.1\": Address already in use", first.Address())
            .message.find(std::to_string(first.Address().port)) != std::string::npos);
  CHECK_FALSE(error.hint.empty());
}

TEST_CASE("A data directory of another version is named") {
  if (Installed().size() < 2) {
    WARN("skipped: only one version of PostgreSQL is installed");
    return;
  }
  TestServer server(Installed().back());
  Launch mixed = server.How();
  mixed.installation = Installed().front();
  mixed.paths.engine_root = Installed().front().root;
  const Error error = server.StartAndExpectExit(Postgresql().StartCommand(mixed));
  CHECK(error.code == ErrorCode::kUnsupported);
  CHECK(error.message.find("initialized by PostgreSQL version") != std::string::npos);
}

TEST_CASE("A damaged data directory is named") {
  TestServer server(Installed().front());
  const std::string control = server.Where().data_directory + "/global/pg_control";
  REQUIRE(::truncate(control.c_str(), 100) == 0);
  const Error error = server.StartAndExpectExit(Postgresql().StartCommand(server.How()));
  CHECK(error.code == ErrorCode::kCorrupt);
  CHECK(error.message.find("pg_control") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::testing
