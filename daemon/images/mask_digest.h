/// What an image says of the rules by which its columns were masked. Pure, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "engines/mask/mask.h"

namespace spawnd::daemon {

/// "sha256:<64 digits>" of api::CanonicalMask: the same for the same rules in any order. Empty for none.
Result<std::string> MaskDigest(const std::vector<api::MaskRule>& rules);
/// Whether `text` could be one.
bool IsMaskDigest(std::string_view text);

/// As engines take them; they have been checked (api::ValidateMask).
std::vector<engines::MaskRule> MaskOf(const std::vector<api::MaskRule>& rules);
/// "masked 1204 rows: public.users.email (hash)", for each rule.
std::vector<std::string> MaskedInWords(const std::vector<api::MaskRule>& rules,
                                       const std::vector<int64_t>& rows);

}  // namespace spawnd::daemon
