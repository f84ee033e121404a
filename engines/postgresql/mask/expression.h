/// What a rule makes of one column's value, as an SQL expression. Pure, safe from any thread.
///
/// A hash is the SHA-256 of a key and the value, shortened to what the column takes; of whole numbers, dates
/// and times it is a permutation (a Feistel network whose round function is that hash), so that what is
/// unique stays unique whatever the number of rows. The key is a setting of the session alone
/// (kMaskKeySetting).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "engines/mask/mask.h"

namespace spawnd::engines::postgresql {

inline constexpr const char* kMaskKeySetting = "spawnd.mask_key";
/// What the row of the table that is masked is called.
inline constexpr const char* kMaskRow = "spawnd_row";

/// A column that a rule is for.
struct MaskedColumn {
  size_t rule = 0;       ///< its place in the list of rules
  std::string name{};    ///< "email"
  std::string quoted{};  ///< as it stands in SQL: "\"E-Mail\""
  std::string type{};    ///< the name of its type, under all domains: "varchar", "int4", "citext"
  int64_t length = -1;   ///< characters that a text may have; -1: any number
  /// Its own type without a length, as it stands in SQL: what is too long is then refused and not cut.
  std::string cast{};
  bool not_null = false;
  bool generated = false;
};

/// The literal of a text; sound because standard_conforming_strings is on in every session of ours.
std::string MaskLiteral(std::string_view text);

/// kInvalidArgument for a rule that does not fit the column. Of kShuffle it is the value itself: its place is
/// changed later.
Result<std::string> MaskExpression(const MaskRule& rule, const MaskedColumn& column);

}  // namespace spawnd::engines::postgresql
