#include <algorithm>

#include "engines/mysql_family/dump/collations.h"
#include "engines/mysql_family/dump/dump_filter.h"
#include "engines/mysql_family/dump/error_policy.h"
#include "engines/mysql_family/dump_folder.h"
#include "tests/support/catch.h"

namespace spawnd::engines::mysql_family {
namespace {

struct Outcome {
  std::string text;  ///< or "error: ..."
  std::vector<std::string> warnings;
};

DumpFilter::Options Named() {
  DumpFilter::Options options;
  options.name = "shop.sql";
  return options;
}

/// In pieces of every size, which must not matter.
Outcome Filtered(const std::string& text, const DumpFilter::Options& options = Named()) {
  Outcome first;
  bool is_first = true;
  for (size_t piece : {text.size(), size_t{1}, size_t{3}}) {
    RestoreWarnings said(options.name);
    DumpFilter filter(options, said);
    Outcome outcome;
    for (size_t at = 0; at < text.size(); at += piece) {
      const auto part = filter.Filter(std::string_view(text).substr(at, piece), at + piece >= text.size());
      if (!part) {
        outcome.text = "error: " + part.error().message + " " + part.error().hint;
        break;
      }
      outcome.text += *part;
    }
    outcome.warnings = said.InOrder();
    if (is_first) first = outcome;
    is_first = false;
    CHECK(outcome.text == first.text);
    CHECK(outcome.warnings == first.warnings);
  }
  return first;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE(
    "MySQL statements: a dump that ends within a transaction is refused with the line where it begins") {
  for (const std::string open :
       {"SELECT 1;\nBEGIN;\nINSERT INTO t VALUES (1);\n", "\nSTART TRANSACTION;\nSELECT 1;",
        "\n/*!50000 START TRANSACTION */;\nINSERT INTO t VALUES (1);",
        "SET autocommit=0;\nINSERT INTO t VALUES (1);\nINSERT INTO t VALUES (1);\n",
        "SET NAMES utf8mb4, @@session.autocommit = OFF;\nREPLACE t VALUES (1);",
        "BEGIN; COMMIT AND CHAIN; COMMIT AND NO CHAIN;\nBEGIN WORK; ROLLBACK TO SAVEPOINT a;",
        "XA START 'a'; INSERT INTO t VALUES (1); XA END 'a'; XA COMMIT 'a';\nXA BEGIN 'b';",
        "DELIMITER $$\nBEGIN$$\nINSERT INTO t VALUES (1)$$\n"}) {
    INFO(open);
    CHECK(Has(Filtered(open).text, "ends within a transaction, which begins in line 2"));
  }
  for (const std::string closed :
       {"BEGIN;\nINSERT INTO t VALUES (1);\nCOMMIT;\n",
        "SET AUTOCOMMIT = 0;\nSTART TRANSACTION;\nSELECT 1;\nCOMMIT;",
        "BEGIN;\nINSERT INTO t VALUES (1);\nALTER TABLE t ADD b int;", "BEGIN; ROLLBACK",
        "SET autocommit=0;\nINSERT INTO t VALUES (1);\nSET autocommit=1;\n",
        "SET autocommit=0; LOCK TABLES t WRITE; INSERT INTO t VALUES (1); UNLOCK TABLES;",
        "DELIMITER ;;\nCREATE PROCEDURE p()\nBEGIN\n  DECLARE n INT;\n  BEGIN\n  SELECT 1; "
        "END;\nEND;;\nDELIMITER ;\n",
        "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1;\nBEGIN SELECT 2; END; END //\nDELIMITER "
        ";\nSELECT 1;\n",
        "DELIMITER $$\nBEGIN NOT ATOMIC SELECT 1; END$$\nDELIMITER ;\n",
        "INSERT INTO t VALUES ('\nBEGIN;\n');", "-- BEGIN;\n/* BEGIN; */ SELECT 1;\n"}) {
    INFO(closed);
    CHECK(Filtered(closed).text == closed);
  }
}

TEST_CASE("MySQL statements: replication is left out of backups, and stays in scripts") {
  const std::string dump =
      "STOP SLAVE;\nCHANGE MASTER TO MASTER_HOST='db1.example', MASTER_LOG_POS=4;\nSTART SLAVE;\n"
      "/*!80000 STOP REPLICA */;\nCHANGE REPLICATION SOURCE TO SOURCE_HOST='a';\nSTART REPLICA;\nSTART ALL "
      "SLAVES;\n"
      "RESET SLAVE ALL;\nSTART GROUP_REPLICATION;\nstop\nslave;\nSET GLOBAL gtid_slave_pos='0-1-2';\n"
      "SET @@GLOBAL.GTID_PURGED='a';\nSTART TRANSACTION;\nCOMMIT;\nSET GLOBAL max_connections=1;\n";
  const Outcome outcome = Filtered(dump);
  CHECK(outcome.text ==
        std::string(13, '\n') + "START TRANSACTION;\nCOMMIT;\nSET GLOBAL max_connections=1;\n");
  CHECK(outcome.warnings.size() == 2);
  DumpFilter::Options script = Named();
  script.is_script = true;
  CHECK(Filtered(dump, script).text == dump);
}

constexpr const char* kTwoTables =
    "DROP TABLE IF EXISTS `a`;\nCREATE TABLE `a` (\n  `x` int\n) ENGINE=InnoDB;\nLOCK TABLES `a` WRITE;\n"
    "/*!40000 ALTER TABLE `a` DISABLE KEYS */;\nINSERT INTO `a` VALUES (1);\n/*!40000 ALTER TABLE `a` ENABLE "
    "KEYS */;\n"
    "UNLOCK TABLES;\nCREATE TABLE b (x int);\nINSERT INTO b VALUES (2);\nDELIMITER ;;\n"
    "/*!50003 CREATE*/ /*!50017 DEFINER=`r`@`h`*/ /*!50003 TRIGGER tr BEFORE INSERT ON `a` FOR EACH ROW SET "
    "@n = 1 */;;\n"
    "CREATE PROCEDURE p() SELECT 1;;\nDELIMITER ;\n/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 "
    "DEFINER=`r`@`h` SQL "
    "SECURITY DEFINER */\n/*!50001 VIEW `v` AS select 1 */;\n";

TEST_CASE("MySQL statements: parts of a dump") {
  DumpFilter::Options options = Named();
  options.parts.tables = {"b"};
  std::string text = Filtered(kTwoTables, options).text;
  CHECK_FALSE(Has(text, "`a`"));
  CHECK_FALSE(Has(text, "PROCEDURE"));
  CHECK_FALSE(Has(text, "VIEW"));
  CHECK(Has(text, "CREATE TABLE b (x int);\nINSERT INTO b VALUES (2);"));
  CHECK(std::count(text.begin(), text.end(), '\n') == 18);
  options.parts = {};
  options.parts.exclude_tables = {"shop.A*"};
  options.database = "shop";
  text = Filtered(kTwoTables, options).text;
  CHECK_FALSE(Has(text, "`a`"));
  CHECK(Has(text, "PROCEDURE"));
  CHECK(Has(text, "VIEW"));
  options.parts = {};
  options.parts.exclude_data = {"a"};
  text = Filtered(kTwoTables, options).text;
  CHECK_FALSE(Has(text, "VALUES (1)"));
  CHECK(Has(text, "VALUES (2)"));
  CHECK(Has(text, "TRIGGER"));
  options.parts = {};
  options.parts.schema_only = true;
  text = Filtered(kTwoTables, options).text;
  CHECK_FALSE(Has(text, "VALUES"));
  CHECK(Has(text, "TRIGGER"));
  options.parts = {};
  options.parts.tables = {"b", "nothing"};
  CHECK(Has(Filtered(kTwoTables, options).text, "has no table 'nothing'"));
}

TEST_CASE("MySQL statements: patterns") {
  for (const auto& [pattern, text] : std::vector<std::pair<std::string, std::string>>{
           {"a", "A"}, {"*", ""}, {"a*c", "abbc"}, {"*.log_?", "shop.log_1"}, {"**a*", "xxaxx"}}) {
    CHECK(MatchesPattern(pattern, text));
  }
  for (const auto& [pattern, text] :
       std::vector<std::pair<std::string, std::string>>{{"a", "ab"}, {"?", ""}, {"a*c", "abcd"}}) {
    CHECK_FALSE(MatchesPattern(pattern, text));
  }
}

TEST_CASE("MySQL statements: what is missing here is said at once, and can be left out") {
  DumpFilter::Options options = Named();
  options.missing.engines = {"INNODB"};
  options.missing.knows_libraries = true;
  options.missing.libraries = {"here.so"};
  const std::string dump =
      "INSTALL PLUGIN rocks SONAME 'ha_rocks.so';\nINSTALL PLUGIN h SONAME 'here';\nINSTALL COMPONENT "
      "'file://component_x';\nCREATE TABLE t (a int) ENGINE=TokuDB;\nCREATE AGGREGATE FUNCTION f RETURNS "
      "STRING SONAME "
      "'f.so';\nCREATE TABLE u (engine varchar(9)) ENGINE = InnoDB;\nCREATE FUNCTION g() RETURNS int RETURN "
      "1;\n";
  std::string text = Filtered(dump, options).text;
  for (const char* part :
       {"plugin rocks (ha_rocks.so) in line 1", "plugin component_x (component_x) in line 3",
        "storage engine TokuDB in line 4", "function f (f.so) in line 5", "skipExtensions: ["}) {
    CHECK(Has(text, part));
  }
  CHECK_FALSE(Has(text, "here"));
  options.missing.skipped = {"ROCKS", "component_x", "tokudb", "f"};
  const Outcome outcome = Filtered(dump, options);
  CHECK(outcome.text ==
        "\nINSTALL PLUGIN h SONAME 'here';\n\nCREATE TABLE t (a int) ENGINE=InnoDB;\n\nCREATE TABLE u "
        "(engine varchar(9)) "
        "ENGINE = InnoDB;\nCREATE FUNCTION g() RETURNS int RETURN 1;\n");
  CHECK(outcome.warnings.size() == 4);
}

TEST_CASE("MySQL statements: what is in the file before the dump") {
  const std::string dump = "-- MySQL dump\nSELECT 1;\n";
  for (const std::string head :
       {"mysqldump: [Warning] Using a password on the command line interface can be insecure.\n",
        "mariadb-dump: Deprecated program name. It will be removed\r\n",
        "\xef\xbb\xbfmysqldump: [Warning] x\n",
        "/usr/bin/mysqldump: Deprecated program name. Use mariadb-dump\n", "Enter password: \n"}) {
    INFO(head);
    const Outcome outcome = Filtered(head + dump);
    CHECK(outcome.text == "\n" + dump);
    CHECK(outcome.warnings.size() == 1);
  }
  CHECK(Filtered("\xef\xbb\xbf" + dump).text == dump);
  CHECK(Filtered("\xef\xbb\xbfSELECT 1").text == "SELECT 1");
  CHECK(Filtered("\r\n\n/*!40101 SET NAMES utf8 */;\r\n").text == "\r\n\n/*!40101 SET NAMES utf8 */;\r\n");
  // Not a line of its own, or too long for one: it is what it is.
  const std::string endless = "mysqldump: " + std::string(3000, 'x') + "\n";
  CHECK(Filtered(endless).text == endless);
  CHECK(Filtered("mysqldump: x").text.empty());
  const std::string one_line = "INSERT INTO t VALUES (" + std::string(5000, '1') + ");\nSELECT 2;";
  CHECK(Filtered(one_line).text == one_line);
}

TEST_CASE("MySQL statements: accounts of MySQL's way of logging in are locked, events are said") {
  DumpFilter::Options options = Named();
  options.lacks_sha2_accounts = true;
  const Outcome outcome = Filtered(
      "CREATE USER IF NOT EXISTS 'app'@'%' IDENTIFIED WITH 'caching_sha2_password' AS '$A$005$x' REQUIRE "
      "NONE;\n"
      "CREATE USER `b`@`h` IDENTIFIED WITH 'mysql_native_password' AS '*00';\nCREATE EVENT e ON SCHEDULE "
      "EVERY 1 DAY DO "
      "SELECT 1;\n",
      options);
  CHECK(
      outcome.text.substr(0, outcome.text.find("CREATE EVENT")) ==
      "CREATE USER IF NOT EXISTS 'app'@'%' ACCOUNT LOCK;\nCREATE USER IF NOT EXISTS `b`@`h` IDENTIFIED WITH "
      "'mysql_native_password' AS "
      "'*00';\n");
  CHECK(outcome.warnings.size() == 2);
}

TEST_CASE("MySQL statements: an account without IF NOT EXISTS, too") {
  DumpFilter::Options options = Named();
  options.lacks_sha2_accounts = true;
  options.closing_line_expected = true;
  CHECK(Filtered("-- MySQL dump 10.13\n-- Server version\t8.0.36\nCREATE USER 'app'@'%' IDENTIFIED WITH "
                 "'caching_sha2_password' AS '$A$005$x' REQUIRE NONE;\nGRANT SELECT ON `shop`.* TO "
                 "`app`@`%`;\n-- Dump "
                 "completed",
                 options)
            .text ==
        "-- MySQL dump 10.13\n-- Server version\t8.0.36\nCREATE USER IF NOT EXISTS 'app'@'%' ACCOUNT "
        "LOCK;\nGRANT SELECT ON `shop`.* TO `app`@`%`;\n-- Dump completed");
}

TEST_CASE("MySQL statements: the database that is there already may be made again") {
  DumpFilter::Options options = Named();
  options.database = "shop";
  const auto becomes = [&options](const std::string& text) { return Filtered(text, options).text; };
  CHECK(becomes("CREATE DATABASE shop;") == "CREATE DATABASE IF NOT EXISTS shop;");
  CHECK(becomes("\n/* shop */ create schema `shop`;\nSELECT 1;") ==
        "\nCREATE DATABASE IF NOT EXISTS `shop`;\nSELECT 1;");
  CHECK(
      becomes("CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET latin1 */;") ==
      "ALTER DATABASE `shop` /*!40100 DEFAULT CHARACTER SET latin1 */;");
  CHECK(becomes("CREATE DATABASE shop CHARSET latin1;") == "ALTER DATABASE shop CHARSET latin1;");
  for (const std::string as_it_is :
       {"CREATE DATABASE other;",
        "/*!40000 DROP DATABASE IF EXISTS `shop`*/;\nCREATE DATABASE shop CHARSET latin1;"}) {
    CHECK(becomes(as_it_is) == as_it_is);
  }
}

TEST_CASE("MySQL statements: words of sql_mode that the server refuses are left out") {
  DumpFilter::Options options = Named();
  options.lacking_modes = {"NO_AUTO_CREATE_USER", "DB2"};
  const Outcome outcome = Filtered(
      "/*!50003 SET sql_mode              = 'ONLY_FULL_GROUP_BY,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION' "
      "*/ ;\n"
      "SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='no_auto_create_user';\nSET SESSION sql_mode = 'ANSI,DB2';\n"
      "SET a = 'NO_AUTO_CREATE_USER';\nINSERT INTO t VALUES ('SET sql_mode = DB2');\n",
      options);
  CHECK(outcome.text ==
        "/*!50003 SET sql_mode              = 'ONLY_FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION' */ ;\nSET "
        "@OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='';\nSET SESSION sql_mode = 'ANSI';\nSET a = "
        "'NO_AUTO_CREATE_USER';\nINSERT INTO t VALUES ('SET sql_mode = DB2');\n");
  CHECK(outcome.warnings.size() == 2);
}

TEST_CASE("MySQL dump folders: mydumper's files in order") {
  const auto files =
      FilesOfMydumper({"a.t-schema-triggers.sql", "a.t-schema.sql.gz", "a.t.00000.sql.zst", "a.t.sql",
                       "a.v-schema-view.sql", "a-schema-create.sql", "a-schema-post.sql", "metadata"});
  std::vector<std::string> names;
  for (const DumpFile& file : files) {
    names.push_back(file.name);
    CHECK(file.database == (file.phase == 0 ? "" : "a"));
  }
  CHECK(names == std::vector<std::string>{"a-schema-create.sql", "a.t-schema.sql.gz", "a.t.00000.sql.zst",
                                          "a.t.sql", "a-schema-post.sql", "a.v-schema-view.sql",
                                          "a.t-schema-triggers.sql"});
}

TEST_CASE("MySQL collations: every one of the other product's has the nearest") {
  CHECK(CollationForMariadb("utf8mb4_ja_0900_as_cs_ks", "10.11.2") == "utf8mb4_uca1400_nopad_as_cs");
  CHECK(CollationForMariadb("utf8mb4_de_pb_0900_ai_ci", "10.11.2") == "utf8mb4_uca1400_german2_nopad_ai_ci");
  CHECK(CollationForMariadb("utf8mb4_0900_bin", "10.11.2") == "utf8mb4_nopad_bin");
  CHECK(CollationForMariadb("utf8mb4_0900_ai_ci", "10.6.16") == "utf8mb4_unicode_520_nopad_ci");
  CHECK(CollationForMariadb("utf8mb4_uca1400_ai_ci", "10.6.16") == "utf8mb4_unicode_520_ci");
  CHECK(CollationForMariadb("utf8mb4_uca1400_ai_ci", "11.4.1").empty());
  CHECK(CollationForMariadb("utf8mb4_general_ci", "10.11.2").empty());
  CHECK(CollationForMysql("utf8mb4_uca1400_german2_nopad_as_cs", "9.7.4") == "utf8mb4_de_pb_0900_as_cs");
  CHECK(CollationForMysql("utf8mb4_uca1400_ai_ci", "9.7.4") == "utf8mb4_0900_ai_ci");
  CHECK(CollationForMysql("utf8mb4_uca1400_ai_ci", "5.7.4") == "utf8mb4_unicode_520_ci");
  CHECK(CollationForMysql("utf8mb4_0900_ai_ci", "9.7.4").empty());
  CHECK(CollationForMysql("utf8mb4_general_nopad_ci", "9.7.4") == "utf8mb4_general_ci");
  CHECK(CollationForMysql("utf8mb4_nopad_bin", "9.7.4") == "utf8mb4_0900_bin");
}

ErrorPolicy PolicyOf(bool continue_on_error, std::vector<std::string> ignored) {
  RestoreOptions options;
  options.continue_on_error = continue_on_error;
  options.ignored_errors = std::move(ignored);
  return ErrorPolicy(options);
}

TEST_CASE("MySQL errors: which are passed over") {
  const ClientError error = ParseClientError("ERROR 1146 (42S02) at line 12: Table 'a: b' doesn't exist");
  CHECK(error.number == 1146);
  CHECK(error.state == "42S02");
  CHECK(error.line == 12);
  CHECK(error.text == "Table 'a: b' doesn't exist");
  const ClientError gone = ParseClientError("ERROR 2013 (HY000) at line 12: Lost connection");
  const ClientError full = ParseClientError("ERROR 1114 (HY000) at line 12: The table is full");
  CHECK(PolicyOf(true, {}).PassesOver(error));
  CHECK_FALSE(PolicyOf(true, {}).PassesOver(gone));
  CHECK_FALSE(PolicyOf(true, {"2013"}).PassesOver(full));
  CHECK_FALSE(PolicyOf(false, {}).PassesOver(error));
  CHECK(PolicyOf(false, {"1146"}).PassesOver(error));
  CHECK(PolicyOf(false, {"42S02"}).PassesOver(error));
  CHECK_FALSE(PolicyOf(false, {"1062", "CREATE VIEW"}).PassesOver(error));
  ErrorPolicy by_words = PolicyOf(false, {"create `view` v"});
  by_words.Passed({{"CREATE", "TABLE", "`v"}, 12});
  CHECK_FALSE(by_words.PassesOver(error));
  by_words.Passed({{"CREATE", "VIEW", "`v", "AS"}, 12});
  CHECK(by_words.PassesOver(error));
}

TEST_CASE("MySQL errors: a beginning is of what the statement makes, however that is written") {
  RestoreOptions options;
  const auto passed_over = [&options](const std::string& sql, const std::string& entry) {
    options.ignored_errors = {entry};
    ErrorPolicy policy(options);
    DumpFilter::Options filter = Named();
    filter.passed = [&policy](const Statement& statement) { policy.Passed(statement); };
    Filtered(sql, filter);
    return policy.PassesOver(ParseClientError("ERROR 1146 (42S02) at line 1: no"));
  };
  const std::string dumped =
      "/*!50001 CREATE ALGORITHM=UNDEFINED */\n/*!50013 DEFINER=`a`@`b` SQL SECURITY DEFINER */\n/*!50001 "
      "VIEW "
      "`v` AS select 1 */;\n";
  for (const std::string entry :
       {"CREATE VIEW", "create or replace view v", "/*!50001 CREATE", "CREATE ALGORITHM=UNDEFINED",
        "CREATE DEFINER=`x`@`y` VIEW", "CREATE DEFINER=x@y SQL SECURITY INVOKER VIEW"}) {
    INFO(entry);
    CHECK(passed_over(dumped, entry));
  }
  for (const std::string entry : {"CREATE TABLE", "CREATE VIEW w", "CREATE DEFINER", "CREATE OR REPLACE"}) {
    INFO(entry);
    CHECK_FALSE(passed_over(dumped, entry));
  }
  CHECK(passed_over("CREATE DEFINER=CURRENT_USER VIEW v AS SELECT 1;", "CREATE VIEW v"));
  CHECK(
      passed_over("/*!50003 CREATE*/ /*!50020 DEFINER=a@b*/ /*!50003 FUNCTION `f`() RETURNS int RETURN 1 */;",
                  "CREATE FUNCTION f"));
  CHECK_FALSE(passed_over("INSERT INTO t VALUES (1);", "CREATE"));
}

TEST_CASE("MySQL errors: a USE that fails is never passed over") {
  ErrorPolicy policy = PolicyOf(true, {});
  policy.Passed({{"USE", "`shop"}, 7});
  CHECK_FALSE(policy.PassesOver(ParseClientError("ERROR 1049 (42000) at line 7: Unknown database 'shop'")));
  CHECK_FALSE(policy.PassesOver(ParseClientError("ERROR 1044 (42000) at line 7: Access denied")));
  CHECK(policy.PassesOver(ParseClientError("ERROR 1049 (42000) at line 8: Unknown database 'shop'")));
  CHECK(policy.PassesOver(ParseClientError("ERROR 1007 (HY000) at line 7: database exists")));
}

TEST_CASE("MySQL dumps: accounts that are there already, and those that every server has") {
  const Outcome outcome = Filtered(
      "CREATE USER `mariadb.sys`@`localhost` ACCOUNT LOCK;\nCREATE USER root@'%' IDENTIFIED BY 'x';\n"
      "/* CREATE USER */ CREATE USER app;\nCREATE USER IF NOT EXISTS b;\nDROP USER 'root'@localhost;\n"
      "DROP USER app;\nDROP USER root@'%', app;\nCREATE /*M!100103 OR REPLACE */ USER `root`@`%`;\n"
      "/*M!100005 CREATE ROLE 'r' WITH ADMIN a */;\nGRANT PROXY ON ``@`%` TO `root`@`localhost` WITH GRANT "
      "OPTION;\nGRANT ALL ON *.* TO root@localhost;\nDROP ROLE IF EXISTS r;\n");
  CHECK(
      outcome.text ==
      "CREATE USER IF NOT EXISTS `mariadb.sys`@`localhost` ACCOUNT LOCK;\nCREATE USER IF NOT EXISTS root@'%' "
      "IDENTIFIED BY 'x';\n/* CREATE USER */ CREATE USER IF NOT EXISTS app;\nCREATE USER IF NOT EXISTS "
      "b;\n\nDROP USER IF EXISTS app;\nDROP USER IF EXISTS root@'%', app;\n\n/*M!100005 CREATE ROLE IF NOT "
      "EXISTS 'r' WITH ADMIN a */;\n\nGRANT ALL ON *.* TO root@localhost;\nDROP ROLE IF EXISTS r;\n");
  CHECK(outcome.warnings.size() == 4);
  DumpFilter::Options script = Named();
  script.is_script = true;
  CHECK(Filtered("CREATE USER app;\nDROP USER root@localhost;\n", script).text ==
        "CREATE USER app;\nDROP USER root@localhost;\n");
}

TEST_CASE("MySQL dumps: a doubled quote is one in the name or the text") {
  DumpFilter::Options options = Named();
  options.parts.tables = {"a`b", "c`"};
  CHECK(Filtered(
            "CREATE TABLE `a``b` (x int);\nCREATE TABLE `a` (x int);\nINSERT INTO `c``` VALUES ('it''s');\n"
            "CREATE TABLE ```d` (x int);\n",
            options)
            .text == "CREATE TABLE `a``b` (x int);\n\nINSERT INTO `c``` VALUES ('it''s');\n\n");
  DumpFilter::Options definers = Named();
  CHECK(Filtered("CREATE DEFINER=`a``b`@`%` VIEW v AS SELECT 1;", definers).text ==
        "CREATE DEFINER=CURRENT_USER VIEW v AS SELECT 1;");
  DumpFilter::Options named = Named();
  named.database = "d`e";
  CHECK(Filtered("CREATE DATABASE `d``e`;\nUSE `d``e`;\n", named).text ==
        "CREATE DATABASE IF NOT EXISTS `d``e`;\nUSE `d``e`;\n");
  DumpFilter::Options accounts = Named();
  accounts.lacks_sha2_accounts = true;
  CHECK(
      Filtered("CREATE USER 'o''b'@'h\\'' IDENTIFIED WITH 'caching_sha2_password' AS 'x';", accounts).text ==
      "CREATE USER IF NOT EXISTS 'o''b'@'h\\'' ACCOUNT LOCK;");
}

TEST_CASE("MySQL dumps: where a sequence stands is its row") {
  DumpFilter::Options options = Named();
  options.parts.tables = {"t"};
  CHECK(Filtered("CREATE SEQUENCE `s`;\nDO SETVAL(`s`, 7, 0);\nSELECT SETVAL(`d`.`s`, 7, 0);\n"
                 "SELECT 1;\nDO SLEEP(0);\nCREATE TABLE t (a int);",
                 options)
            .text == "\n\n\nSELECT 1;\nDO SLEEP(0);\nCREATE TABLE t (a int);");
  options.parts.tables = {"s"};
  const std::string whole = "CREATE SEQUENCE `s`;\nDO SETVAL(`s`, 7, 0);\nSELECT SETVAL(s, 7, 0);\n";
  CHECK(Filtered(whole, options).text == whole);
  options.parts.exclude_data = {"s"};
  CHECK(Filtered(whole, options).text == "CREATE SEQUENCE `s`;\n\n\n");
}

TEST_CASE("MySQL dumps: what ends the server is seen in texts that are prepared") {
  for (const char* sql :
       {"EXECUTE IMMEDIATE 'SHUTDOWN';", "PREPARE s FROM ' shutdown ';", "PREPARE s FROM \"RESTART\";"}) {
    INFO(sql);
    CHECK(Has(Filtered(sql).text, "ends the server"));
  }
  for (const char* sql :
       {"EXECUTE IMMEDIATE 'SELECT 1';", "PREPARE s FROM @a;", "EXECUTE s;", "PREPARE s FROM '';"}) {
    INFO(sql);
    CHECK(Filtered(sql).text == sql);
  }
}

}  // namespace
}  // namespace spawnd::engines::mysql_family
