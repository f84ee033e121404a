/// Result<T>: a value or an Error. Every public function that can fail returns one, and the compiler sees to
/// it that every one is looked at: the class is [[nodiscard]] (tl::expected 1.0 is not) and the build has
/// -Werror.
#pragma once

#include <tl/expected.hpp>

#include <utility>

#include "base/error.h"

namespace spawnd {

template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  // NOLINTNEXTLINE(google-explicit-constructor): what tl's own map() and and_then() return converts back.
  Result(tl::expected<T, Error> value) : tl::expected<T, Error>(std::move(value)) {}
  Result() = default;
};

/// The error side of a Result: `return Fail(ErrorCode::kNotFound, "no image 'x'");`
inline tl::unexpected<Error> Fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected<Error>(Error(code, std::move(message), std::move(hint)));
}
inline tl::unexpected<Error> Fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

/// The error side for a failed system call; read errno before anything can change it.
inline tl::unexpected<Error> FailErrno(int err, std::string_view what) {
  return Fail(ErrnoError(err, what));
}

#define SPAWND_CONCAT_INNER(a, b) a##b
#define SPAWND_CONCAT(a, b) SPAWND_CONCAT_INNER(a, b)

/// Returns the error of a Result<void> expression to the caller, if it has one.
#define TRY(expr)                                                                           \
  do {                                                                                      \
    auto try_result = (expr);                                                               \
    if (!try_result) return tl::unexpected<::spawnd::Error>(std::move(try_result.error())); \
  } while (false)

/// Declares `decl` from a Result<T> expression, or returns its error: TRY_ASSIGN(auto fd, Open(path));
#define TRY_ASSIGN(decl, expr) TRY_ASSIGN_INNER(SPAWND_CONCAT(try_value_, __LINE__), decl, expr)
#define TRY_ASSIGN_INNER(tmp, decl, expr)                                   \
  auto tmp = (expr);                                                        \
  if (!tmp) return tl::unexpected<::spawnd::Error>(std::move(tmp.error())); \
  decl = std::move(*tmp)

}  // namespace spawnd
