#include "engines/mssql/batches.h"

#include <random>
#include <sstream>

#include "tests/support/catch.h"

namespace spawnd::engines::mssql {
namespace {

TEST_CASE("Batches end at GO, wherever that is one") {
  const auto batches = SplitBatches(
      "select 1\nGO\n\nselect 2\n  go 3 -- thrice\nselect 'a\nGO\nb'\ngo;\n"
      "/* x /* y */\nGO\n*/ select [q\nGO\n]\ngo\t\nGOTO_x: select 4");
  REQUIRE(batches.has_value());
  REQUIRE(batches->size() == 5);
  CHECK((*batches)[0].sql == "select 1\n");
  CHECK((*batches)[1].sql == "\nselect 2\n");
  CHECK((*batches)[1].first_line == 3);
  CHECK((*batches)[1].times == 3);
  CHECK((*batches)[2].sql == "select 'a\nGO\nb'\n");
  CHECK((*batches)[2].first_line == 6);
  CHECK((*batches)[3].sql == "/* x /* y */\nGO\n*/ select [q\nGO\n]\n");
  CHECK((*batches)[4].sql == "GOTO_x: select 4\n");
  CHECK(SplitBatches("-- it's a comment\ngo\nselect 'it''s'\ngo\n")->size() == 2);
  CHECK(SplitBatches("\xEF\xBB\xBFselect 1")->front().sql == "select 1\n");
  CHECK(SplitBatches("")->empty());
  CHECK(SplitBatches("go\n\ngo\n")->empty());
  for (const char* bad : {"select 1\ngo x", "select 1\ngo 0", "select 1\ngo 10001", "select 1\ngo -1",
                          "x\n:r /etc/passwd", "x\n!!rm y"}) {
    INFO(bad);
    const auto refused = SplitBatches(bad);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.substr(0, 7) == "line 2:");
  }
}

TEST_CASE("No script loses a line, whatever it holds") {
  const std::vector<std::string> pieces{"GO", "go 2", "\n", "\n", "\n", "'", "\"", "[",
                                        "]",  "--",   "/*", "*/", " ",  "x", "\t"};
  std::mt19937 random(20261125);
  for (int round = 0; round < 3000; ++round) {
    std::string script;
    for (auto left = random() % 40; left > 0; --left) script += pieces[random() % pieces.size()];
    INFO(script);
    std::vector<std::string> lines;
    std::istringstream text(script);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    const auto batches = SplitBatches(script);
    if (!batches) continue;  // a GO with something behind it
    size_t next = 1;
    for (const Batch& batch : *batches) {
      std::istringstream sql(batch.sql);
      size_t number = batch.first_line;
      REQUIRE(number >= next);
      // Between batches there is nothing but GO and blanks, and comments behind a GO.
      for (; next < number; ++next) {
        const std::string before = lines[next - 1].substr(0, lines[next - 1].find("--"));
        CHECK(before.find_first_not_of(" \tGOgo2") == std::string::npos);
      }
      for (std::string line; std::getline(sql, line); ++number) CHECK(line == lines.at(number - 1));
      next = number;
    }
  }
}

}  // namespace
}  // namespace spawnd::engines::mssql
