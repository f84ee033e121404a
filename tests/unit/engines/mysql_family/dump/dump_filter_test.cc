#include "engines/mysql_family/dump/dump_filter.h"

#include <algorithm>

#include "engines/mariadb/mariadb_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::mysql_family {
namespace {

DumpFilter::Options MariadbOptions() {
  DumpFilter::Options options;
  options.name = "shop.sql";
  options.replace_collation = [](std::string_view name) {
    return mariadb::MariadbProduct().replace_collation(name, "10.11.4");
  };
  return options;
}

/// In pieces of every size, which must not matter; the filter of the last is left for questions.
std::string Filtered(const std::string& text, DumpFilter::Options options = MariadbOptions(),
                     std::vector<std::string>* warnings = nullptr) {
  std::string first;
  for (size_t piece : {size_t{1}, size_t{2}, size_t{7}, text.size()}) {
    RestoreWarnings said(options.name);
    DumpFilter filter(options, said);
    std::string out;
    for (size_t at = 0; at < text.size(); at += piece) {
      const auto part = filter.Filter(std::string_view(text).substr(at, piece), at + piece >= text.size());
      if (!part) return "error: " + part.error().message;
      out += *part;
    }
    if (first.empty()) first = out;
    CHECK(out == first);
    CHECK(std::count(out.begin(), out.end(), '\n') == std::count(text.begin(), text.end(), '\n'));
    if (warnings != nullptr) *warnings = said.InOrder();
  }
  return first;
}

TEST_CASE("MySQL filter: what is no concern of it passes byte for byte") {
  for (const std::string text :
       {"SELECT 1;\n", "INSERT INTO t VALUES ('it\\'s', \"x\\\\\", 'a''b'), (0x00, `c`);\n",
        "-- DEFINER=`a`@`b`\n/* DEFINER=`a`@`b` */ SELECT 'DEFINER=`a`@`b`';\n",
        "SELECT 5--2, '--', a/b, a*b, 'x' # it's\n;", "CREATE DEFINER=CURRENT_USER VIEW v AS SELECT 1;\n",
        "SELECT definer FROM t WHERE definer = 'x' ; USE shop;\nUSE `sh op`;\n", "DELIMITER ;;\nSELECT 1;;\n",
        "/*/ one */ SELECT 'x';", "SELECT \xC3\xA4 FROM `\xC3\xA4`;"}) {
    INFO(text);
    CHECK(Filtered(text) == text);
  }
  const std::string endless(300, 'x');  // nobody's name
  for (const std::string before : {"DEFINER=", "DEFINER=`a`@", "DEFINER", "USE "}) {
    for (const std::string after : {"`b`", "@`b`", " ;", ""}) {
      INFO(before << "..." << after);
      CHECK(Filtered(before + endless + after) == before + endless + after);
    }
  }
}

TEST_CASE("MySQL filter: definers become the user who restores, in every place where dumps have them") {
  std::vector<std::string> warnings;
  CHECK(Filtered("CREATE DEFINER=`app`@`%` PROCEDURE p() SELECT 1;", MariadbOptions(), &warnings) ==
        "CREATE DEFINER=CURRENT_USER PROCEDURE p() SELECT 1;");
  CHECK(warnings ==
        std::vector<std::string>{
            "line 1 of 'shop.sql': what 'app'@'%' is the definer of belongs to the user of the container"});
  CHECK(Filtered("/*!50013 DEFINER=`a`@`b c` SQL SECURITY DEFINER */\n/*!50001 VIEW v AS select 1 */;") ==
        "/*!50013 DEFINER=CURRENT_USER SQL SECURITY DEFINER */\n/*!50001 VIEW v AS select 1 */;");
  CHECK(Filtered("/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t */;;") ==
        "/*!50003 CREATE*/ /*!50017 DEFINER=CURRENT_USER*/ /*!50003 TRIGGER t */;;");
  for (const char* spelling :
       {"DEFINER = 'a' @ 'b'", "definer=a@b", "DEFINER=a@`b`", "DEFINER=`a`@b", "DEFINER=\"a\"@\"b\""}) {
    INFO(spelling);
    CHECK(Filtered(std::string("CREATE ") + spelling + " VIEW v AS SELECT 1;") ==
          "CREATE DEFINER=CURRENT_USER VIEW v AS SELECT 1;");
  }
  DumpFilter::Options script = MariadbOptions();
  script.is_script = true;
  CHECK(Filtered("CREATE DEFINER=a@b VIEW v AS SELECT 1;", script) ==
        "CREATE DEFINER=a@b VIEW v AS SELECT 1;");
  CHECK(Filtered("CREATE DEFINER=`x\ny`@`b` VIEW v AS SELECT 1;") ==
        "CREATE DEFINER=CURRENT_USER\n VIEW v AS SELECT 1;");
  CHECK(Filtered("CREATE DEFINER=`mariadb.sys`@`localhost` VIEW v AS SELECT 1;") ==
        "CREATE DEFINER=`mariadb.sys`@`localhost` VIEW v AS SELECT 1;");
}

TEST_CASE("MySQL filter: the system tables of another server are left out, line for line") {
  DumpFilter::Options options = MariadbOptions();
  options.drop_system_tables = true;
  std::vector<std::string> warnings;
  CHECK(
      Filtered("USE `a`;\nSELECT 1;\nUSE `mysql`;\nDROP TABLE user;\nINSERT INTO user VALUES ('USE `b`;');\n"
               "USE `b`;\nSELECT 2;\n",
               options, &warnings) == "USE `a`;\nSELECT 1;\n\n\n\nUSE `b`;\nSELECT 2;\n");
  CHECK(warnings.size() == 1);
  for (const std::string next :
       {"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET latin1 */;\nUSE "
        "`shop`;\nSELECT 1;\n",
        "/*!40000 DROP DATABASE IF EXISTS `shop`*/;\nCREATE DATABASE shop;\nuse shop;\n",
        "/* a */ create\nschema if not exists shop;\nCREATE TABLE shop.t (a int);\n"}) {
    INFO(next);
    CHECK(Filtered(
              "DROP DATABASE mysql;\nCREATE DATABASE mysql;\nUSE mysql;\nCREATE TABLE user (a int);\n" + next,
              options) == "\n\n\n\n" + next);
  }
  CHECK(Filtered("USE mysql;\nDROP TABLE a;\nALTER DATABASE mysql CHARSET latin1;\nCREATE TABLE b (c int);\n",
                 options) == "\n\n\n\n");
  DumpFilter::Options kept = MariadbOptions();
  kept.keeps_system_database = true;
  CHECK(Filtered("/*!40000 DROP DATABASE IF EXISTS `mysql`*/;\nDROP DATABASE a;\nUSE mysql;\nSELECT 1;\n",
                 kept, &warnings) == "\nDROP DATABASE a;\nUSE mysql;\nSELECT 1;\n");
  CHECK(warnings.size() == 1);
  RestoreWarnings said("shop.sql");
  DumpFilter touched(MariadbOptions(), said);
  REQUIRE(touched.Filter("USE `mysql`;", true).has_value());
  CHECK(touched.TouchesSystemTables());
}

TEST_CASE("MySQL filter: what only MySQL knows") {
  std::vector<std::string> warnings;
  CHECK(Filtered("SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ 'a:1-5,\nb:1';\nSELECT 1;", MariadbOptions(),
                 &warnings) == "\n\nSELECT 1;");
  CHECK(warnings.size() == 1);
  CHECK(Filtered("CREATE TABLE t (a int) COLLATE=utf8mb4_0900_ai_ci COMMENT='utf8mb4_0900_ai_ci';") ==
        "CREATE TABLE t (a int) COLLATE=utf8mb4_uca1400_nopad_ai_ci COMMENT='utf8mb4_0900_ai_ci';");
}

TEST_CASE("MySQL filter: warnings have the backup's line, in order, each once with its count") {
  const std::string text =
      "CREATE TABLE t (a int) COLLATE=utf8mb4_0900_bin\n;\n/* '\n\n*/ CREATE DEFINER=`a`@`b` VIEW v AS "
      "SELECT '\n';\nCREATE TABLE u (a int) COLLATE utf8mb4_0900_bin;\nCREATE DEFINER=a@b VIEW w AS SELECT "
      "1;\nCREATE DEFINER=`x\ny`@`b` VIEW x AS SELECT 1;\n";
  std::vector<std::string> warnings;
  Filtered(text, MariadbOptions(), &warnings);
  CHECK(warnings ==
        std::vector<std::string>{
            "line 1 of 'shop.sql': collation replaced: utf8mb4_0900_bin by utf8mb4_nopad_bin (2 times, this "
            "is the first)",
            "line 5 of 'shop.sql': what 'a'@'b' is the definer of belongs to the user of the container (2 "
            "times, this is the first)",
            "line 10 of 'shop.sql': what 'x?y'@'b' is the definer of belongs to the user of the container"});
}

TEST_CASE("MySQL filter: a backup that was cut off is noticed") {
  DumpFilter::Options options = MariadbOptions();
  CHECK(Filtered("INSERT INTO t VALUES ('abc", options).find("cut off") != std::string::npos);
  CHECK(Filtered("/* abc", options).find("cut off") != std::string::npos);
  options.closing_line_expected = true;
  CHECK(Filtered("SELECT 1;\n", options).find("'-- Dump completed'") != std::string::npos);
  for (const std::string end : {"-- Dump completed on 2026-11-25\n", "-- Dump completed"}) {
    CHECK(Filtered("SELECT 1;\n" + end, options) == "SELECT 1;\n" + end);
  }
}

}  // namespace
}  // namespace spawnd::engines::mysql_family
