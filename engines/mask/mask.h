/// Masking: what of a database's columns is replaced before an image is sealed (docs/masking.md). Plain
/// values, and what the products' own parts of it share. Pure, safe from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::engines {

enum class MaskKind : uint8_t { kNull, kConstant, kHash, kPartial, kShuffle, kSql };

/// One rule, complete by itself.
struct MaskRule {
  std::string database{};  ///< empty: the only one that has the table
  std::string table{};     ///< as a user writes it: "public.users", "tenant_*.\"Users\""
  std::string column{};
  MaskKind kind = MaskKind::kNull;
  std::string value{};     ///< kConstant
  int64_t keep_first = 0;  ///< kPartial, in characters
  int64_t keep_last = 0;
  std::string with{};        ///< kPartial
  std::string expression{};  ///< kSql
  std::string where{};       ///< empty: every row
  std::string name{};        ///< for messages: "mask rule 'public.users.email' (line 12)"
};

/// "null", "hash" ...
std::string_view WordOf(MaskKind kind);

/// A part of a table's name, or a column's, as it was written.
struct MaskName {
  std::string text;
  bool quoted = false;  ///< it means what it says, case included, and has no pattern
  /// `*` stands for any characters, `?` for one.
  bool IsPattern() const { return !quoted && text.find_first_of("*?") != std::string::npos; }
};

/// "public.users" in its parts; parts in `quote` may have anything in them, the quote doubled. Blanks around
/// a part are none of it. kInvalidArgument for no part, an empty one, a quote that is not closed, and more
/// than `most`.
Result<std::vector<MaskName>> SplitMaskName(std::string_view text, char quote, size_t most);

/// A LIKE pattern, with backslashes as escapes, for the same names as a MaskName's pattern.
std::string LikePattern(std::string_view pattern);

/// Runs one statement, or several that are one transaction, and returns the first column of its rows.
using RunSql = std::function<Result<std::vector<std::string>>(const std::string& sql)>;

/// Fields of a row that came as one text: each in hexadecimal digits, with blanks between (a server's names
/// may have any character in them). Fewer than `count` is kInternal.
Result<std::vector<std::string>> HexFields(std::string_view row, size_t count);

/// 32 random bytes as hexadecimal digits: the key of one build's hashes. It is never written anywhere.
Result<std::string> NewMaskKey();

/// The error of a rule: `name` in front; what a server refuses for its own reasons is the rule's fault.
Error MaskError(const std::string& name, const Error& error);

}  // namespace spawnd::engines
