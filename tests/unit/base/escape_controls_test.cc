/// Nothing of a text does anything to what shows it.
#include "base/escape_controls.h"

#include "tests/support/catch.h"

namespace spawnd {
namespace {

TEST_CASE("control characters become text, all others stay") {
  CHECK(EscapeControls("plain, \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 ~", "") ==
        "plain, \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 ~");
  CHECK(EscapeControls("a\nb\rc\td", "") == "a\\nb\\rc\\td");
  CHECK(EscapeControls("\x1b[31mred\x1b]0;title\x07", "") == "\\x1b[31mred\\x1b]0;title\\x07");
  CHECK(EscapeControls(std::string_view("\0\x7f", 2), "") == "\\x00\\x7f");
  CHECK(EscapeControls("", "").empty());
}

TEST_CASE("C1 controls, of which a terminal takes one for the beginning of a sequence, are controls, too") {
  CHECK(EscapeControls("\xc2\x9b"
                       "31m",
                       "") == "\\x9b31m");
  CHECK(EscapeControls("\xc2\xa0", "") == "\xc2\xa0");  // a blank, no control
  CHECK(EscapeControls("\x9b"
                       "31m",
                       "") == "\\x9b31m");
}

TEST_CASE("bytes that are no UTF-8 are shown one by one") {
  CHECK(EscapeControls("\xff\xc3", "") == "\\xff\\xc3");
  CHECK(EscapeControls("\xe2\x82", "") == "\\xe2\\x82");
  CHECK(EscapeControls("\xc3\n", "") == "\\xc3\\n");
}

TEST_CASE("what is to be kept is kept") {
  CHECK(EscapeControls("a\n\tb\r\x1b", "\n\t") == "a\n\tb\\r\\x1b");
}

}  // namespace
}  // namespace spawnd
