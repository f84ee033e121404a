#include "client/output/text.h"

#include <fmt/core.h>

#include <array>
#include <utility>

#include "base/escape_controls.h"

namespace spawnd::client {
namespace {

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;

struct Unit {
  int64_t seconds;
  std::string_view name;
};

/// Largest first; a month is 30 days and a year 365, as people round.
constexpr std::array<Unit, 7> kUnits{{{365 * kDay, "year"},
                                      {30 * kDay, "month"},
                                      {7 * kDay, "week"},
                                      {kDay, "day"},
                                      {kHour, "hour"},
                                      {kMinute, "minute"},
                                      {1, "second"}}};

constexpr std::string_view kKeptOnTerminal = "\n\t";

/// Bytes at the end that begin a character of UTF-8 and do not end it.
size_t IncompleteEnd(std::string_view text) {
  constexpr size_t kLongest = 4;
  for (size_t length = 1; length < kLongest && length <= text.size(); ++length) {
    const auto byte = static_cast<unsigned char>(text[text.size() - length]);
    if ((byte & 0xc0U) == 0x80) continue;  // not its first
    const size_t wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > length ? length : 0;
  }
  return 0;
}

}  // namespace

std::string Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}

std::string OneLine(std::string_view text) {
  std::string line(Trim(text));
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
  }
  return EscapeControls(line, "");
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

std::string FormatBytes(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  constexpr std::array<std::string_view, 4> kNames = {"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  // 1023.95 would be shown as 1024.0
  while (value >= 1023.95 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kNames[unit]);
}

std::string RelativeTime(int64_t time, int64_t now) {
  const int64_t distance = time > now ? time - now : now - time;
  for (const Unit& unit : kUnits) {
    // What was given two days a moment ago has two days left, not one: the future is rounded up by a
    // twentieth.
    const int64_t slack = time > now ? unit.seconds / 20 : 0;
    const int64_t count = (distance + slack) / unit.seconds;
    if (count == 0) continue;
    return fmt::format("{} {}{} {}", count, unit.name, count == 1 ? "" : "s",
                       time > now ? "from now" : "ago");
  }
  return "now";
}

std::string TerminalText::Next(std::string_view piece) {
  held_ += piece;
  const std::string whole = held_.substr(0, held_.size() - IncompleteEnd(held_));
  held_.erase(0, whole.size());
  return EscapeControls(whole, kKeptOnTerminal);
}

std::string TerminalText::Rest() {
  return EscapeControls(std::exchange(held_, {}), kKeptOnTerminal);
}

}  // namespace spawnd::client
