/// What `mask` rules of a request have to be before anybody looks at a database. Pure functions, safe from
/// any thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/types.h"
#include "base/result.h"

namespace spawnd::api {

/// They go to the server's session in one packet (daemon/session/protocol.h).
inline constexpr size_t kMaxMaskRules = 400;
inline constexpr size_t kMaxMaskName = 600;                 ///< bytes of a name
inline constexpr size_t kMaxMaskText = 4000;                ///< of another text
inline constexpr size_t kMaxMaskBytes = size_t{24} << 10U;  ///< of all texts together

/// Whether one rule is complete and has nothing that its kind knows nothing of. kInvalidArgument, in words
/// that begin after "mask rule 'public.users.email'".
Result<void> ValidateMaskRule(const MaskRule& rule);
/// All of them, each named in its message, and the bounds above.
Result<void> ValidateMask(const std::vector<MaskRule>& rules);

/// "mask rule 'public.users.email' (line 12)": what every message about a rule begins with.
std::string NameOfMaskRule(const MaskRule& rule);

/// The rules without their lines, each with all its fields in a fixed order, sorted, a line of JSON each: the
/// same text for the same rules, wherever they stand in their file.
std::string CanonicalMask(const std::vector<MaskRule>& rules);

}  // namespace spawnd::api
