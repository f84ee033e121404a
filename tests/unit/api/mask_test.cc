/// What a rule of a mask has to be, and that the same rules are the same text wherever they stand.
#include "api/mask.h"

#include "api/json.h"
#include "tests/support/catch.h"

using namespace spawnd::api;
using Catch::Matchers::Contains;

namespace {

MaskRule Rule(MaskKind kind) {
  MaskRule rule;
  rule.table = "public.users";
  rule.column = "email";
  rule.rule = kind;
  rule.line = 12;
  return rule;
}

std::string Refused(const MaskRule& rule) {
  const auto valid = ValidateMask({rule});
  REQUIRE_FALSE(valid);
  return valid.error().message;
}

}  // namespace

TEST_CASE("a rule has what its kind needs, and nothing of another's", "[mask]") {
  CHECK(ValidateMask({Rule(MaskKind::kNull)}));
  CHECK(ValidateMask({Rule(MaskKind::kHash)}));
  CHECK(ValidateMask({Rule(MaskKind::kShuffle)}));
  CHECK_THAT(Refused(Rule(MaskKind::kNone)), Contains("'rule' is missing"));
  MaskRule rule = Rule(MaskKind::kConstant);
  CHECK_THAT(Refused(rule), Contains("mask rule 'public.users.email' (line 12)") && Contains("'value'"));
  rule.value = "";
  CHECK(ValidateMask({rule}));
  rule.rule = MaskKind::kHash;
  CHECK_THAT(Refused(rule), Contains("'value' is for rule constant, and the rule is hash"));
  rule = Rule(MaskKind::kPartial);
  CHECK_THAT(Refused(rule), Contains("keeps nothing"));
  rule.keep_last = 1001;
  CHECK_THAT(Refused(rule), Contains("from 0 to 1000"));
  rule.keep_last = 4;
  CHECK(ValidateMask({rule}));
  rule = Rule(MaskKind::kSql);
  CHECK_THAT(Refused(rule), Contains("'expression'"));
  rule = Rule(MaskKind::kNull);
  rule.table.clear();
  CHECK_THAT(Refused(rule), Contains("'table' is missing"));
  rule = Rule(MaskKind::kNull);
  rule.column = "a\nb";
  CHECK_THAT(Refused(rule), Contains("no line of text"));
}

TEST_CASE("how many rules there may be, and how long", "[mask]") {
  CHECK(ValidateMask(std::vector<MaskRule>(kMaxMaskRules, Rule(MaskKind::kNull))));
  CHECK_FALSE(ValidateMask(std::vector<MaskRule>(kMaxMaskRules + 1, Rule(MaskKind::kNull))));
  MaskRule rule = Rule(MaskKind::kSql);
  rule.expression = std::string(kMaxMaskText, 'x');
  CHECK(ValidateMask({rule}));
  CHECK_FALSE(ValidateMask(std::vector<MaskRule>(kMaxMaskBytes / kMaxMaskText + 1, rule)));
  rule.expression += "x";
  CHECK_THAT(Refused(rule), Contains("at most 4000"));
}

TEST_CASE("the canonical text does not know lines and order", "[mask]") {
  MaskRule a = Rule(MaskKind::kHash);
  MaskRule b = Rule(MaskKind::kConstant);
  b.column = "name";
  b.value = "";
  MaskRule a_elsewhere = a;
  a_elsewhere.line = 99;
  CHECK(CanonicalMask({a, b}) == CanonicalMask({b, a_elsewhere}));
  CHECK(CanonicalMask({a}) == "{\"table\":\"public.users\",\"column\":\"email\",\"rule\":\"hash\"}\n");
  CHECK_THAT(CanonicalMask({b}), Contains("\"value\":\"\""));
  b.value = "x";
  CHECK(CanonicalMask({a, b}) != CanonicalMask({a}));
}

TEST_CASE("rules travel as they are", "[mask]") {
  CreateDataImageRequest request;
  request.name = "x";
  request.engine = "postgresql";
  request.mask = {Rule(MaskKind::kPartial), Rule(MaskKind::kConstant)};
  request.mask[0].keep_first = 1;
  request.mask[0].with = "#";
  request.mask[1].value = "";
  const auto read = FromJson<CreateDataImageRequest>(ToJson(request));
  REQUIRE(read);
  REQUIRE(read->mask.size() == 2);
  CHECK(CanonicalMask(read->mask) == CanonicalMask(request.mask));
  CHECK(read->mask[1].line == 12);
}
