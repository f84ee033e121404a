#include "engines/postgresql/restore/dump_filter.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/unit/engines/postgresql/sample_dumps.h"

namespace spawnd::engines::postgresql {
namespace {

bool OnlyC(const std::string& name) {
  return name == "C" || name == "C.UTF-8";
}

StatementRules Rules() {
  StatementRules rules;
  rules.own_roles = {"postgres", "spawn_admin_abcd"};
  rules.locale_exists = OnlyC;
  return rules;
}

/// Through a filter in pieces of this size; 0: all at once.
Result<std::string> InPieces(DumpFilter& filter, std::string_view text, size_t size) {
  std::string out;
  size_t at = 0;
  do {
    const std::string_view piece = text.substr(at, size == 0 ? std::string_view::npos : size);
    at += piece.size();
    TRY_ASSIGN(const std::string part, filter.Filter(piece, at == text.size()));
    out += part;
  } while (at < text.size());
  return out;
}

/// The same answer whatever the pieces; empty when the text passes as it is.
std::string Complaint(std::string_view text) {
  std::string first;
  for (const size_t size : {0, 1, 2, 3, 7}) {
    RestoreWarnings warnings("x.sql");
    DumpFilter filter("x.sql", warnings, "", Rules());
    const auto out = InPieces(filter, text, size);
    if (out) CHECK(*out == text.substr(text.starts_with("\xef\xbb\xbf") ? 3 : 0));
    const std::string complaint = out ? "" : out.error().message;
    if (size == 0) first = complaint;
    CHECK(complaint == first);
  }
  return first;
}

TEST_CASE("Real dumps pass as they are, in pieces of any size") {
  for (const auto& [kind, dump] : testing::SampleDumps()) {
    if (kind == "custom" || kind == "tar") continue;
    for (const size_t size : {0, 1, 5, 4096}) {
      INFO(kind << " in pieces of " << size);
      RestoreWarnings warnings("x.sql");
      DumpFilter filter("x.sql", warnings, "");
      const auto out = InPieces(filter, dump, size);
      REQUIRE(out.has_value());
      CHECK(*out == dump);
      CHECK(warnings.InOrder().empty());
    }
  }
}

TEST_CASE("A real dump cut at any byte is truncated, until its closing line is there") {
  const std::string& dump = testing::SampleDumps().at("plain");
  const size_t closing = dump.find("-- PostgreSQL database dump complete") + 36;
  const size_t opening = dump.find("-- PostgreSQL database dump\n") + 27;
  // What follows the closing line is \unrestrict, which is no command either while it is cut.
  for (size_t cut = opening; cut <= closing + 5; cut += cut > closing - 200 || cut < opening + 200 ? 1 : 97) {
    RestoreWarnings warnings("x.sql");
    DumpFilter filter("x.sql", warnings, "");
    const auto out = filter.Filter(std::string_view(dump).substr(0, cut), true);
    INFO("cut at " << cut);
    CHECK(out.has_value() == (cut >= closing));
    if (!out) CHECK(out.error().message.find("'x.sql' is truncated") == 0);
  }
}

TEST_CASE("Text that only looks like something passes") {
  for (const char* text :
       {"select 'it''s \\ no command', \"a\\b\", $$\\! id$$, $x$ $$ \\i $ $x$;",
        "-- \\! id\n/* \\! id /* nested \\ */ \\ */ select 1", "select E'\\'\\\\! ', e'a''b\\'c' ;",
        "select E'a'\n  'b\\'c';", "select a$x$b, 1 $1 from t$y$", "select $1;\\;select 2\n",
        "copy t from stdin;\n\\! data\n\\N\t\\\\.\n \\.\n\\.x\n\\.\nselect 1;",
        "copy t (a, \"b;\") from stdin with (format csv); -- c\n'\n\\.\r\nselect 1",
        "set standard_conforming_strings = off; select 'a\\'\\! b';",
        "select 1 \\gset\n\\echo hi\n\\connect other\nselect 2", "\xef\xbb\xbfselect 1;",
        "select '\xef\xbb\xbf", "", "\\restrict abc\n\\unrestrict abc", "select 1 -", "select $",
        "select 1 /"}) {
    INFO(text);
    if (std::string_view(text) == "select '\xef\xbb\xbf") {
      CHECK(Complaint(text) ==
            "'x.sql' is truncated: it ends on line 1 within a quoted text that begins on line 1");
    } else {
      CHECK(Complaint(text).empty());
    }
  }
}

TEST_CASE("Commands that would reach the host are refused where psql would run them") {
  for (const char* text :
       {"select 1;\n\\! id", "select 'a'\n\\! id\n;", "copy t from stdin;\n1\n\\.\n\\! id\n",
        "select E'a\\\\'\n\\! id\n'", "select $a$ $b$ $a$\n\\! id",
        "set standard_conforming_strings = off;\nset standard_conforming_strings = on;\nselect '\\'\\! id\n'",
        "select 1 /* x */\n\\i x", "\\echo 'it\\'s' \\! id", "\xef\xbb\xbf\\! id\n"}) {
    INFO(text);
    CHECK(Complaint(text).find("is not allowed in a script") != std::string::npos);
  }
  CHECK(Complaint("select 1;\n\n\\! id\n").find("line 3 of 'x.sql'") == 0);
}

TEST_CASE("Ends in the middle are told apart") {
  CHECK(Complaint("select 1;\nselect 'a\nb").find("within a quoted text that begins on line 2") !=
        std::string::npos);
  CHECK(Complaint("select $f$ 'a").find("within a quoted text") != std::string::npos);
  CHECK(Complaint("select \"a").find("within a quoted text") != std::string::npos);
  CHECK(Complaint("/* a /* b */").find("within a comment") != std::string::npos);
  CHECK(Complaint("copy t from stdin;\n1\n2\n").find("within data that begins on line 2") !=
        std::string::npos);
  CHECK(Complaint("copy t from stdin;").find("where data should follow") != std::string::npos);
  CHECK(
      Complaint("--\n-- PostgreSQL database dump\n--\nselect 1;\n").find("without pg_dump's closing line") !=
      std::string::npos);
  CHECK(Complaint("--\n-- PostgreSQL database dump\n--\nselect 1;\n-- PostgreSQL database dump complete")
            .empty());
  CHECK(Complaint("select 1; -- PostgreSQL database dump\n").empty());
  CHECK(Complaint("copy t from stdin;\n1\n\\.").empty());
}

/// A backup through a filter with the key K; what psql gets.
std::string Restricted(std::string_view text) {
  std::string first;
  for (const size_t size : {0, 1, 2, 3, 7}) {
    RestoreWarnings warnings("x.sql");
    DumpFilter filter("x.sql", warnings, "K", Rules());
    const auto out = InPieces(filter, text, size);
    const std::string made = out ? *out : out.error().message;
    if (size == 0) first = made;
    CHECK(made == first);
  }
  return first;
}

TEST_CASE("A backup is restricted from its first line on, with no key but ours") {
  CHECK(Restricted("\\restrict abc\n\nselect 1;\n\\unrestrict abc\n") == "\\restrict K\n\n\nselect 1;\n\n");
  CHECK(Restricted("\xef\xbb\xbfselect 1;") == "\\restrict K\nselect 1;");
  CHECK(Restricted("\xef\xbb;") == "\\restrict K\n\xef\xbb;");
  CHECK(Restricted("") == "\\restrict K\n");
  CHECK(Restricted("copy t from stdin;\n\\restrict x\n\\.\n") ==
        "\\restrict K\ncopy t from stdin;\n\\restrict x\n\\.\n");
  // Real dumps, their own two lines aside.
  for (const auto& [kind, dump] : testing::SampleDumps()) {
    if (kind == "custom" || kind == "tar" || dump.find("\n\\connect ") != std::string::npos) continue;
    INFO(kind);
    std::string expected = "\\restrict K\n";
    size_t at = 0;
    for (size_t end = 0; at < dump.size(); at = end + 1) {
      end = std::min(dump.find('\n', at), dump.size() - 1);
      const std::string line = dump.substr(at, end + 1 - at);
      const bool ours = line.starts_with("\\restrict ") || line.starts_with("\\unrestrict ");
      expected += ours ? "\n" : line;
    }
    CHECK(Restricted(dump) == expected);
  }
}

TEST_CASE("A backup goes on to another database, and psql's lines remain its own") {
  const std::string text = "select 1;\n\\connect other\nselect 2;\n\\c \"a b\"\nselect 3;\n";
  CHECK(Restricted(text) ==
        "\\restrict K\nselect 1;\n"
        "\\unrestrict K\n\\connect -reuse-previous=on \"dbname='other'\"\n\\restrict K\nselect 2;\n"
        "\\unrestrict K\n\\connect -reuse-previous=on \"dbname='a b'\"\n\\restrict K\nselect 3;\n");
  RestoreWarnings warnings("x.sql");
  DumpFilter filter("x.sql", warnings, "K", Rules());
  REQUIRE(filter.Filter(text, true).has_value());
  std::vector<uint64_t> lines;
  for (uint64_t line = 1; line <= 11; ++line) lines.push_back(filter.LineOf(line));
  CHECK(lines == std::vector<uint64_t>{1, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6});
}

TEST_CASE("A locale that the host lacks is replaced, with its line in the warning") {
  const std::string sql =
      "select 1;\n-- c\ncreate /* x */ database\n pagila lc_collate 'en_US.UTF-8';\ncreate table c (a "
      "text);\n";
  for (const size_t size : {0, 1, 3}) {
    RestoreWarnings warnings("x.sql");
    DumpFilter filter("x.sql", warnings, "", Rules());
    const auto out = InPieces(filter, sql, size);
    REQUIRE(out.has_value());
    CHECK(*out ==
          "select 1;\n-- c\ncreate /* x */ database\n pagila lc_collate 'C.UTF-8' TEMPLATE = "
          "template0;\ncreate table c (a text);\n");
    CHECK(warnings.InOrder() ==
          std::vector<std::string>{"line 4 of 'x.sql': this host has no locale 'en_US.UTF-8'; database "
                                   "'pagila' gets C.UTF-8 instead"});
  }
}

TEST_CASE("Data and quotes that speak of CREATE DATABASE are not touched") {
  CHECK(Complaint("insert into t values ('create database x lc_collate ''xx''');").empty());
  CHECK(Complaint("copy c from stdin;\ncreate database x lc_collate 'xx';\n\\.\n").empty());
  CHECK(Complaint("do $$ begin create database x lc_collate 'xx'; end $$;").empty());
}

TEST_CASE("What a --clean dump drops first is known by its lines, and only that") {
  const std::string text =
      "-- PostgreSQL database dump\nDROP TABLE a;\nALTER TABLE b\n DROP CONSTRAINT c;\nALTER TABLE b OWNER "
      "TO d;\nCREATE TABLE a ();\nDROP TABLE e;\n"
      "-- PostgreSQL database dump complete\n";
  RestoreWarnings warnings("x.sql");
  DumpFilter filter("x.sql", warnings, "");
  REQUIRE(filter.Filter(text, true).has_value());
  std::vector<uint64_t> lines;
  for (uint64_t line = 0; line < 12; ++line) {
    if (filter.IsCleaning(line)) lines.push_back(line);
  }
  CHECK(lines == std::vector<uint64_t>{2, 4});
  DumpFilter script("y.sql", warnings, "");
  REQUIRE(script.Filter("DROP TABLE a;\n", true).has_value());
  CHECK_FALSE(script.IsCleaning(1));
}

TEST_CASE("Memory stays bounded: long rows, quotes and statements go out as they come") {
  RestoreWarnings warnings("x.sql");
  DumpFilter filter("x.sql", warnings, "");
  const std::string piece(1 << 20, 'x');
  size_t out = 0;
  const auto feed = [&](std::string_view text) {
    const auto part = filter.Filter(text, false);
    REQUIRE(part.has_value());
    out += part->size();
  };
  feed("create\n");
  feed(std::string(1 << 20, ' '));
  CHECK(out > (1 << 19));  // too long for a CREATE DATABASE: not held back
  feed("table t (a text); insert into t values ('");
  const size_t before = out;
  for (int i = 0; i < 8; ++i) feed(piece);
  CHECK(out >= before + 8 * piece.size());
  feed("'); copy t from stdin;\n");
  for (int i = 0; i < 8; ++i) feed(piece);
  CHECK(filter.Filter("\n\\.\n", true).has_value());
}

}  // namespace
}  // namespace spawnd::engines::postgresql
