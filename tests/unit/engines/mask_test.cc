/// Names of tables as rules have them, and rows as servers answer them.
#include "engines/mask/mask.h"

#include "tests/support/catch.h"

using namespace spawnd;
using namespace spawnd::engines;

namespace {

std::string Parts(std::string_view text, char quote = '"') {
  const auto parts = SplitMaskName(text, quote, 2);
  if (!parts) return "refused";
  std::string words;
  for (const MaskName& part : *parts)
    words += (part.quoted ? "<" : "(") + part.text + (part.quoted ? ">" : ")");
  return words;
}

}  // namespace

TEST_CASE("a name in its parts", "[mask]") {
  CHECK(Parts("users") == "(users)");
  CHECK(Parts(" public . users ") == "(public)(users)");
  CHECK(Parts(R"("My.Things"."The ""People""")") == R"(<My.Things><The "People">)");
  CHECK(Parts("tenant_*.\"*\"") == "(tenant_*)<*>");
  CHECK(Parts("`a``b`.c", '`') == "<a`b>(c)");
  for (const char* text : {"", ".", "a.", ".a", "a.b.c", "\"a", "\"a\"b", "\"\"", "\"a\" x"}) {
    INFO(text);
    CHECK(Parts(text) == "refused");
  }
}

TEST_CASE("patterns", "[mask]") {
  CHECK(MaskName{"a*", false}.IsPattern());
  CHECK(MaskName{"a?", false}.IsPattern());
  CHECK_FALSE(MaskName{"a*", true}.IsPattern());
  CHECK_FALSE(MaskName{"a%_", false}.IsPattern());
  CHECK(LikePattern("te?nt_*\\%") == "te_nt\\_%\\\\\\%");
}

TEST_CASE("fields of a row", "[mask]") {
  const auto fields = HexFields("6120  4A4b ", 4);
  REQUIRE(fields);
  CHECK(*fields == std::vector<std::string>{"a ", "", "JK", ""});
  CHECK_FALSE(HexFields("61", 2));
  CHECK_FALSE(HexFields("6", 1));
  CHECK_FALSE(HexFields("6g", 1));
}

TEST_CASE("a key is another one each time", "[mask]") {
  const auto one = NewMaskKey();
  const auto two = NewMaskKey();
  REQUIRE(one);
  REQUIRE(two);
  CHECK(one->size() == 64);
  CHECK(*one != *two);
}

TEST_CASE("what a server refuses is the rule's fault", "[mask]") {
  CHECK(MaskError("rule", {ErrorCode::kInternal, "the server says: no"}).code == ErrorCode::kInvalidArgument);
  CHECK(MaskError("rule", {ErrorCode::kNoSpace, "full"}).code == ErrorCode::kNoSpace);
  CHECK(MaskError("rule", {ErrorCode::kUnavailable, "gone"}).message == "rule: gone");
}
