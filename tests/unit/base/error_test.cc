/// The one error type: its names, and which code a failed system call has.
#include "base/error.h"

#include <cerrno>
#include <set>

#include "tests/support/catch.h"

namespace spawnd {
namespace {

TEST_CASE("every code has a name of its own that leads back to it") {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    CHECK(ErrorCodeFromName(ErrorCodeName(code)) == code);
    names.insert(ErrorCodeName(code));
  }
  CHECK(names.size() == static_cast<size_t>(ErrorCode::kInternal) + 1);
  CHECK(ErrorCodeFromName("no such name") == ErrorCode::kInternal);
}

TEST_CASE("a failed system call: what, why, and a code that fits") {
  const Error error = ErrnoError(ENOENT, "cannot open '/x'");
  CHECK(error.message == "cannot open '/x': No such file or directory");
  CHECK(error.hint.empty());
  CHECK(error.code == ErrorCode::kNotFound);
  CHECK(ErrnoError(ENOTDIR, "x").code == ErrorCode::kNotFound);
  CHECK(ErrnoError(ENOSPC, "x").code == ErrorCode::kNoSpace);
  CHECK(ErrnoError(EDQUOT, "x").code == ErrorCode::kNoSpace);
  CHECK(ErrnoError(EACCES, "x").code == ErrorCode::kForbidden);
  CHECK(ErrnoError(EEXIST, "x").code == ErrorCode::kAlreadyExists);
  CHECK(ErrnoError(EIO, "x").code == ErrorCode::kIo);
  CHECK(ErrnoError(EMFILE, "x").code == ErrorCode::kIo);
}

TEST_CASE("an error that is told on keeps code and hint") {
  const Error error = Error(ErrorCode::kTimeout, "deadline passed", "Try again.").Wrap("'mkfs' was stopped");
  CHECK(error.code == ErrorCode::kTimeout);
  CHECK(error.message == "'mkfs' was stopped: deadline passed");
  CHECK(error.hint == "Try again.");
}

}  // namespace
}  // namespace spawnd
