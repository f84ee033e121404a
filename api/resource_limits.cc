#include "api/resource_limits.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

namespace spawnd::api {
namespace {

/// With less no server starts, and the error would be one of its own.
constexpr int64_t kLeastMemory = int64_t{32} << 20;
constexpr int64_t kMostMemory = int64_t{1} << 50;
constexpr int64_t kLeastPids = 32;
constexpr int64_t kMostPids = 4'194'304;  ///< the kernel's own
constexpr double kLeastCpus = 0.01;
constexpr double kMostCpus = 8192;
constexpr int64_t kMostWeight = 10'000;

/// A server keeps that much anyway.
constexpr int64_t kLeastKeptLog = int64_t{64} << 20;

constexpr std::string_view kMemoryWanted = "a size from 32MiB to 1024TiB, such as 512MiB, or none";
constexpr std::string_view kCpusWanted = "a number of processors from 0.01 to 8192, such as 1.5, or none";
constexpr std::string_view kPidsWanted = "a number from 32 to 4194304, or none";
constexpr std::string_view kWeightWanted = "a number from 1 to 10000; 100 is the usual";

tl::unexpected<Error> Bad(std::string_view text, std::string_view wanted) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is not {}", text, wanted));
}

bool IsNone(std::string_view text) {
  return text == "none" || text == "0";
}

/// All of `text`.
template <typename Number>
std::optional<Number> Parse(std::string_view text) {
  Number number{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// How often a unit counts in 1024s; nothing for what is none: "", "k", "MB", "GiB", in any case.
std::optional<int> PowerOf(std::string_view unit) {
  std::string lower(unit);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower.empty() || lower == "b") return 0;
  constexpr std::string_view kLetters = "kmgt";
  const size_t power = kLetters.find(lower.front());
  const std::string_view rest = std::string_view(lower).substr(1);
  if (power == std::string_view::npos || !(rest.empty() || rest == "b" || rest == "i" || rest == "ib")) {
    return std::nullopt;
  }
  return static_cast<int>(power) + 1;
}

/// A size of at most kMostMemory.
std::optional<int64_t> BytesIn(std::string_view text) {
  const size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = Parse<double>(text.substr(0, end));
  const auto power = PowerOf(text.substr(end));
  if (!number || !power) return std::nullopt;
  const double bytes = *number * std::pow(1024.0, *power);
  if (!(bytes >= 0 && bytes <= static_cast<double>(kMostMemory))) return std::nullopt;
  return static_cast<int64_t>(bytes);
}

template <typename Number>
bool Within(const std::optional<Number>& number, Number least, Number most) {
  return !number || *number == 0 || (*number >= least && *number <= most);
}

}  // namespace

Result<int64_t> ParseMemory(std::string_view text) {
  if (IsNone(text)) return 0;
  const auto bytes = BytesIn(text);
  if (!bytes || *bytes < kLeastMemory) return Bad(text, kMemoryWanted);
  return *bytes;
}

Result<void> CheckKeptLog(int64_t bytes) {
  if (bytes >= kLeastKeptLog) return {};
  return Fail(ErrorCode::kInvalidArgument, "'maxKeptWal' is less than 64MiB, which a server keeps anyway",
              "Write a size, such as 16GiB.");
}

Result<int64_t> ParseKeptLog(std::string_view text) {
  const auto bytes = BytesIn(text);
  if (!bytes) return Bad(text, "a size from 64MiB to 1024TiB, such as 16GiB");
  TRY(CheckKeptLog(*bytes));
  return *bytes;
}

Result<double> ParseCpus(std::string_view text) {
  if (IsNone(text)) return 0.0;
  const auto number = Parse<double>(text);
  if (!number || !(*number >= kLeastCpus && *number <= kMostCpus)) return Bad(text, kCpusWanted);
  return *number;
}

Result<int64_t> ParsePids(std::string_view text) {
  if (IsNone(text)) return 0;
  const auto number = Parse<int64_t>(text);
  if (!number || *number < kLeastPids || *number > kMostPids) return Bad(text, kPidsWanted);
  return *number;
}

Result<int64_t> ParseWeight(std::string_view text) {
  const auto number = Parse<int64_t>(text);
  if (!number || *number < 1 || *number > kMostWeight) return Bad(text, kWeightWanted);
  return *number;
}

Result<void> ValidateLimits(const Limits& limits) {
  const auto bad = [](std::string_view name, std::string_view wanted) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("limits.{} is not {}", name, wanted));
  };
  if (!Within(limits.memory_bytes, kLeastMemory, kMostMemory)) return bad("memoryBytes", kMemoryWanted);
  if (!Within(limits.cpus, kLeastCpus, kMostCpus)) return bad("cpus", kCpusWanted);
  if (!Within(limits.pids, kLeastPids, kMostPids)) return bad("pids", kPidsWanted);
  const auto weight = [](const std::optional<int64_t>& number) {
    return !number || (*number >= 1 && *number <= kMostWeight);
  };
  if (!weight(limits.cpu_weight)) return bad("cpuWeight", kWeightWanted);
  if (!weight(limits.io_weight)) return bad("ioWeight", kWeightWanted);
  return {};
}

Limits Overlay(const Limits& first, const Limits& second) {
  Limits limits = first;
  const auto fill = [](auto& member, const auto& other) {
    if (!member) member = other;
  };
  fill(limits.memory_bytes, second.memory_bytes);
  fill(limits.cpus, second.cpus);
  fill(limits.pids, second.pids);
  fill(limits.cpu_weight, second.cpu_weight);
  fill(limits.io_weight, second.io_weight);
  return limits;
}

}  // namespace spawnd::api
