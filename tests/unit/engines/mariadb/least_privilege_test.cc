/// MariaDB without a superuser for its clients. Each way out that somebody thought of is one line.
#include <mysql.h>

#include <memory>
#include <string>
#include <vector>

#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::testing {
namespace {

Installation Debians() {
  const std::vector<Installation> found =
      (*FindEngine("mariadb"))->Detect({"/usr"}, spawnd::testing::RunDirectly);
  REQUIRE_FALSE(found.empty());
  return found.front();
}

using Connection = std::unique_ptr<MYSQL, decltype(&::mysql_close)>;

class Client {
 public:
  Client(const TestServer& server, const Credentials& who)
      : connection_(::mysql_init(nullptr), ::mysql_close) {
    const Endpoint& at = server.Address();
    in_ = ::mysql_real_connect(connection_.get(), at.host.c_str(), who.user.c_str(), who.password.c_str(),
                               who.database.empty() ? nullptr : who.database.c_str(), at.port, nullptr,
                               0) != nullptr;
  }
  bool In() const { return in_; }
  /// Why the server does not do it; empty: it does.
  std::string Refusal(const std::string& sql) {
    if (::mysql_query(connection_.get(), sql.c_str()) != 0) return ::mysql_error(connection_.get());
    const std::unique_ptr<MYSQL_RES, decltype(&::mysql_free_result)> rows(
        ::mysql_store_result(connection_.get()), ::mysql_free_result);
    const MYSQL_ROW row = rows ? ::mysql_fetch_row(rows.get()) : nullptr;
    first_ = row != nullptr && row[0] != nullptr ? row[0] : "";
    return "";
  }
  std::string Ask(const std::string& sql) {
    const std::string refusal = Refusal(sql);
    return refusal.empty() ? first_ : "error: " + refusal;
  }

