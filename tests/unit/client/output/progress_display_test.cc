#include "client/output/progress_display.h"

#include <utility>

#include "tests/support/catch.h"

using spawnd::api::Progress;
using spawnd::client::ProgressDisplay;
using Mode = ProgressDisplay::Mode;
using Catch::Matchers::Contains;

namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

/// A display whose clock the test moves and whose output it reads.
struct Shown {
  explicit Shown(Mode mode, size_t columns = 80)
      : display(mode, {[this](std::string_view bytes) { text += bytes; }, [this] { return now; }, columns}) {}
  std::string Take() { return std::exchange(text, {}); }

  int64_t now = 5000;
  std::string text;
  ProgressDisplay display;
};

}  // namespace

TEST_CASE("on a terminal one line is rewritten and goes away") {
  Shown shown(Mode::kTerminal);
  shown.display.Tick();
  CHECK(shown.Take().empty());  // nothing to say yet
  shown.display.Show({"restoring", 0, 40 * kMiB, ""});
  CHECK(shown.Take() == "\rrestoring  0 B of 40.0 MiB (0%)  0.0 s\x1b[K");
  shown.now += 10;
  shown.display.Show({"restoring", kMiB, 40 * kMiB, ""});
  CHECK(shown.Take().empty());  // too soon to rewrite
  shown.now += 1990;
  shown.display.Show({"restoring", 20 * kMiB, 40 * kMiB, ""});
  CHECK(shown.Take() == "\rrestoring  20.0 MiB of 40.0 MiB (50%)  10.0 MiB/s  2.0 s\x1b[K");
  shown.now += 90'000;
  shown.display.Tick();
  CHECK_THAT(shown.Take(), Contains("1:32 min"));
  shown.display.Show({"sealing", 0, 0, ""});
  CHECK(shown.Take() == "\rsealing  1:32 min\x1b[K");
  shown.display.Clear();
  CHECK(shown.Take() == "\r\x1b[K");
  shown.display.Clear();
  CHECK(shown.Take().empty());
}

TEST_CASE("a warning stands on a line of its own") {
  Shown shown(Mode::kTerminal);
  shown.display.Show({"restoring", 0, 0, ""});
  shown.Take();
  shown.display.Show({"", 0, 0, "locale 'xx_YY' is\nmissing\x1b[2J"});
  CHECK(shown.Take() == "\r\x1b[Kwarning: locale 'xx_YY' is missing [2J\n");
}

TEST_CASE("a note is no warning, and needs no terminal") {
  for (const Mode mode : {Mode::kWarnings, Mode::kLines, Mode::kTerminal}) {
    Shown shown(mode);
    shown.display.Show({"", 0, 0, "", "the first time\x1b[2J"});
    CHECK(shown.Take() == "note: the first time [2J\n");
  }
  Shown silent(Mode::kSilent);
  silent.display.Show({"", 0, 0, "", "the first time"});
  CHECK(silent.Take().empty());
}

TEST_CASE("lines are cut to the terminal") {
  Shown shown(Mode::kTerminal, 20);
  shown.display.Show({std::string(500, 's'), 1, 0, ""});
  CHECK(shown.Take() == "\r" + std::string(19, 's') + "\x1b[K");
}

TEST_CASE("without a terminal a line for each stage and now and then") {
  Shown shown(Mode::kLines);
  shown.display.Show({"initialising", 0, 0, ""});
  CHECK(shown.Take() == "initialising  0.0 s\n");
  shown.display.Show({"restoring", 0, 0, ""});
  CHECK(shown.Take() == "restoring  0.0 s\n");
  shown.now += 9'999;
  shown.display.Show({"restoring", kMiB, 0, ""});
  shown.display.Tick();
  shown.display.Clear();
  CHECK(shown.Take().empty());
  shown.now += 1;
  shown.display.Show({"restoring", 10 * kMiB, 0, ""});
  CHECK(shown.Take() == "restoring  10.0 MiB  1.0 MiB/s  10.0 s\n");
}

TEST_CASE("warnings only, or nothing at all") {
  Shown warnings(Mode::kWarnings);
  warnings.display.Show({"restoring", 5, 10, ""});
  warnings.display.Tick();
  warnings.display.Clear();
  CHECK(warnings.Take().empty());
  warnings.display.Show({"restoring", 5, 10, "careful"});
  CHECK(warnings.Take() == "warning: careful\n");

  Shown silent(Mode::kSilent);
  silent.display.Show({"restoring", 5, 10, "careful"});
  silent.display.Clear();
  CHECK(silent.Take().empty());
}

TEST_CASE("numbers that make no sense do not break the line") {
  Shown shown(Mode::kLines);
  shown.display.Show({"a", 50, 10, ""});
  CHECK_THAT(shown.Take(), Contains("(100%)"));
  shown.display.Show({"b", int64_t{1} << 53, int64_t{1} << 53, ""});
  CHECK_THAT(shown.Take(), Contains("8192.0 TiB of 8192.0 TiB (100%)"));
}
