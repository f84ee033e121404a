#include "daemon/build/script_order.h"

#include <algorithm>
#include <cctype>
#include <compare>
#include <optional>
#include <tuple>

#include "base/text.h"

namespace spawnd::daemon {
namespace {

/// Parts without leading zeros, so that of two the longer is the greater number; no zeros at the end: 1.0
/// is 1.
using Version = std::vector<std::string>;

std::strong_ordering Compare(const Version& a, const Version& b) {
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string& x = i < a.size() ? a[i] : std::string();
    const std::string& y = i < b.size() ? b[i] : std::string();
    if (const auto by_length = x.size() <=> y.size(); by_length != 0) return by_length;
    if (const int by_digits = x.compare(y); by_digits != 0) return by_digits <=> 0;
  }
  return std::strong_ordering::equal;
}

/// "1_2.03" is {"1", "2", "3"}; empty for what is no version.
std::optional<Version> ParseVersion(std::string_view text) {
  Version version;
  while (true) {
    const size_t end = std::min(text.size(), text.find_first_not_of("0123456789"));
    if (end == 0) return std::nullopt;
    std::string_view digits = text.substr(0, end);
    digits.remove_prefix(std::min(digits.size(), digits.find_first_not_of('0')));
    version.emplace_back(digits);
    text.remove_prefix(end);
    if (text.empty()) break;
    if (text.front() != '.' && text.front() != '_') return std::nullopt;
    text.remove_prefix(1);
  }
  while (!version.empty() && version.back().empty()) version.pop_back();
  return version;
}

enum class Kind { kVersioned, kPlain, kRepeatable, kUndo, kBaseline };

struct Script {
  Kind kind = Kind::kPlain;
  Version version;          ///< kVersioned
  std::string description;  ///< kRepeatable
  std::string path;

  bool operator<(const Script& other) const {
    if (kind != other.kind) return kind < other.kind;
    if (const auto by_version = Compare(version, other.version); by_version != 0) return by_version < 0;
    return std::tie(description, path) < std::tie(other.description, other.path);
  }
};

/// The name without its ending, when that is one of those.
std::optional<std::string_view> WithoutEnding(std::string_view name,
                                              const std::vector<std::string_view>& endings) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const std::string ending = LowerCase(name.substr(dot + 1));
  if (std::find(endings.begin(), endings.end(), ending) == endings.end()) return std::nullopt;
  return name.substr(0, dot);
}

Script Read(const std::string& path, std::string_view stem) {
  Script script;
  script.path = path;
  const size_t separator = stem.find("__");
  const std::string_view middle =
      stem.substr(1, separator == std::string_view::npos ? separator : separator - 1);
  if (stem.front() == 'R' && separator == 1) {
    script.kind = Kind::kRepeatable;
    script.description = stem.substr(separator + 2);
    return script;
  }
  if (stem.front() != 'V' && stem.front() != 'U' && stem.front() != 'B') return script;
  auto version = ParseVersion(middle);
  if (!version) return script;  // "Values.sql": a name like any other
  script.kind = stem.front() == 'V' ? Kind::kVersioned : stem.front() == 'U' ? Kind::kUndo : Kind::kBaseline;
  script.version = std::move(*version);
  return script;
}

Result<void> CheckVersionsDiffer(const std::vector<Script>& sorted) {
  for (size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i].kind != Kind::kVersioned || Compare(sorted[i - 1].version, sorted[i].version) != 0)
      continue;
    return Fail(ErrorCode::kInvalidArgument,
                "scripts '" + sorted[i - 1].path + "' and '" + sorted[i].path + "' have the same version",
                "Give one of them another number.");
  }
  return {};
}

}  // namespace

Result<OrderedScripts> OrderScripts(const std::vector<std::string>& paths,
                                    const std::vector<std::string_view>& endings) {
  OrderedScripts ordered;
  std::vector<Script> scripts;
  for (const std::string& path : paths) {
    const std::string name = path.substr(path.rfind('/') + 1);
    const auto stem = WithoutEnding(name, endings);
    if (!stem) {
      ordered.notes.push_back("skipped '" + path + "': no script by its ending");
      continue;
    }
    Script script = Read(path, *stem);
    if (script.kind == Kind::kUndo || script.kind == Kind::kBaseline) {
      ordered.notes.push_back("skipped '" + path +
                              "': " + (script.kind == Kind::kUndo ? "an undo script" : "a baseline script"));
      continue;
    }
    scripts.push_back(std::move(script));
  }
  std::sort(scripts.begin(), scripts.end());
  TRY(CheckVersionsDiffer(scripts));
  for (Script& script : scripts) ordered.paths.push_back(std::move(script.path));
  return ordered;
}

}  // namespace spawnd::daemon
