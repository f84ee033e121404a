/// Random texts: of the alphabet, all of it, and not twice the same. And text as a part of a URL.
#include "base/random.h"

#include <map>
#include <set>

#include "base/percent_encode.h"
#include "tests/support/catch.h"

namespace spawnd {
namespace {

TEST_CASE("random text has its length and its alphabet only") {
  for (const size_t length : {0, 1, 16, 1000}) {
    const std::string text = RandomText(length, kLowerLetters);
    CHECK(text.size() == length);
    CHECK(text.find_first_not_of(kLowerLetters) == std::string::npos);
  }
  CHECK(RandomText(5, "x") == "xxxxx");
}

TEST_CASE("no letter is favoured") {
  // 62 does not divide 256: without care the first letters come a quarter more often.
  constexpr size_t kLength = 200'000;
  std::map<char, size_t> counts;
  for (const char c : RandomText(kLength, kLettersAndDigits)) ++counts[c];
  REQUIRE(counts.size() == kLettersAndDigits.size());
  const double expected = static_cast<double>(kLength) / static_cast<double>(kLettersAndDigits.size());
  for (const auto& [letter, count] : counts) {
    INFO(letter);
    // Six standard deviations are a tenth: once in ten million runs by chance.
    CHECK(static_cast<double>(count) > expected * 0.88);
    CHECK(static_cast<double>(count) < expected * 1.12);
  }
}

TEST_CASE("ids are 32 hex digits and never the same") {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = RandomId();
    CHECK(id.size() == 32);
    CHECK(id.find_first_not_of(kHexDigits) == std::string::npos);
    ids.insert(id);
  }
  CHECK(ids.size() == 1000);
}

TEST_CASE("text in a URL") {
  CHECK(PercentEncode("team/a:b c%") == "team%2Fa%3Ab%20c%25");
  CHECK(PercentEncode("Az09-._~") == "Az09-._~");
  CHECK(PercentEncode("\xc3\xa4\n") == "%C3%A4%0A");
  CHECK(PercentEncode("").empty());
}

}  // namespace
}  // namespace spawnd
