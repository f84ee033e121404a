/// The password of a source: read where the caller keeps it, and given to a tool so that it is in no list of
/// processes, no environment, no file with a name, and no core. For spawnctl's single thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "api/source/fetch.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "client/fetch/source.h"

namespace spawnd::client {

/// At most so long: a password, a token of a cloud.
inline constexpr size_t kMaxSecretBytes = 4096;

/// The password; nothing when `place` is none. A line end behind it is left out. Errors: kNotFound,
/// kForbidden, kInvalidArgument (empty, too long, several lines), naming the place, never what is in it.
Result<std::optional<std::string>> ReadSecret(const SecretPlace& place);

/// What there is to warn of: it is in the YAML, or everybody may read its file. Empty: nothing.
std::string SecretWarning(const SecretPlace& place);

/// Memory that looks like a file of the caller's alone, with the password in the form that a tool reads.
/// kInternal for a form that this spawnctl does not know.
Result<UniqueFd> SecretFile(const api::FetchSecret& form, const std::string& secret);

}  // namespace spawnd::client
