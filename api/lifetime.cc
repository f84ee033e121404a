#include "api/lifetime.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <optional>

namespace spawnd::api {
namespace {

constexpr size_t kMaxTextLength = 64;

struct Unit {
  std::string_view name;
  double seconds;
};

// Two-letter names first: "ms" must not be read as "m".
constexpr std::array<Unit, 9> kUnits{{
    {"ns", 1e-9},
    {"us", 1e-6},
    {"\xc2\xb5s", 1e-6},  // U+00B5 micro sign
    {"\xce\xbcs", 1e-6},  // U+03BC Greek mu
    {"ms", 1e-3},
    {"s", 1},
    {"m", 60},
    {"h", 3600},
    {"d", 86400},
}};

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads "12", "1.5" or ".5" off the front of `text`.
std::optional<double> TakeNumber(std::string_view& text) {
  double value = 0;
  double scale = 1;
  bool any = false;
  bool fraction = false;
  for (; !text.empty(); text.remove_prefix(1)) {
    const char c = text.front();
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!IsDigit(c)) break;
    any = true;
    if (fraction) {
      scale /= 10;
      value += (c - '0') * scale;
    } else {
      value = value * 10 + (c - '0');
    }
  }
  if (!any) return std::nullopt;
  return value;
}

std::optional<double> TakeUnit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return unit.seconds;
    }
  }
  return std::nullopt;
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace

Result<int64_t> ParseLifetime(std::string_view text) {
  const std::string_view shown = text.substr(0, kMaxTextLength);
  const auto bad = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("lifetime '{}' {}", shown, why),
                "Write a duration such as 10m, 3h10m, 48h or 7d; 0 is for ever.");
  };
  std::string_view rest = Trim(text);
  if (rest.empty()) return bad("is empty");
  if (rest.size() > kMaxTextLength) return bad("is too long");
  if (rest.front() == '-') return bad("is negative");
  if (rest == "0") return 0;
  double seconds = 0;
  while (!rest.empty()) {
    const std::optional<double> number = TakeNumber(rest);
    if (!number) return bad("is not a duration");
    const std::optional<double> unit = TakeUnit(rest);
    if (!unit) return bad(rest.empty() ? "has no unit" : "has an unknown unit");
    seconds += *number * *unit;
  }
  if (seconds > static_cast<double>(kMaxLifetimeSeconds)) return bad("is longer than 100 years");
  // A sum such as 0.1h + 0.2h must not gain a second from the last bit of a double.
  return static_cast<int64_t>(std::ceil(seconds - 1e-7 * (seconds >= 1 ? 1 : 0)));
}

Result<void> ValidateLifetime(int64_t seconds) {
  if (seconds >= 0 && seconds <= kMaxLifetimeSeconds) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("lifetime of {} s {}", seconds, seconds < 0 ? "is negative" : "is longer than 100 years"),
      "0 is for ever.");
}

}  // namespace spawnd::api
