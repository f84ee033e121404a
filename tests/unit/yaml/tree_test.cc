#include "yaml/tree.h"

#include "tests/support/catch.h"

using namespace spawnd::yaml;
using Catch::Matchers::Contains;
using Kind = Node::Kind;

namespace {

std::string Refused(const std::string& text) {
  const auto tree = Parse(text, "x.yaml");
  REQUIRE_FALSE(tree);
  CHECK(tree.error().code == spawnd::ErrorCode::kInvalidArgument);
  CHECK(tree.error().message.find('\n') == std::string::npos);
  return tree.error().message;
}

}  // namespace

TEST_CASE("a tree has literal text and lines") {
  const auto tree = Parse("a: 11.0\nb:\n  - 0.20\n  - {c: ~}\n\"d\": 'yes'\n", "x.yaml");
  REQUIRE(tree);
  REQUIRE(tree->kind == Kind::kMap);
  REQUIRE(tree->entries.size() == 3);
  CHECK(tree->entries[0].value.text == "11.0");
  const Node& list = tree->entries[1].value;
  REQUIRE(list.kind == Kind::kList);
  CHECK(list.items[0].text == "0.20");
  CHECK(list.items[0].line == 3);
  CHECK(list.items[1].entries[0].value.kind == Kind::kNull);
  CHECK(tree->entries[2].key.line == 5);
  CHECK(tree->entries[2].value.text == "yes");
}

TEST_CASE("empty documents are nothing") {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "~"}) {
    const auto tree = Parse(text, "x.yaml");
    REQUIRE(tree);
    CHECK(tree->kind == Kind::kNull);
  }
}

TEST_CASE("what is not YAML names the line") {
  CHECK_THAT(Refused("a: [b, c\nd: e\n"), Contains("x.yaml, line "));
  CHECK_THAT(Refused("a: b: c\n"), Contains("x.yaml, line 1: not valid YAML"));
  CHECK(Refused("a:\n\tb: c\n") == "x.yaml, line 2: a tab in the indentation");
  CHECK(Refused("a: 1\nb:\n  c: 1\n \td: 2\n") == "x.yaml, line 4: a tab in the indentation");
  CHECK_THAT(Refused("a: 1\n---\nb: 2\n"), Contains("x.yaml, line 2: a second document"));
  // yaml-cpp finds empty documents without end in these.
  CHECK_THAT(Refused(","), Contains("x.yaml, line 1: not valid YAML"));
  CHECK_THAT(Refused("\n, a: b"), Contains("x.yaml, line 2: not valid YAML"));
  CHECK_THAT(Refused("a: *nowhere\n"), Contains("line 1"));
  CHECK(Refused(std::string("a\0b", 3)) == "x.yaml is not a text file");
}

TEST_CASE("size, depth and copies have limits") {
  CHECK_THAT(Refused(std::string(kMaxBytes + 1, '#')), Contains("larger than 1048576 bytes"));
  Refused(std::string(100'000, '['));
  CHECK_THAT(Refused(std::string(17, '[') + std::string(17, ']')), Contains("nested deeper than 16"));
  CHECK(Parse(std::string(16, '[') + std::string(16, ']'), "x"));
  std::string lines;
  for (int i = 0; i < 10'001; ++i) lines += "- x\n";
  CHECK_THAT(Refused(lines), Contains("more than 10000 values"));
  // aliases of aliases: 10^9 nodes from ten lines
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
    for (int j = 1; j < 10; ++j) bomb += "," + below;
    bomb += "]\n";
  }
  CHECK_THAT(Refused(bomb), Contains("more than 10000 values"));
}
