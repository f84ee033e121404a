/// Result, and the two macros that hand an error on.
#include "base/result.h"

#include <cerrno>
#include <memory>
#include <string>

#include "tests/support/catch.h"

namespace spawnd {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0)
    return Fail(ErrorCode::kInvalidArgument, std::to_string(number) + " is odd", "Add one.");
  return number / 2;
}

Result<int> Quarter(int number) {
  TRY_ASSIGN(const int half, Half(number));
  return Half(half);
}

Result<void> CheckEven(int number, bool& went_on) {
  TRY(Half(number).map([](int) {}));
  went_on = true;
  return {};
}

Result<std::unique_ptr<int>> Moved() {
  TRY_ASSIGN(auto made, Result<std::unique_ptr<int>>(std::make_unique<int>(7)));
  return made;
}

TEST_CASE("the value goes on, the error goes back as it is") {
  CHECK(Quarter(12).value() == 3);
  for (const int number : {5, 6}) {
    const auto failed = Quarter(number);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == ErrorCode::kInvalidArgument);
    CHECK(failed.error().message == (number == 5 ? "5 is odd" : "3 is odd"));
    CHECK(failed.error().hint == "Add one.");
  }
  CHECK(*Moved().value() == 7);
}

TEST_CASE("TRY leaves the function at an error only") {
  bool went_on = false;
  CHECK_FALSE(CheckEven(3, went_on));
  CHECK_FALSE(went_on);
  CHECK(CheckEven(4, went_on));
  CHECK(went_on);
}

TEST_CASE("a failed system call as a result") {
  const Result<void> failed = FailErrno(ENOSPC, "cannot write 'x'");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::kNoSpace);
  CHECK(failed.error().message == "cannot write 'x': No space left on device");
}

}  // namespace
}  // namespace spawnd
