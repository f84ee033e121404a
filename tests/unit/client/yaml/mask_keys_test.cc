/// The list `mask` of an image's YAML: every key, and every mistake with its line.
#include "client/yaml/mask_keys.h"

#include "client/yaml/key_names.h"
#include "tests/support/catch.h"

using namespace spawnd;
using Catch::Matchers::Contains;

namespace {

Result<std::vector<api::MaskRule>> Read(const std::string& text) {
  const auto tree = yaml::Parse(text, "x.yaml");
  REQUIRE(tree);
  return client::ReadMask({"x.yaml", client::GuessKey}, *tree);
}

std::string Refused(const std::string& text) {
  const auto rules = Read(text);
  INFO(text);
  REQUIRE_FALSE(rules);
  return rules.error().message + " " + rules.error().hint;
}

}  // namespace

TEST_CASE("rules in every form", "[mask]") {
  const auto rules = Read(R"yaml(
- {table: public.users, column: email, rule: hash}
- table: public.users
  column: name
  rule: constant
  value: " Jo "
- {database: shop, table: users, column: phone, rule: PARTIAL, keepFirst: 3, keepLast: 2, with: ''}
- {table: users, column: notes, rule: null, where: id > 7}
- {table: users, column: born, rule: sql, expression: "date_trunc('year', born)"}
- {table: users, column: n, rule: 'null', value: }
- {table: users, column: city, rule: shuffle}
- {table: users, column: empty, rule: constant, value: ''}
)yaml");
  REQUIRE(rules);
  REQUIRE(rules->size() == 8);
  CHECK((*rules)[0].rule == api::MaskKind::kHash);
  CHECK((*rules)[0].line == 2);
  CHECK((*rules)[1].line == 3);
  CHECK((*rules)[1].value == " Jo ");
  CHECK((*rules)[2].database == "shop");
  CHECK((*rules)[2].keep_first == 3);
  CHECK((*rules)[2].with == "");
  CHECK((*rules)[3].rule == api::MaskKind::kNull);
  CHECK((*rules)[3].where == "id > 7");
  CHECK((*rules)[4].expression == "date_trunc('year', born)");
  CHECK((*rules)[5].rule == api::MaskKind::kNull);
  CHECK_FALSE((*rules)[5].value);
  CHECK((*rules)[7].value == "");
}

TEST_CASE("mistakes have their line", "[mask]") {
  CHECK_THAT(Refused("a: b"), Contains("'mask' must be a list"));
  CHECK_THAT(Refused("- x"), Contains("line 1") && Contains("must be a map"));
  CHECK_THAT(Refused("- {table: t, column: c, rule: md5}"),
             Contains("unknown rule 'md5'") && Contains("shuffle"));
  CHECK_THAT(Refused("- {table: t, column: c}"), Contains("line 1") && Contains("'rule' is missing"));
  CHECK_THAT(Refused("- {table: t, column: c, rule: hash}\n- {column: c, rule: hash}"),
             Contains("line 2") && Contains("'table' is missing"));
  CHECK_THAT(Refused("- {table: t, column: c, rule: partial, keepFirst: -1}"),
             Contains("no number of characters"));
  CHECK_THAT(Refused("- {table: t, column: c, rule: hash, with: x}"), Contains("'with' is for rule partial"));
  CHECK_THAT(Refused("- {table: t, colum: c, rule: hash}"), Contains("colum") && Contains("'column'"));
  CHECK_THAT(Refused("- {table: t, column: c, sql: x}"), Contains("'expression'"));
  CHECK_THAT(Refused("- {table: t, table: u, column: c, rule: hash}"), Contains("table"));
}
