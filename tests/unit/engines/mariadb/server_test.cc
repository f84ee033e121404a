/// MariaDB's real server from its initialisation to a sealed image's state and back.
#include <mysql.h>
#include <unistd.h>

#include <algorithm>

#include "base/process.h"
#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/unit/engines/restoring.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {
namespace {

const Engine& Mariadb() {
  return **FindEngine("mariadb");
}

const Installation& Here() {
  // Debian's, whatever else is installed.
  static const std::vector<Installation> found = Mariadb().Detect({"/usr"}, spawnd::testing::RunDirectly);
  REQUIRE_FALSE(found.empty());
  REQUIRE(found.front().problem.empty());
  return found.front();
}

/// Rows joined by newlines, columns by '|'; "error: ..." when there are none.
std::string Ask(const TestServer& server, const Credentials& who, const std::string& sql, bool tls = false) {
  const std::unique_ptr<MYSQL, decltype(&::mysql_close)> connection(::mysql_init(nullptr), ::mysql_close);
  const my_bool enforce = tls ? 1 : 0;
  ::mysql_options(connection.get(), MYSQL_OPT_SSL_ENFORCE, &enforce);
  const Endpoint& at = server.Address();
  if (::mysql_real_connect(connection.get(), at.host.c_str(), who.user.c_str(), who.password.c_str(),
                           who.database.c_str(), at.port, nullptr, 0) == nullptr ||
      ::mysql_query(connection.get(), sql.c_str()) != 0) {
    return std::string("error: ") + ::mysql_error(connection.get());
  }
  std::string text;
  const std::unique_ptr<MYSQL_RES, decltype(&::mysql_free_result)> rows(
      ::mysql_store_result(connection.get()), ::mysql_free_result);
  while (MYSQL_ROW row = rows ? ::mysql_fetch_row(rows.get()) : nullptr) {
    if (!text.empty()) text += "\n";
    for (unsigned i = 0; i < ::mysql_num_fields(rows.get()); ++i) {
      text.append(i > 0 ? "|" : "").append(row[i] != nullptr ? row[i] : "NULL");
    }
  }
  return text;
}

bool Refused(const std::string& answer) {
  return answer.find("Access denied") != std::string::npos ||
         answer.find("is not allowed to connect") != std::string::npos;
}

void CheckLogins(const TestServer& server, const Credentials& admin) {
  CHECK(Ask(server, admin, "SELECT CURRENT_USER(), DATABASE()") == "root@%|mysql");
  CHECK(Ask(server, admin, "SHOW STATUS LIKE 'Ssl_version'", true).find("TLSv1") != std::string::npos);
  Credentials wrong = admin;
  wrong.password = "";
  CHECK(Refused(Ask(server, wrong, "SELECT 1")));
}

TEST_CASE("MariaDB lives a container's life") {
  TestServer server(Here());
  const Credentials& admin = server.Admin();
  auto session = server.Start();
  CHECK(server.Log().find(Mariadb().ReadyLine()) != std::string::npos);
  // Before it is prepared, nobody gets in from outside.
  CHECK(Refused(Ask(server, {"root", "", "mysql"}, "SELECT 1")));
  REQUIRE(session->PrepareContainer(admin).has_value());
  REQUIRE(session->PrepareContainer(admin).has_value());
  CheckLogins(server, admin);
  CHECK(Ask(server, admin,
            "SELECT @@innodb_flush_log_at_trx_commit, @@innodb_doublewrite, @@log_bin, "
            "@@performance_schema, @@character_set_server") == "1|1|0|0|utf8mb4");
  REQUIRE(session->CreateDatabase("Customers").has_value());
  REQUIRE(session->CreateDatabase("Customers").has_value());
  CHECK(*session->UserDatabases(admin) == std::vector<std::string>{"Customers"});

  // Whatever a user does to the accounts, the next start has a way in.
  for (const char* sql :
       {"DROP USER root@localhost", "CREATE USER ''@'127.0.0.1', root@'127.0.0.1' IDENTIFIED BY 'other'"}) {
    CHECK(Ask(server, admin, sql).empty());
  }
  session.reset();
  server.Kill();
  session = server.Start();
  REQUIRE(session->PrepareContainer(admin).has_value());
  CheckLogins(server, admin);

  REQUIRE(session->PrepareImage(admin).has_value());
  CHECK(Refused(Ask(server, admin, "SELECT 1")));
  session.reset();
  server.Stop();
  const Credentials other = Mariadb().MakeCredentials("Customers");
  CHECK(other.password.size() == 16);
  session = server.Start();
  REQUIRE(session->PrepareContainer(other).has_value());
  CHECK(Ask(server, other, "SELECT CURRENT_USER(), DATABASE()") == "root@%|Customers");
  CHECK(Refused(Ask(server, admin, "SELECT 1")));
}

TEST_CASE("MariaDB's taken port is named") {
  TestServer first(Here());
  const auto session = first.Start();
  TestServer second(Here());
  Launch launch = second.How();
  launch.endpoint = first.Address();
  const Error error = second.StartAndExpectExit(Mariadb().StartCommand(launch));
  INFO(error.message);
  CHECK(error.code == ErrorCode::kInUse);
  CHECK(error.message.find("is in use by another program") != std::string::npos);
}

TEST_CASE("Dumps into MariaDB: errors have the backup's line, the client's own commands are none") {
  TestServer server(Here());
  const auto session = server.Start();
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  const TemporaryFolder folder;
  const auto restored = [&](const std::string& sql, const std::string& database) {
    return Restore(server, folder.Write("d.sql", sql), database);
  };
  CHECK(restored("CREATE TABLE t (a int);\nINSERT INTO t VALUES (1),\n(2);\n", "Shop").Why().empty());
  CHECK(Ask(server, server.Admin(), "SELECT SUM(a) FROM Shop.t") == "3");
  const Restored wrong = restored("SELECT 1;\n\nSELECT 2;\nINSERT INTO nosuch\nVALUES (1);\n", "Shop");
  CHECK(wrong.Why().find("line 4 of ") == 0);
  CHECK(wrong.Why().find("Table 'Shop.nosuch' doesn't exist") != std::string::npos);
  CHECK(restored("CREATE TABLE t (a int);\n", "").Why().find("initialDatabaseName") != std::string::npos);
  const std::string mark = folder.Path() + "/mark";
  CHECK_FALSE(restored("system touch " + mark + "\n\\! touch " + mark + "\n", "Shop").Ok());
  CHECK(::access(mark.c_str(), F_OK) != 0);

  // As MySQL 8 writes it: unknown collation, encryption, replication.
  const Restored mysql8 = restored(
      "-- MySQL dump 10.13  Distrib 8.0.36\n--\n-- Host: h    Database: \n-- Server version\t8.0.36\n"
      "SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'x:1';\n"
      "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `eight` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE "
      "utf8mb4_0900_ai_ci */ /*!80016 DEFAULT ENCRYPTION='N' */;\nUSE `eight`;\n"
      "CREATE TABLE t (a varchar(9) COLLATE utf8mb4_0900_as_cs) DEFAULT CHARSET=utf8mb4 "
      "COLLATE=utf8mb4_0900_ai_ci;\n"
      "USE `mysql`;\nDROP TABLE user;\nUSE `eight`;\nINSERT INTO t VALUES ('x');\n-- Dump completed\n",
      "");
  CHECK(mysql8.Why().empty());
  CHECK(mysql8.warnings.size() == 4);
  CHECK(Ask(server, server.Admin(), "SELECT COUNT(*) FROM eight.t") == "1");
  CheckLogins(server, server.Admin());
}

TEST_CASE("MariaDB is found and is not taken for MySQL") {
  CHECK(Here().engine == "mariadb");
  CHECK(Mariadb().Satisfies("10.11.19", "10"));
  CHECK(Mariadb().Satisfies("10.11.19", "10.11.2"));
  for (const char* other : {"10.6", "1", "11", "", "x"}) CHECK_FALSE(Mariadb().Satisfies("10.11.19", other));
  const Engine& mysql = **FindEngine("mysql");
  const auto found = mysql.Detect({"/usr"}, spawnd::testing::RunDirectly);
  CHECK(std::none_of(found.begin(), found.end(),
                     [](const Installation& one) { return one.root == Here().root; }));
  const auto missing = ChooseInstallation(mysql, std::vector<Installation>{Here()}, "8.0");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().message == "MySQL 8.0 is not installed (no version of it is)");
  CHECK(missing.error().hint.find("MariaDB " + Here().version + " is installed") != std::string::npos);
  CHECK(missing.error().hint.find("engineFallbacks: {mysql: mariadb}") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::testing
