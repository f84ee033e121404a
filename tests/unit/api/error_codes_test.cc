/// The two tables at the edges: every code has an entry, and the ones scripts rely on have the right number.
#include "api/error_codes.h"

#include <set>

#include "tests/support/catch.h"

using spawnd::ErrorCode;
using spawnd::api::ExitCode;
using spawnd::api::HttpStatus;

TEST_CASE("exit codes are those of docs/contract.md") {
  CHECK(ExitCode(ErrorCode::kNotFound) == 2);
  CHECK(ExitCode(ErrorCode::kNoSpace) == 5);
  CHECK(ExitCode(ErrorCode::kUnauthenticated) == 7);
  CHECK(ExitCode(ErrorCode::kInvalidArgument) == 64);
  CHECK(ExitCode(ErrorCode::kUnsupported) == 64);
  CHECK(ExitCode(ErrorCode::kUnavailable) == 69);
  CHECK(ExitCode(ErrorCode::kNotReady) == 75);
  CHECK(ExitCode(ErrorCode::kInUse) == 1);
  CHECK(ExitCode(ErrorCode::kInternal) == 1);
}

TEST_CASE("every code has a documented HTTP status and never exits with success") {
  const std::set<int> documented = {400, 401, 403, 404, 409, 429, 500, 501, 503, 504, 507};
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    INFO(spawnd::ErrorCodeName(static_cast<ErrorCode>(code)));
    CHECK(documented.contains(HttpStatus(static_cast<ErrorCode>(code))));
    CHECK(ExitCode(static_cast<ErrorCode>(code)) != 0);
  }
  CHECK(HttpStatus(ErrorCode::kNotFound) == 404);
  CHECK(HttpStatus(ErrorCode::kAlreadyExists) == 409);
  CHECK(HttpStatus(ErrorCode::kNoSpace) == 507);
}
