/// Request targets: splitting, percent-decoding, what is refused.
#include "daemon/http/target.h"

#include "tests/support/catch.h"

namespace spawnd::daemon::http {
namespace {

using Segments = std::vector<std::string>;

Segments PathOf(std::string_view target) {
  const auto parsed = ParseTarget(target);
  REQUIRE(parsed);
  return parsed->path;
}

TEST_CASE("a path is split first and decoded then") {
  CHECK(PathOf("/") == Segments{});
  CHECK(PathOf("/v1/data-images") == Segments{"v1", "data-images"});
  CHECK(PathOf("/v1/data-images/a%2Fb%3a1.0") == Segments{"v1", "data-images", "a/b:1.0"});
  CHECK(PathOf("/v1/") == Segments{"v1", ""});
  CHECK(PathOf("/a+b/%2B%25") == Segments{"a+b", "+%"});
  CHECK(PathOf("/%C3%A9%E2%82%AC%F0%9F%98%80") == Segments{"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"});
  CHECK(PathOf("http://localhost/v1/version") == Segments{"v1", "version"});
  CHECK(PathOf("http://localhost") == Segments{});
  CHECK(PathOf("/a?b/c") == Segments{"a"});
}

TEST_CASE("a query becomes names and values") {
  const auto parsed = ParseTarget("/x?image=a%26b&empty=&bare&&text=one+two%2B&=v");
  REQUIRE(parsed);
  const std::map<std::string, std::string> expected{
      {"image", "a&b"}, {"empty", ""}, {"bare", ""}, {"text", "one two+"}, {"", "v"}};
  CHECK(parsed->query == expected);
}

TEST_CASE("what cannot be decoded without doubt is refused") {
  const auto bad = GENERATE("/%", "/%4", "/%zz", "/a%00b", "/x?a=%0", "/x?a=1&a=2", "/%FF", "/%C0%80",
                            "/%ED%A0%80", "/%F4%90%80%80", "/%E2%82", "v1", "*", "", "host:80", "https://x/");
  const auto parsed = ParseTarget(bad);
  INFO(bad);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace spawnd::daemon::http
