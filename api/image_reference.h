/// Names, tags and references to images and containers, the same rules for spawnctl and spawnd
/// (docs/contract.md, "Names, tags, ids, lifetimes"). Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::api {

inline constexpr size_t kMaxNameLength = 63;
inline constexpr size_t kMaxTagLength = 63;
inline constexpr size_t kMaxTeamLength = 127;
inline constexpr int64_t kFirstId = 10001;

/// Names have letters, digits and `-_./`, 1 to kMaxNameLength characters, and are not all digits, because all
/// digits is an id. `noun` stands in the message: "data image name 'a b' ...". Error: kInvalidArgument.
Result<void> ValidateName(std::string_view name, std::string_view noun);

/// Tags have the letters of names; all digits is fine. Error: kInvalidArgument.
Result<void> ValidateTag(std::string_view tag);

/// Names of teams have the characters of names, ':', '@' and '+': "org:developers". Error: kInvalidArgument.
Result<void> ValidateTeam(std::string_view team);

/// What a user types to mean one image or container.
struct Reference {
  std::optional<int64_t> id;  ///< set: the other two are empty
  std::string name;           ///< with the owner, if there is one: "shop", "ann/shop"
  std::string tag;            ///< empty: none given
};

/// The id when `reference` is nothing but digits, else 0. Names are never all digits, so that the two cannot
/// clash.
int64_t IdOf(std::string_view reference);

/// `10001`, `name`, `name:tag`, `owner/name` or `owner/name:tag`. Error: kInvalidArgument, naming the text.
Result<Reference> ParseImageReference(std::string_view text);

/// `10001`, `name` or `owner/name`. Error: kInvalidArgument, naming the text.
Result<Reference> ParseContainerReference(std::string_view text);

/// "<image name>-<8 lower-case letters>"; a long image name is cut so that the whole is kMaxNameLength at
/// most. `image_name` is a valid name without a tag. Random: the caller makes sure that it is free.
std::string GenerateContainerName(std::string_view image_name);

/// The number in "rev.7". kInvalidArgument for anything else.
Result<uint32_t> ParseRevision(std::string_view text);

}  // namespace spawnd::api
