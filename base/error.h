/// The one error type of the project: a closed code, a message for the log, a hint for the user.
///
/// Messages are lower case, name the thing they are about and end with the cause:
/// "cannot open backup '/x/y.sql': permission denied". A hint is a full sentence that says what to do next.
/// Values; safe to copy between threads.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace spawnd {

/// What kind of failure; decides HTTP status (api/error_codes.h), FUSE errno (storage/) and spawnctl's exit
/// code.
enum class ErrorCode {
  kInvalidArgument,  ///< the caller sent something that can never work: bad YAML, bad SQL, unknown key
  kNotFound,         ///< the named thing does not exist, or the caller may not see it
  kAlreadyExists,    ///< the name is taken
  kInUse,            ///< the thing is needed by something else, or a port or lock is held
  kUnauthenticated,  ///< no caller identity, or a token that is not known
  kForbidden,        ///< the caller is known and may not do this
  kNoSpace,          ///< a disk is full, or a limit on space says no
  kIo,               ///< the operating system failed a read, a write or a sync
  kCorrupt,          ///< stored bytes do not match their checksum or format
  kPoisoned,         ///< a sync of a volume failed: nobody knows what of its last writes is on the disk
  kNotReady,         ///< the thing is still being made
  kTooMany,          ///< a limit on how many says no: less of one's own, or later
  kUnavailable,      ///< a process that should answer does not; trying later may work
  kTimeout,          ///< a deadline passed
  kCancelled,        ///< the caller went away or asked to stop
  kUnsupported,      ///< valid, but not possible here: engine not installed, version unknown
  kInternal,         ///< a bug of ours
};

/// The code's stable name as it stands in JSON, e.g. "not_found".
std::string_view ErrorCodeName(ErrorCode code);

/// The code for a stable name; kInternal for a name that is not known.
ErrorCode ErrorCodeFromName(std::string_view name);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  std::string hint;

  Error(ErrorCode c, std::string m, std::string h = {})
      : code(c), message(std::move(m)), hint(std::move(h)) {}

  /// The same error with `context + ": "` in front of the message.
  Error Wrap(std::string_view context) const;
};

/// An Error for a failed system call: "<what>: <strerror(err)>". The code follows errno
/// (ENOSPC and EDQUOT: kNoSpace, ENOENT: kNotFound, EACCES and EPERM: kForbidden, else kIo).
Error ErrnoError(int err, std::string_view what);

}  // namespace spawnd
