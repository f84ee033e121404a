#include "client/output/progress_display.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "client/output/text.h"

namespace spawnd::client {
namespace {

constexpr int64_t kRewriteEvery = 50;   ///< ms: a fast stream must not make the terminal the bottleneck
constexpr int64_t kLineEvery = 10'000;  ///< ms between lines of one stage
constexpr int64_t kRateAfter = 500;     ///< ms: a rate over less is noise
constexpr size_t kMaxStageText = 120;

std::string Seconds(int64_t milliseconds) {
  const int64_t seconds = milliseconds / 1000;
  if (seconds < 60) return fmt::format("{}.{} s", seconds, milliseconds % 1000 / 100);
  return fmt::format("{}:{:02} min", seconds / 60, seconds % 60);
}

}  // namespace

ProgressDisplay::ProgressDisplay(Mode mode, Screen screen)
    : mode_(mode),
      screen_(std::move(screen)),
      start_(screen_.now_milliseconds()),
      stage_start_(start_),
      last_write_(start_) {}

void ProgressDisplay::Show(const api::Progress& progress) {
  if (!progress.message.empty() && mode_ != Mode::kSilent) {
    Clear();
    screen_.write(fmt::format("warning: {}\n", OneLine(progress.message)));
  }
  if (!progress.note.empty() && mode_ != Mode::kSilent) {
    Clear();
    screen_.write(fmt::format("note: {}\n", OneLine(progress.note)));
  }
  if (progress.stage.empty()) return;
  const bool new_stage = progress.stage != progress_.stage;
  if (new_stage) {
    stage_start_ = screen_.now_milliseconds();
    stage_first_bytes_ = progress.bytes_done;
  }
  progress_ = progress;
  const int64_t now = screen_.now_milliseconds();
  if (mode_ == Mode::kLines && (new_stage || now - last_write_ >= kLineEvery)) {
    screen_.write(Line() + "\n");
    last_write_ = now;
  } else if (mode_ == Mode::kTerminal && (new_stage || now - last_write_ >= kRewriteEvery)) {
    Rewrite();
  }
}

void ProgressDisplay::Tick() {
  if (mode_ == Mode::kTerminal) Rewrite();
}

void ProgressDisplay::Clear() {
  if (!std::exchange(on_screen_, false)) return;
  screen_.write("\r\x1b[K");
}

std::string ProgressDisplay::Line() const {
  const int64_t now = screen_.now_milliseconds();
  std::string line = OneLine(progress_.stage).substr(0, kMaxStageText);
  if (progress_.bytes_total > 0) {
    const int64_t percent =
        std::clamp<int64_t>(static_cast<int64_t>(100.0 * static_cast<double>(progress_.bytes_done) /
                                                 static_cast<double>(progress_.bytes_total)),
                            0, 100);
    line += fmt::format("  {} of {} ({}%)", FormatBytes(progress_.bytes_done),
                        FormatBytes(progress_.bytes_total), percent);
  } else if (progress_.bytes_done > 0) {
    line += fmt::format("  {}", FormatBytes(progress_.bytes_done));
  }
  const int64_t stage_time = now - stage_start_;
  const int64_t bytes = progress_.bytes_done - stage_first_bytes_;
  if (bytes > 0 && stage_time >= kRateAfter) {
    const double rate = static_cast<double>(bytes) * 1000 / static_cast<double>(stage_time);
    line += fmt::format("  {}/s", FormatBytes(static_cast<int64_t>(rate)));
  }
  return line + fmt::format("  {}", Seconds(now - start_));
}

void ProgressDisplay::Rewrite() {
  if (progress_.stage.empty()) return;
  // A full last column would wrap on some terminals.
  const size_t width = std::max<size_t>(screen_.columns, 2) - 1;
  screen_.write(fmt::format("\r{}\x1b[K", Line().substr(0, width)));
  last_write_ = screen_.now_milliseconds();
  on_screen_ = true;
}

}  // namespace spawnd::client
