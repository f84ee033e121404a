/// What a rule makes of one column's value, as an SQL expression that MySQL and MariaDB both know. Pure, safe
/// from any thread.
///
/// A hash is the SHA-256 of a key and the value, shortened to what the column takes; of whole numbers, dates
/// and times it is a permutation (a Feistel network whose round function is that hash), so that what is
/// unique stays unique whatever the number of rows. The key is a variable of the session alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"

namespace spawnd::engines::mysql_family {

inline constexpr const char* kMaskKeyVariable = "@spawnd_mask_key";
/// A database of our own, as long as masking takes.
inline constexpr const char* kMaskDatabase = "`spawnd mask`";
/// What the row of the table that is masked is called.
inline constexpr const char* kMaskRow = "spawnd_row";

/// A column of a table that is masked, of which a rule may be.
struct MaskedColumn {
  size_t rule = 0;            ///< its place in the list of rules
  std::string name{};         ///< "email"
  std::string type{};         ///< as information_schema has it: "varchar", "int"
  std::string full{};         ///< "int(10) unsigned"
  int64_t length = -1;        ///< characters that a text may have, bytes of binary; -1: any number
  bool ignores_case = false;  ///< texts that differ in case alone are the same
  bool not_null = false;
  bool generated = false;
};

std::string MaskIdentifier(std::string_view name);
/// A text without a backslash in it, whatever sql_mode says of those.
std::string MaskLiteral(std::string_view text);

/// kInvalidArgument for a rule that does not fit the column. Of kShuffle it is the value itself: its place is
/// changed later.
Result<std::string> MaskExpression(const MaskRule& rule, const MaskedColumn& column);

/// Statements that make the function by which numbers are permuted, in kMaskDatabase.
std::vector<std::string> PermutingFunction();

}  // namespace spawnd::engines::mysql_family
