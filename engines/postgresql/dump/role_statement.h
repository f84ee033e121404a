/// Which statements may be passed over when they name a role that is not here: those that are about owners,
/// privileges and roles alone. Whatever else fails for want of a role takes rows or objects along. Pure.
#pragma once

#include <string_view>

namespace spawnd::engines::postgresql {

enum class OfRoles {
  kNo,
  kYes,
  kOpen  ///< what follows of the statement decides
};

/// `text`: one statement or several that were sent together, as far as they are known.
OfRoles StandingOf(std::string_view text);

/// Whether `text`, of which there is no more, is about roles alone.
bool IsOfRoles(std::string_view text);

/// Whether the last of `text` is a semicolon, comments aside.
bool IsWholeStatement(std::string_view text);

/// CREATE SCHEMA with what is to be in it.
bool MakesSchemaWithElements(std::string_view text);

}  // namespace spawnd::engines::postgresql
