#include "api/restore_options.h"

#include "tests/support/catch.h"

namespace spawnd::api {
namespace {

using Catch::Matchers::Contains;

TEST_CASE("restore options: bounds of what a request says") {
  CHECK(ValidateRestore({}));
  RestoreOptions options;
  options.tables = {"public.a", "b.*"};
  options.locale = "en_US.UTF-8";
  CHECK(ValidateRestore(options));
  options.ignored_errors = {""};
  CHECK_THAT(ValidateRestore(options).error().message, Contains("'onError' is empty"));
  options.ignored_errors = {"a\nb"};
  CHECK_THAT(ValidateRestore(options).error().message, Contains("'onError' is no line of text"));
  options.ignored_errors = {std::string(1025, 'x')};
  CHECK_THAT(ValidateRestore(options).error().message, Contains("1025 bytes"));
  options.ignored_errors.assign(2001, "x");
  CHECK_THAT(ValidateRestore(options).error().message, Contains("2001 entries"));
  options.ignored_errors.assign(2000, "x");
  CHECK(ValidateRestore(options));
  options.exclude_data.assign(100, std::string(1000, 'x'));
  CHECK_THAT(ValidateRestore(options).error().message, Contains("bytes together"));
  options.exclude_data.clear();
  options.encoding = "UTF8\n";
  CHECK_THAT(ValidateRestore(options).error().message, Contains("'encoding'"));
}

}  // namespace
}  // namespace spawnd::api
