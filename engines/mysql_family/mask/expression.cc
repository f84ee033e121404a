#include "engines/mysql_family/mask/expression.h"

#include <algorithm>
#include <array>

#include "engines/connection_text.h"

namespace spawnd::engines::mysql_family {
namespace {

/// Digits of a hash in a text: 128 bits.
constexpr int64_t kHashDigits = 32;
/// With fewer hexadecimal digits different values would come to the same one soon.
constexpr int64_t kFewDigits = 16;
/// A uuid in words, which applications that have such a column expect in it.
constexpr int64_t kUuidCharacters = 36;

bool IsOneOf(std::string_view type, std::initializer_list<std::string_view> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool IsText(std::string_view type) {
  return IsOneOf(type, {"char", "varchar", "tinytext", "text", "mediumtext", "longtext"});
}

bool IsInteger(std::string_view type) {
  return IsOneOf(type, {"tinyint", "smallint", "mediumint", "int", "bigint"});
}

tl::unexpected<Error> DoesNotFit(const MaskRule& rule, const MaskedColumn& column, const std::string& why,
                                 std::string hint = {}) {
  return Fail(ErrorCode::kInvalidArgument,
              "rule " + std::string(WordOf(rule.kind)) + " does not fit: column '" + column.name + "' " + why,
              std::move(hint));
}

/// 64 hexadecimal digits of a text expression; null of null.
std::string HexOf(const std::string& text) {
  return "SHA2(CONCAT(" + std::string(kMaskKeyVariable) + ", ':', " + text + "), 256)";
}

std::string HashedText(const MaskedColumn& column, const std::string& value) {
  std::string text = "CONVERT(" + value + " USING utf8mb4)";
  if (column.ignores_case) text = "LOWER(RTRIM(" + text + "))";
  const std::string hex = HexOf(text);
  if (column.type == "char" && column.length == kUuidCharacters) {
    return "CONCAT_WS('-', LEFT(" + hex + ", 8), SUBSTR(" + hex + ", 9, 4), SUBSTR(" + hex +
           ", 13, 4), SUBSTR(" + hex + ", 17, 4), SUBSTR(" + hex + ", 21, 12))";
  }
  if (column.length < 0 || column.length >= kFewDigits) {
    return "LEFT(" + hex + ", " +
           std::to_string(column.length < 0 ? kHashDigits : std::min(column.length, kHashDigits)) + ")";
  }
  return "LEFT(REPLACE(REPLACE(TO_BASE64(UNHEX(" + hex + ")), '+', '-'), '/', '_'), " +
         std::to_string(column.length) + ")";
}

std::string Permuted(const std::string& value, int bits) {
  return std::string(kMaskDatabase) + ".permuted(" + value + ", " + std::to_string(bits) + ")";
}

/// The same on both sides of 0.
std::string SignedPermuted(const std::string& value, int bits) {
  return "IF(" + value + " < 0, -1 - CAST(" + Permuted("-1 - " + value, bits) + " AS SIGNED), CAST(" +
         Permuted(value, bits) + " AS SIGNED))";
}

/// Whole numbers of two columns that are joined may have different widths: what fits into 31 bits comes to
/// the same in all but the small ones.
std::string HashedInteger(const MaskedColumn& column, const std::string& value) {
  const bool is_unsigned = column.full.find("unsigned") != std::string::npos;
  int bits = 31;
  if (column.type == "tinyint") bits = is_unsigned ? 8 : 7;
  if (column.type == "smallint") bits = is_unsigned ? 16 : 15;
  if (column.type == "mediumint") bits = is_unsigned ? 24 : 23;
  if (bits < 31 || (column.type == "int" && !is_unsigned)) {
    return is_unsigned ? Permuted(value, bits) : SignedPermuted(value, bits);
  }
  const std::string upper = "2147483648 + " + Permuted(value + " - 2147483648", 31);
  if (column.type == "int")
    return "IF(" + value + " < 2147483648, " + Permuted(value, 31) + ", " + upper + ")";
  const std::string small =
      is_unsigned ? value + " < 2147483648" : value + " BETWEEN -2147483648 AND 2147483647";
  const std::string small_value = is_unsigned ? Permuted(value, 31) : SignedPermuted(value, 31);
  const std::string large_value = is_unsigned ? Permuted(value, 63) : SignedPermuted(value, 63);
  return "IF(" + small + ", " + small_value + ", " + large_value + ")";
}

/// Days and seconds since 1970; what is no day (0000-00-00) has no such number and stays.
std::string HashedTime(const MaskedColumn& column, const std::string& value) {
  if (column.type == "date") {
    return "COALESCE(DATE_ADD(DATE'1970-01-01', INTERVAL " +
           SignedPermuted("DATEDIFF(" + value + ", DATE'1970-01-01')", 15) + " DAY), " + value + ")";
  }
  return "COALESCE(DATE_ADD(TIMESTAMP'1970-01-01 00:00:00', INTERVAL " +
         SignedPermuted("TIMESTAMPDIFF(SECOND, TIMESTAMP'1970-01-01 00:00:00', " + value + ")", 31) +
         " SECOND), " + value + ")";
}

Result<std::string> Hashed(const MaskRule& rule, const MaskedColumn& column, const std::string& value) {
  const std::string& type = column.type;
  if (IsText(type)) return HashedText(column, value);
  if (IsInteger(type)) return HashedInteger(column, value);
  if (IsOneOf(type, {"date", "datetime", "timestamp"})) return HashedTime(column, value);
  if (type == "uuid") return "LEFT(" + HexOf("CAST(" + value + " AS CHAR)") + ", 32)";
  if (IsOneOf(type, {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})) {
    const int64_t bytes = column.length < 0 ? kHashDigits : std::min(column.length, kHashDigits);
    return "LEFT(UNHEX(" + HexOf("HEX(" + value + ")") + "), " + std::to_string(bytes) + ")";
  }
  return DoesNotFit(rule, column,
                    "is of type " + type +
                        ", and there are hashes of texts, binary strings, whole "
                        "numbers, dates and times of a day",
                    "Use null, constant, shuffle or sql for it.");
}

Result<std::string> Partial(const MaskRule& rule, const MaskedColumn& column, const std::string& value) {
  if (!IsText(column.type)) {
    return DoesNotFit(rule, column, "is of type " + column.type + ", which has no characters to keep",
                      "Use null, constant, hash, shuffle or sql for it.");
  }
  const auto shown = std::count_if(rule.with.begin(), rule.with.end(),
                                   [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
  const int64_t most = rule.keep_first + shown + rule.keep_last;
  if (column.length >= 0 && most > column.length) {
    return DoesNotFit(rule, column,
                      "takes " + std::to_string(column.length) +
                          " characters, and keepFirst, "
                          "`with` and keepLast have " +
                          std::to_string(most),
                      "Keep fewer, or say a shorter `with`.");
  }
  const std::string with = "CONVERT(" + MaskLiteral(rule.with) + " USING utf8mb4)";
  return "IF(CHAR_LENGTH(" + value + ") <= " + std::to_string(rule.keep_first + rule.keep_last) + ", " +
         with + ", CONCAT(LEFT(" + value + ", " + std::to_string(rule.keep_first) + "), " + with +
         ", RIGHT(" + value + ", " + std::to_string(rule.keep_last) + ")))";
}

}  // namespace

std::string MaskIdentifier(std::string_view name) {
  return Quoted(name, '`');
}

std::string MaskLiteral(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  if (text.find('\\') == std::string_view::npos) return Quoted(text, '\'');
  std::string hex = "CONVERT(X'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    hex.append({kHex[byte >> 4U], kHex[byte & 15U]});
  }
  return hex + "' USING utf8mb4)";
}

Result<std::string> MaskExpression(const MaskRule& rule, const MaskedColumn& column) {
  if (column.generated) {
    return DoesNotFit(rule, column, "is generated from others",
                      "Mask the columns that it is made of: it follows them.");
  }
  const std::string value = std::string(kMaskRow) + "." + MaskIdentifier(column.name);
  switch (rule.kind) {
    case MaskKind::kNull:
      if (!column.not_null) return std::string("NULL");
      return DoesNotFit(rule, column, "is NOT NULL", "Use constant, hash, partial, shuffle or sql for it.");
    case MaskKind::kConstant:
      return MaskLiteral(rule.value);
    case MaskKind::kHash:
      return Hashed(rule, column, value);
    case MaskKind::kPartial: {
      TRY_ASSIGN(const std::string partial, Partial(rule, column, value));
      return "IF(" + value + " IS NULL, NULL, " + partial + ")";
    }
    case MaskKind::kShuffle:
      return value;
    case MaskKind::kSql:
      // A comment at its end must not take what follows.
      return "(" + rule.expression + "\n)";
  }
  return Fail(ErrorCode::kInternal, "an unknown rule");
}

std::vector<std::string> PermutingFunction() {
  // Four rounds, each of which changes one half by a hash of the other.
  const auto round = [](int number, const std::string& changed, const std::string& other,
                        const std::string& bits) {
    return " SET " + changed + " = " + changed + " ^ (CONV(LEFT(SHA2(CONCAT(" +
           std::string(kMaskKeyVariable) + ", ':" + std::to_string(number) + ":', " + other +
           "), 256), 8), 16, 10) & ((1 << " + bits + ") - 1));";
  };
  return {
      "CREATE FUNCTION " + std::string(kMaskDatabase) +
      ".permuted(v BIGINT UNSIGNED, bits INT) RETURNS BIGINT UNSIGNED NOT DETERMINISTIC NO SQL BEGIN "
      "DECLARE low_bits, high_bits INT; DECLARE low_half, high_half BIGINT UNSIGNED; "
      "IF v IS NULL THEN RETURN NULL; END IF; "
      "SET low_bits = (bits + 1) DIV 2; SET high_bits = bits - low_bits; "
      "SET low_half = v & ((1 << low_bits) - 1); SET high_half = (v >> low_bits) & ((1 << high_bits) - 1);" +
      round(1, "high_half", "low_half", "high_bits") + round(2, "low_half", "high_half", "low_bits") +
      round(3, "high_half", "low_half", "high_bits") + round(4, "low_half", "high_half", "low_bits") +
      " RETURN (high_half << low_bits) | low_half; END"};
}

}  // namespace spawnd::engines::mysql_family
