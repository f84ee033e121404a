/// What an image says of its masks.
#include "daemon/images/mask_digest.h"

#include "tests/support/catch.h"

using namespace spawnd;
using namespace spawnd::daemon;

TEST_CASE("a digest is of the rules alone", "[mask]") {
  CHECK(MaskDigest({}) == "");
  api::MaskRule rule;
  rule.table = "t";
  rule.column = "c";
  rule.rule = api::MaskKind::kHash;
  const auto digest = MaskDigest({rule});
  REQUIRE(digest);
  // printf '{"table":"t","column":"c","rule":"hash"}\n' | sha256sum
  CHECK(*digest == "sha256:73815278eecffcf4b32ceba254e0adc7be3f57902e39fbb339ce22a737a448fb");
  CHECK(IsMaskDigest(*digest));
  rule.line = 3;
  CHECK(MaskDigest({rule}) == *digest);
  rule.where = "true";
  CHECK(MaskDigest({rule}) != *digest);
  CHECK_FALSE(IsMaskDigest("sha256:"));
  CHECK_FALSE(IsMaskDigest("sha256:" + std::string(64, 'G')));
  CHECK_FALSE(IsMaskDigest(std::string(71, 'a')));
}

TEST_CASE("rules as engines take them, and what became of them", "[mask]") {
  api::MaskRule rule;
  rule.table = "t";
  rule.column = "c";
  rule.rule = api::MaskKind::kPartial;
  rule.keep_first = 2;
  rule.line = 7;
  const auto rules = MaskOf({rule});
  REQUIRE(rules.size() == 1);
  CHECK(rules[0].with == "****");
  CHECK(rules[0].name == "mask rule 't.c' (line 7)");
  CHECK(MaskedInWords({rule}, {1}) == std::vector<std::string>{"masked 1 row: t.c (partial)"});
  rule.database = "shop";
  CHECK(MaskedInWords({rule}, {2}) == std::vector<std::string>{"masked 2 rows: shop/t.c (partial)"});
}
