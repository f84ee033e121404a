#include "base/error.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace spawnd {
namespace {

struct NamedCode {
  ErrorCode code;
  std::string_view name;
};

constexpr std::array<NamedCode, 17> kNames{{
    {ErrorCode::kInvalidArgument, "invalid_argument"},
    {ErrorCode::kNotFound, "not_found"},
    {ErrorCode::kAlreadyExists, "already_exists"},
    {ErrorCode::kInUse, "in_use"},
    {ErrorCode::kUnauthenticated, "unauthenticated"},
    {ErrorCode::kForbidden, "forbidden"},
    {ErrorCode::kNoSpace, "no_space"},
    {ErrorCode::kIo, "io"},
    {ErrorCode::kCorrupt, "corrupt"},
    {ErrorCode::kPoisoned, "poisoned"},
    {ErrorCode::kNotReady, "not_ready"},
    {ErrorCode::kTooMany, "too_many"},
    {ErrorCode::kUnavailable, "unavailable"},
    {ErrorCode::kTimeout, "timeout"},
    {ErrorCode::kCancelled, "cancelled"},
    {ErrorCode::kUnsupported, "unsupported"},
    {ErrorCode::kInternal, "internal"},
}};

ErrorCode CodeForErrno(int err) {
  switch (err) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kNoSpace;
    case ENOENT:
    case ENOTDIR:  // something on the path is a file
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
      return ErrorCode::kForbidden;
    case ENAMETOOLONG:
    case ELOOP:
    case EISDIR:
      return ErrorCode::kInvalidArgument;
    case EEXIST:
      return ErrorCode::kAlreadyExists;
    case ENOEXEC:  // a program of another kind of machine
      return ErrorCode::kUnsupported;
    case ETIMEDOUT:
      return ErrorCode::kTimeout;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

std::string_view ErrorCodeName(ErrorCode code) {
  for (const NamedCode& entry : kNames) {
    if (entry.code == code) return entry.name;
  }
  return "internal";
}

ErrorCode ErrorCodeFromName(std::string_view name) {
  for (const NamedCode& entry : kNames) {
    if (entry.name == name) return entry.code;
  }
  return ErrorCode::kInternal;
}

Error Error::Wrap(std::string_view context) const {
  return {code, std::string(context) + ": " + message, hint};
}

Error ErrnoError(int err, std::string_view what) {
  // std::generic_category is thread-safe where strerror is not.
  return {CodeForErrno(err), std::string(what) + ": " + std::generic_category().message(err)};
}

}  // namespace spawnd
