#include "client/output/text.h"

#include "tests/support/catch.h"

using namespace spawnd::client;

TEST_CASE("relative times read as people say them") {
  constexpr int64_t kNow = 1'700'000'000;
  constexpr int64_t kDay = 86400;
  const std::pair<int64_t, const char*> cases[] = {
      {0, "now"},
      {-1, "1 second ago"},
      {-59, "59 seconds ago"},
      {-60, "1 minute ago"},
      {-3599, "59 minutes ago"},
      {-3600, "1 hour ago"},
      {-2 * kDay, "2 days ago"},
      {-3 * kDay, "3 days ago"},
      {-kDay - 5, "1 day ago"},
      {-8 * kDay, "1 week ago"},
      {-60 * kDay, "2 months ago"},
      {-800 * kDay, "2 years ago"},
      {5, "5 seconds from now"},
      {4 * kDay, "4 days from now"},
      {4 * kDay - 60, "4 days from now"},
      {2 * kDay - 60, "2 days from now"},
      {2 * kDay - 7200, "1 day from now"},
      {kDay - 5, "1 day from now"},
      {600 - 2, "10 minutes from now"},
      {366 * kDay, "1 year from now"},
  };
  for (const auto& [offset, text] : cases) CHECK(RelativeTime(kNow + offset, kNow) == text);
}

TEST_CASE("sizes have three digits and a unit") {
  CHECK(FormatBytes(0) == "0 B");
  CHECK(FormatBytes(1023) == "1023 B");
  CHECK(FormatBytes(1024) == "1.0 KiB");
  CHECK(FormatBytes(1536) == "1.5 KiB");
  CHECK(FormatBytes((1 << 20) - 1) == "1.0 MiB");
  CHECK(FormatBytes(int64_t{40} << 20) == "40.0 MiB");
  CHECK(FormatBytes(int64_t{3} << 40) == "3.0 TiB");
  CHECK(FormatBytes(int64_t{5000} << 40) == "5000.0 TiB");
}

TEST_CASE("text from elsewhere is one harmless line") {
  CHECK(OneLine("  two\nlines\r\n") == "two lines");
  CHECK(OneLine("\x1b[31mred\x7f.") == " [31mred .");
  CHECK(OneLine("\xc3\xa4") == "\xc3\xa4");
  CHECK(OneLine("\xc2\x9b"
                "2J") == "\\x9b2J");
  CHECK(Trim(" \t\n ").empty());
}

TEST_CASE("a log on a terminal: lines and tabs stay, sequences become text, characters are not cut") {
  TerminalText shown;
  CHECK(shown.Next("a\tb\n\x1b]0;owned\x07") == "a\tb\n\\x1b]0;owned\\x07");
  CHECK(shown.Next("caf\xc3") == "caf");
  CHECK(shown.Next("\xa9 \xf0\x9f") == "\xc3\xa9 ");
  CHECK(shown.Next("\x98").empty());
  CHECK(shown.Next("\x80\xc2") == "\xf0\x9f\x98\x80");
  CHECK(shown.Next("\x9b"
                   "A") == "\\x9bA");
  CHECK(shown.Next("\xe2\x82").empty());
  CHECK(shown.Rest() == "\\xe2\\x82");
  CHECK(shown.Rest().empty());
}
