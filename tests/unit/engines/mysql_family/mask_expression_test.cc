/// What a rule makes of a column of MySQL and MariaDB, and which rules fit which.
#include "engines/mysql_family/mask/expression.h"
#include "tests/support/catch.h"

using namespace spawnd;
using namespace spawnd::engines;
using namespace spawnd::engines::mysql_family;
using Catch::Matchers::Contains;

namespace {

MaskedColumn Column(const std::string& type, int64_t length = -1, const std::string& full = "") {
  MaskedColumn column;
  column.name = "e`mail";
  column.type = type;
  column.full = full.empty() ? type : full;
  column.length = length;
  return column;
}

MaskRule Rule(MaskKind kind) {
  MaskRule rule;
  rule.kind = kind;
  return rule;
}

std::string Sql(const MaskRule& rule, const MaskedColumn& column) {
  const auto sql = MaskExpression(rule, column);
  return sql ? *sql : "refused: " + sql.error().message;
}

}  // namespace

TEST_CASE("literals have no escapes", "[mask]") {
  CHECK(MaskLiteral("it's") == "'it''s'");
  CHECK(MaskLiteral("a\\b") == "CONVERT(X'615C62' USING utf8mb4)");
  CHECK(MaskIdentifier("a`b") == "`a``b`");
}

TEST_CASE("null, constant, sql, shuffle in the family", "[mask]") {
  MaskedColumn column = Column("text");
  CHECK(Sql(Rule(MaskKind::kNull), column) == "NULL");
  column.not_null = true;
  CHECK_THAT(Sql(Rule(MaskKind::kNull), column), Contains("refused: rule null does not fit"));
  CHECK(Sql(Rule(MaskKind::kShuffle), column) == "spawnd_row.`e``mail`");
  MaskRule sql = Rule(MaskKind::kSql);
  sql.expression = "1 # one";
  CHECK(Sql(sql, column) == "(1 # one\n)");
  column.generated = true;
  CHECK_THAT(Sql(sql, column), Contains("generated from others"));
}

TEST_CASE("a hash fits its column in the family", "[mask]") {
  const MaskRule hash = Rule(MaskKind::kHash);
  CHECK_THAT(Sql(hash, Column("varchar", 20)), Contains(", 20)"));
  CHECK_THAT(Sql(hash, Column("varchar", 6)), Contains("TO_BASE64") && Contains(", 6)"));
  CHECK_THAT(Sql(hash, Column("char", 36)), Contains("CONCAT_WS('-'"));
  MaskedColumn ci = Column("varchar", 60);
  ci.ignores_case = true;
  CHECK_THAT(Sql(hash, ci), Contains("LOWER(RTRIM("));
  CHECK_THAT(Sql(hash, Column("int", -1, "int(10) unsigned")), Contains("2147483648"));
  CHECK_THAT(Sql(hash, Column("tinyint", -1, "tinyint(4)")), Contains(", 7)"));
  for (const char* type : {"date", "datetime", "timestamp", "bigint", "uuid", "varbinary"}) {
    INFO(type);
    CHECK_THAT(Sql(hash, Column(type)), !Contains("refused"));
  }
  for (const char* type : {"decimal", "json", "enum", "bit", "time", "double"}) {
    INFO(type);
    CHECK_THAT(Sql(hash, Column(type)), Contains("refused: rule hash does not fit"));
  }
  CHECK_THAT(Sql(hash, Column("bigint")), Contains("`spawnd mask`.permuted("));
}

TEST_CASE("a partial value fits its column in the family", "[mask]") {
  MaskRule partial = Rule(MaskKind::kPartial);
  partial.keep_first = 2;
  partial.with = "#";
  CHECK_THAT(Sql(partial, Column("varchar", 3)), Contains("LEFT(") && !Contains("refused"));
  CHECK_THAT(Sql(partial, Column("varchar", 2)), Contains("takes 2 characters"));
  CHECK_THAT(Sql(partial, Column("int")), Contains("refused: rule partial does not fit"));
}
