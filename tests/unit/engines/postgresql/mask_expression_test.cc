/// What a rule makes of a column of PostgreSQL, and which rules fit which.
#include "engines/postgresql/mask/expression.h"
#include "tests/support/catch.h"

using namespace spawnd;
using namespace spawnd::engines;
using namespace spawnd::engines::postgresql;
using Catch::Matchers::Contains;

namespace {

MaskedColumn Column(const std::string& type, int64_t length = -1) {
  MaskedColumn column;
  column.name = "E-Mail";
  column.quoted = "\"E-Mail\"";
  column.type = type;
  column.length = length;
  column.cast = type;
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

TEST_CASE("null, constant, sql, shuffle", "[mask]") {
  MaskedColumn column = Column("text");
  CHECK(Sql(Rule(MaskKind::kNull), column) == "NULL");
  column.not_null = true;
  CHECK_THAT(Sql(Rule(MaskKind::kNull), column),
             Contains("refused: rule null does not fit: column 'E-Mail' is NOT NULL"));
  MaskRule constant = Rule(MaskKind::kConstant);
  constant.value = "it's";
  CHECK(Sql(constant, column) == "CAST('it''s' AS text)");
  MaskRule sql = Rule(MaskKind::kSql);
  sql.expression = "lower(x) -- so";
  CHECK(Sql(sql, column) == "(lower(x) -- so\n)");
  CHECK(Sql(Rule(MaskKind::kShuffle), column) == "spawnd_row.\"E-Mail\"");
  column.generated = true;
  CHECK_THAT(Sql(Rule(MaskKind::kShuffle), column), Contains("generated from others"));
}

TEST_CASE("a hash fits its column", "[mask]") {
  const MaskRule hash = Rule(MaskKind::kHash);
  CHECK_THAT(Sql(hash, Column("text")), Contains("left(encode(sha256(") && Contains(", 32)"));
  CHECK_THAT(Sql(hash, Column("varchar", 20)), Contains(", 20)"));
  CHECK_THAT(Sql(hash, Column("varchar", 100)), Contains(", 32)"));
  CHECK_THAT(Sql(hash, Column("bpchar", 6)), Contains("base64") && Contains(", 6)"));
  CHECK_THAT(Sql(hash, Column("citext")), Contains("lower(spawnd_row.\"E-Mail\"::text)"));
  CHECK_THAT(Sql(hash, Column("uuid")), Contains("::uuid"));
  for (const char* type : {"int2", "int4", "int8", "date", "timestamp", "timestamptz", "bytea"}) {
    INFO(type);
    CHECK_THAT(Sql(hash, Column(type)), !Contains("refused"));
  }
  for (const char* type : {"numeric", "json", "bool", "_text", "mood", "float8"}) {
    INFO(type);
    CHECK_THAT(Sql(hash, Column(type)), Contains("refused: rule hash does not fit"));
  }
  // The key is in no statement.
  CHECK_THAT(Sql(hash, Column("int8")), Contains("current_setting('spawnd.mask_key')"));
}

TEST_CASE("a partial value fits its column", "[mask]") {
  MaskRule partial = Rule(MaskKind::kPartial);
  partial.keep_first = 2;
  partial.keep_last = 4;
  partial.with = "****";
  CHECK(Sql(partial, Column("varchar", 10)) ==
        "(CASE WHEN char_length(spawnd_row.\"E-Mail\"::text) <= 6 THEN '****' ELSE "
        "left(spawnd_row.\"E-Mail\"::text, 2) || "
        "'****' || right(spawnd_row.\"E-Mail\"::text, 4) END)");
  CHECK_THAT(Sql(partial, Column("varchar", 9)), Contains("takes 9 characters") && Contains("have 10"));
  partial.with = "\xc3\xa4";  // one character
  CHECK_THAT(Sql(partial, Column("varchar", 7)), !Contains("refused"));
  CHECK_THAT(Sql(partial, Column("int4")), Contains("refused: rule partial does not fit"));
}
