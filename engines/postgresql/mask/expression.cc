#include "engines/postgresql/mask/expression.h"

#include <algorithm>
#include <array>

#include "engines/connection_text.h"

namespace spawnd::engines::postgresql {
namespace {

/// Digits of a hash in a text: 128 bits.
constexpr int64_t kHashDigits = 32;
/// With fewer hexadecimal digits different values would come to the same one soon.
constexpr int64_t kFewDigits = 16;
/// Days and microseconds: 1970-01-01 to 2059-09-18, and to 2041-05-10.
constexpr int kBitsOfDays = 15;
constexpr int kBitsOfMicroseconds = 51;
constexpr int kBitsOfInteger = 31;
constexpr int kBitsOfBigint = 63;

bool IsText(std::string_view type) {
  constexpr std::array<std::string_view, 4> kTexts{"text", "varchar", "bpchar", "citext"};
  return std::find(kTexts.begin(), kTexts.end(), type) != kTexts.end();
}

tl::unexpected<Error> DoesNotFit(const MaskRule& rule, const MaskedColumn& column, std::string_view why,
                                 std::string hint = {}) {
  return Fail(ErrorCode::kInvalidArgument,
              "rule " + std::string(WordOf(rule.kind)) + " does not fit: column '" + column.name + "' " +
                  std::string(why),
              std::move(hint));
}

/// 64 hexadecimal digits of a text expression; null of null.
std::string HexOf(const std::string& text) {
  return "encode(sha256(convert_to(current_setting('" + std::string(kMaskKeySetting) + "') || ':' || " +
         text + ", getdatabaseencoding())), 'hex')";
}

/// So many bits of the hash of a round's number and half of a value.
std::string RoundOf(int round, const std::string& half, int bits) {
  return "(('x' || left(" + HexOf("'" + std::to_string(round) + ":' || " + half) +
         ", 15))::bit(60)::int8 & " + std::to_string((int64_t{1} << static_cast<unsigned>(bits)) - 1) + ")";
}

/// A permutation of the numbers from 0 to 2^bits - 1, of a bigint expression among them: four rounds, each of
/// which changes one half by the other.
std::string Permuted(const std::string& value, int bits) {
  const int low = (bits + 1) / 2;
  const int high = bits - low;
  const std::string low_mask = std::to_string((int64_t{1} << static_cast<unsigned>(low)) - 1);
  const std::string high_mask = std::to_string((int64_t{1} << static_cast<unsigned>(high)) - 1);
  const std::string shift = std::to_string(low);
  return "(SELECT (s4.h << " + shift + ") | s4.l FROM (SELECT (v >> " + shift + ") & " + high_mask +
         " AS h, v & " + low_mask + " AS l FROM (SELECT (" + value +
         ")::int8 AS v) AS s) AS s0, "
         "LATERAL (SELECT s0.h # " +
         RoundOf(1, "s0.l", high) +
         " AS h, s0.l) AS s1, "
         "LATERAL (SELECT s1.h, s1.l # " +
         RoundOf(2, "s1.h", low) +
         " AS l) AS s2, "
         "LATERAL (SELECT s2.h # " +
         RoundOf(3, "s2.l", high) +
         " AS h, s2.l) AS s3, "
         "LATERAL (SELECT s3.h, s3.l # " +
         RoundOf(4, "s3.h", low) + " AS l) AS s4)";
}

/// The same on both sides of 0: a number keeps its sign.
std::string SignedPermuted(const std::string& value, int bits) {
  return "(CASE WHEN (" + value + ") < 0 THEN ~" + Permuted("~(" + value + ")::int8", bits) + " ELSE " +
         Permuted(value, bits) + " END)";
}

/// Whole numbers of two columns that are joined may have different widths: what fits into 31 bits comes to
/// the same in all but the smallest.
std::string HashedInteger(const std::string& value, std::string_view type) {
  if (type == "int2") return SignedPermuted(value, kBitsOfDays) + "::int2";
  if (type == "int4") return SignedPermuted(value, kBitsOfInteger) + "::int4";
  return "(CASE WHEN (" + value + ") BETWEEN -2147483648 AND 2147483647 THEN " +
         SignedPermuted(value, kBitsOfInteger) + " ELSE " + SignedPermuted(value, kBitsOfBigint) + " END)";
}

std::string HashedText(const MaskedColumn& column, const std::string& value) {
  // Texts that differ in case alone are the same to this type.
  const std::string text = column.type == "citext" ? "lower(" + value + "::text)" : value + "::text";
  const std::string hex = HexOf(text);
  if (column.length < 0 || column.length >= kFewDigits) {
    return "left(" + hex + ", " +
           std::to_string(column.length < 0 ? kHashDigits : std::min(column.length, kHashDigits)) + ")";
  }
  return "left(translate(encode(decode(" + hex + ", 'hex'), 'base64'), '+/=', '-_'), " +
         std::to_string(column.length) + ")";
}

std::string HashedTime(const std::string& value, std::string_view type) {
  const std::string epoch = type == "date"        ? "DATE '1970-01-01'"
                            : type == "timestamp" ? "TIMESTAMP '1970-01-01 00:00:00'"
                                                  : "TIMESTAMPTZ '1970-01-01 00:00:00+00'";
  const std::string hashed =
      type == "date"
          ? epoch + " + " + SignedPermuted(value + " - " + epoch, kBitsOfDays) + "::int4"
          : epoch + " + " +
                SignedPermuted("(extract(epoch FROM " + value + ") * 1000000)::int8", kBitsOfMicroseconds) +
                " * INTERVAL '1 microsecond'";
  return "(CASE WHEN isfinite(" + value + ") THEN " + hashed + " ELSE " + value + " END)";
}

Result<std::string> Hashed(const MaskRule& rule, const MaskedColumn& column, const std::string& value) {
  const std::string& type = column.type;
  if (IsText(type)) return HashedText(column, value);
  if (type == "int2" || type == "int4" || type == "int8") return HashedInteger(value, type);
  if (type == "date" || type == "timestamp" || type == "timestamptz") return HashedTime(value, type);
  if (type == "uuid") return "left(" + HexOf(value + "::text") + ", 32)::uuid";
  if (type == "bytea") return "decode(" + HexOf("encode(" + value + ", 'hex')") + ", 'hex')";
  return DoesNotFit(rule, column,
                    "is of type " + type +
                        ", and there are hashes of texts, whole numbers, "
                        "uuid, bytea, dates and timestamps",
                    "Use null, constant, shuffle or sql for it.");
}

Result<std::string> Partial(const MaskRule& rule, const MaskedColumn& column, const std::string& value) {
  if (!IsText(column.type)) {
    return DoesNotFit(rule, column, "is of type " + column.type + ", which has no characters to keep",
                      "Use null, constant, hash, shuffle or sql for it.");
  }
  // In characters, of which a byte of UTF-8 that goes on is none.
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
  const std::string text = value + "::text";
  const std::string with = MaskLiteral(rule.with);
  return "(CASE WHEN char_length(" + text + ") <= " + std::to_string(rule.keep_first + rule.keep_last) +
         " THEN " + with + " ELSE left(" + text + ", " + std::to_string(rule.keep_first) + ") || " + with +
         " || right(" + text + ", " + std::to_string(rule.keep_last) + ") END)";
}

}  // namespace

std::string MaskLiteral(std::string_view text) {
  return Quoted(text, '\'');
}

Result<std::string> MaskExpression(const MaskRule& rule, const MaskedColumn& column) {
  if (column.generated) {
    return DoesNotFit(rule, column, "is generated from others",
                      "Mask the columns that it is made of: it follows them.");
  }
  const std::string value = std::string(kMaskRow) + "." + column.quoted;
  switch (rule.kind) {
    case MaskKind::kNull:
      if (!column.not_null) return std::string("NULL");
      return DoesNotFit(rule, column, "is NOT NULL", "Use constant, hash, partial, shuffle or sql for it.");
    case MaskKind::kConstant:
      return "CAST(" + MaskLiteral(rule.value) + " AS " + column.cast + ")";
    case MaskKind::kHash:
      return Hashed(rule, column, value);
    case MaskKind::kPartial:
      return Partial(rule, column, value);
    case MaskKind::kShuffle:
      return value;
    case MaskKind::kSql:
      // A comment at its end must not take what follows.
      return "(" + rule.expression + "\n)";
  }
  return Fail(ErrorCode::kInternal, "an unknown rule");
}

}  // namespace spawnd::engines::postgresql