 private:
  Connection connection_;
  bool in_ = false;
  std::string first_;
};

/// What a dump with its accounts brings, and what may be lying about.
void Fill(Client client) {
  for (const char* sql :
       {"CREATE USER app@'%' IDENTIFIED BY 'known'", "GRANT ALL ON *.* TO app@'%' WITH GRANT OPTION",
        "GRANT ALL ON `my%`.* TO app@'%' WITH GRANT OPTION", "GRANT SELECT ON mysql.global_priv TO app@'%'",
        "CREATE DATABASE shop", "CREATE DATABASE odd_name", "CREATE TABLE shop.items (id int)",
        "INSERT INTO shop.items VALUES (1), (2)",
        "CREATE DEFINER = root@localhost VIEW shop.seen AS SELECT * FROM shop.items",
        "CREATE DEFINER = root@localhost PROCEDURE shop.accounts() SELECT * FROM mysql.global_priv",
        "CREATE DEFINER = root@localhost PROCEDURE shop.as_owner(q text) EXECUTE IMMEDIATE q"}) {
    INFO(sql);
    CHECK(client.Refusal(sql) == "");
  }
}

void Owns(Client client) {
  CHECK(client.Ask("SELECT CURRENT_USER()") == "root@%");
  CHECK(client.Ask("SELECT SUM(id) FROM shop.items") == "3");
  CHECK(client.Ask("SELECT COUNT(*) FROM shop.seen") == "2");
  for (const char* sql :
       {"INSERT INTO shop.items VALUES (3)", "DELETE FROM shop.items WHERE id = 3",
        "ALTER TABLE shop.items ADD c int", "ALTER TABLE shop.items DROP c",
        "CREATE TABLE shop.more (id int)", "DROP TABLE shop.more", "CREATE DATABASE another",
        "CREATE TABLE another.t (id int)", "INSERT INTO another.t VALUES (1)",
        "CREATE VIEW another.v AS SELECT * FROM another.t",
        "CREATE TRIGGER another.tr BEFORE INSERT ON another.t FOR EACH ROW "
        "SET NEW.id = 2",
        "CREATE FUNCTION another.f() RETURNS int RETURN 1", "DROP DATABASE another",
        "CREATE USER more@'%' IDENTIFIED BY 'x'", "GRANT SELECT ON shop.* TO more@'%'",
        "GRANT ALL ON `odd\\_name`.* TO more@'%'", "CREATE ROLE readers", "DROP USER more@'%'",
        "DROP ROLE readers"}) {
    INFO(sql);
    CHECK(client.Refusal(sql) == "");
  }
}

const std::vector<const char*>& WaysOut() {
  static const std::vector<const char*> ways{
      "SELECT 1 INTO OUTFILE '/tmp/left-by-a-test'",
      "LOAD DATA INFILE '/etc/passwd' INTO TABLE shop.items",
      "SELECT * FROM mysql.global_priv",
      "SELECT * FROM mysql.user",
      "UPDATE mysql.global_priv SET Priv = '{}'",
      "INSERT INTO mysql.plugin VALUES ('a', 'b')",
      "INSERT INTO mysql.proc (db) VALUES ('shop')",
      "CREATE TABLE mysql.mine (a int)",
      "DROP TABLE mysql.db",
      "DROP DATABASE mysql",
      "HANDLER mysql.global_priv OPEN",
      "CREATE VIEW shop.v AS SELECT * FROM mysql.global_priv",
      "INSTALL SONAME 'ha_connect'",
      "CREATE FUNCTION sys_exec RETURNS integer SONAME 'lib_mysqludf_sys.so'",
      "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST 'x')",
      "SET GLOBAL general_log_file = '/tmp/left-by-a-test'",
      "SET GLOBAL general_log = ON",
      "SET GLOBAL read_only = ON",
      "SET GLOBAL max_connections = 1",
      "SHUTDOWN",
      "GRANT FILE ON *.* TO root@'%'",
      "GRANT SUPER ON *.* TO app@'%'",
      "GRANT ALL ON *.* TO app@'%'",
      "GRANT ALL ON mysql.* TO app@'%'",
      "GRANT ALL ON `%`.* TO app@'%'",
      "GRANT ALL ON `my%`.* TO app@'%'",
      "GRANT ALL ON `odd_name`.* TO app@'%'",
      "GRANT SELECT ON mysql.global_priv TO app@'%'",
      "GRANT PROXY ON root@localhost TO root@'%'",
      "SET PASSWORD FOR root@localhost = PASSWORD('x')",
      "CREATE DEFINER = root@localhost PROCEDURE shop.p() SELECT 1",
      "CALL shop.accounts()",
      "CALL shop.as_owner('SELECT * FROM mysql.global_priv')",
      "CALL shop.as_owner('SELECT 1 INTO OUTFILE \"/tmp/left-by-a-test\"')",
      "CALL shop.as_owner('GRANT ALL ON *.* TO app@\"%\"')",
      "FLUSH PRIVILEGES",
  };
  return ways;
}

void ReachesNothingElse(const TestServer& server) {
  for (const Credentials& who : {server.Admin(), Credentials{"app", "known", ""}}) {
    Client client(server, who);
    REQUIRE(client.In());
    for (const char* way : WaysOut()) {
      INFO(who.user << ": " << way);
      CHECK(client.Refusal(way) != "");
    }
    CHECK(client.Ask("SELECT IFNULL(LOAD_FILE('/etc/passwd'), 'nothing')") == "nothing");
  }
}

/// Accounts are his to rename; none of them has anything.
void TakesTheKeepersAccount(const TestServer& server) {
  Client client(server, server.Admin());
  CHECK(client.Refusal("RENAME USER root@localhost TO boss@'%'") == "");
  CHECK(client.Refusal("ALTER USER boss@'%' IDENTIFIED BY 'mine'") == "");
  Client boss(server, {"boss", "mine", ""});
  REQUIRE(boss.In());
  for (const char* way : WaysOut()) {
    INFO("boss: " << way);
    CHECK(boss.Refusal(way) != "");
  }
  CHECK(client.Refusal("CREATE USER root@localhost IDENTIFIED BY 'mine' ACCOUNT LOCK") == "");
}

TEST_CASE("MariaDB does without a superuser for its clients") {
  TestServer server(Debians());
  auto session = server.Start();
  REQUIRE(session->PrepareContainer(server.Admin()).has_value());
  Fill(Client(server, server.Admin()));
  Credentials image = server.Admin();
  image.superuser = false;
  REQUIRE(session->PrepareImage(image).has_value());
  session.reset();
  server.Stop();

  server.SetSuperuser(false);
  session = server.Start();
  REQUIRE(session->PrepareContainer(image).has_value());
  Owns(Client(server, image));
  ReachesNothingElse(server);
  {
    // Where it would be written to outside of the server's folders, the word for it does nothing.
    const std::string outside = server.Where().socket_directory;
    Client client(server, image);
    for (const char* kind : {"MyISAM", "InnoDB"}) {
      const std::string name = std::string("shop.outside_") + kind;
      CHECK(client.Refusal("CREATE TABLE " + name + " (a int) ENGINE=" + kind + " DATA DIRECTORY='" +
                           outside + "'") == "");
      CHECK(client
                .Ask("SELECT create_options FROM information_schema.tables WHERE table_name = 'outside_" +
                     std::string(kind) + "'")
                .find("DIRECTORY") == std::string::npos);
    }
    CHECK(client.Refusal("CREATE DATABASE his_own") == "");
    CHECK(client.Refusal("GRANT SELECT ON `his\\_own`.* TO app@'%'") != "");
  }
  TakesTheKeepersAccount(server);

  // Whatever he did to accounts, the next start lets the keeper in, and him no further.
  session.reset();
  server.Stop();
  session = server.Start();
  REQUIRE(session->PrepareContainer(image).has_value());
  Owns(Client(server, image));
  ReachesNothingElse(server);
  CHECK(Client(server, image).Refusal("GRANT SELECT ON `his\\_own`.* TO app@'%'") == "");
  REQUIRE(session->PrepareImage(image).has_value());
  CHECK_FALSE(Client(server, image).In());
  session.reset();
  server.Stop();
}

TEST_CASE("MariaDB's keeper gets in whatever a superuser did to its account") {
  TestServer server(Debians());
  const Credentials& admin = server.Admin();
  auto session = server.Start();
  REQUIRE(session->PrepareContainer(admin).has_value());
  for (const char* sql :
       {"ALTER USER root@localhost ACCOUNT LOCK", "ALTER USER root@localhost REQUIRE SSL",
        "ALTER USER root@localhost PASSWORD EXPIRE", "RENAME USER root@localhost TO other@localhost",
        "ALTER USER root@localhost WITH MAX_CONNECTIONS_PER_HOUR 1", "SET GLOBAL read_only = ON",
        "SET GLOBAL init_connect = 'nonsense'", "SET GLOBAL max_connections = 10"}) {
    INFO(sql);
    CHECK(Client(server, admin).Refusal(sql) == "");
    session.reset();
    server.Stop();
    session = server.Start();
    CHECK(session->PrepareContainer(admin).has_value());
    CHECK(Client(server, admin).In());
  }
}

}  // namespace
}  // namespace spawnd::engines::testing
