/// The password of a source: where the caller keeps it, and how a tool gets it without that anybody sees it in a list
/// of processes, an environment, a file with a name, or a core. For spawnctl's single thread.
#pragma once

#include <optional>
#include <string>

#include "api/types.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::client {

/// Where it is; at most one of the three. None: the product's own file (~/.pgpass, ~/.my.cnf), or no password.
struct SecretPlace {
  std::string text;      ///< it itself: it stood in the YAML
  std::string file;      ///< absolute path
  std::string variable;  ///< name in spawnctl's environment

  bool IsNone() const { return text.empty() && file.empty() && variable.empty(); }
};

/// At most so long: a password, a token of a cloud.
inline constexpr size_t kMaxSecretBytes = 4096;

/// The password; nothing when `place` is none. A line end behind it is left out. Errors: kNotFound, kForbidden,
/// kInvalidArgument (empty, too long, more than a line), naming the place, never what is in it.
Result<std::optional<std::string>> ReadSecret(const SecretPlace& place);

/// What there is to warn of: it is in the YAML, or others may read its file. Empty: nothing.
std::string SecretWarning(const SecretPlace& place);

/// Memory that looks like a file of the caller's, with the password in the form that a tool reads. The tool gets it as
/// descriptor 3 or as its standard input. kInternal for a form that this spawnctl does not know.
Result<UniqueFd> SecretFile(const api::FetchSecret& form, const std::string& secret);

}  // namespace spawnd::client
