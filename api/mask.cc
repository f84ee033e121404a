#include "api/mask.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "api/json_writer.h"
#include "api/mapping.h"

namespace spawnd::api {
namespace {

constexpr const char* kKindsHint =
    "It is one of null, constant (value), hash, partial (keepFirst, keepLast, with), shuffle, sql "
    "(expression).";

/// No column has as many characters; a larger number is a mistake.
constexpr int64_t kMostKept = 1000;

std::string_view WordOf(MaskKind kind) {
  for (const auto& [candidate, word] : kMaskKindNames) {
    if (candidate == kind) return word;
  }
  return "";
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

tl::unexpected<Error> Bad(std::string message, std::string hint = {}) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message), std::move(hint));
}

/// Names are a line each; SQL may have several.
Result<void> CheckTexts(const MaskRule& rule) {
  const std::array<std::pair<std::string_view, std::string_view>, 7> texts{
      {{"database", rule.database},
       {"table", rule.table},
       {"column", rule.column},
       {"value", rule.value ? std::string_view(*rule.value) : std::string_view()},
       {"with", rule.with ? std::string_view(*rule.with) : std::string_view()},
       {"expression", rule.expression},
       {"where", rule.where}}};
  for (const auto& [key, text] : texts) {
    const bool is_name = key == "database" || key == "table" || key == "column";
    const size_t most = is_name ? kMaxMaskName : kMaxMaskText;
    if (text.size() > most) {
      return Bad(fmt::format("'{}' has {} bytes, at most {} are allowed", key, text.size(), most));
    }
    if (is_name && HasControl(text)) return Bad(fmt::format("'{}' is no line of text", key));
  }
  return {};
}

/// A key that belongs to another kind of rule means that the wrong kind stands there.
Result<void> CheckForeignKeys(const MaskRule& rule) {
  struct Key {
    std::string_view name;
    bool given;
    MaskKind kind;
  };
  const std::array<Key, 5> keys{{{"value", rule.value.has_value(), MaskKind::kConstant},
                                 {"keepFirst", rule.keep_first != 0, MaskKind::kPartial},
                                 {"keepLast", rule.keep_last != 0, MaskKind::kPartial},
                                 {"with", rule.with.has_value(), MaskKind::kPartial},
                                 {"expression", !rule.expression.empty(), MaskKind::kSql}}};
  for (const Key& key : keys) {
    if (!key.given || key.kind == rule.rule) continue;
    return Bad(fmt::format("'{}' is for rule {}, and the rule is {}", key.name, WordOf(key.kind),
                           WordOf(rule.rule)));
  }
  return {};
}

Result<void> CheckPartial(const MaskRule& rule) {
  if (rule.keep_first < 0 || rule.keep_last < 0 || rule.keep_first > kMostKept ||
      rule.keep_last > kMostKept) {
    return Bad(fmt::format("keepFirst and keepLast are numbers from 0 to {}", kMostKept));
  }
  if (rule.keep_first == 0 && rule.keep_last == 0) {
    return Bad("partial keeps nothing", "Say keepFirst or keepLast, or use `rule: constant`.");
  }
  return {};
}

}  // namespace

std::string NameOfMaskRule(const MaskRule& rule) {
  std::string name = "mask rule '";
  if (!rule.database.empty()) name += rule.database + "/";
  name += rule.table + "." + rule.column + "'";
  if (rule.line > 0) name += fmt::format(" (line {})", rule.line);
  return name;
}

Result<void> ValidateMaskRule(const MaskRule& rule) {
  TRY(CheckTexts(rule));
  if (rule.table.empty()) return Bad("'table' is missing", "Say `table: public.users`, or a pattern.");
  if (rule.column.empty()) return Bad("'column' is missing");
  if (rule.rule == MaskKind::kNone) return Bad("'rule' is missing", kKindsHint);
  TRY(CheckForeignKeys(rule));
  if (rule.rule == MaskKind::kConstant && !rule.value) {
    return Bad("a constant needs its 'value'", "Without a value there is `rule: null`.");
  }
  if (rule.rule == MaskKind::kSql && rule.expression.empty()) return Bad("rule sql needs its 'expression'");
  return rule.rule == MaskKind::kPartial ? CheckPartial(rule) : Result<void>();
}

Result<void> ValidateMask(const std::vector<MaskRule>& rules) {
  if (rules.size() > kMaxMaskRules) {
    return Bad(fmt::format("there are {} mask rules, at most {} are allowed", rules.size(), kMaxMaskRules),
               "One pattern can stand for many tables: `table: tenant_*.users`.");
  }
  size_t bytes = 0;
  for (const MaskRule& rule : rules) {
    if (auto valid = ValidateMaskRule(rule); !valid) {
      return Fail(valid.error().Wrap(NameOfMaskRule(rule)));
    }
    bytes += rule.database.size() + rule.table.size() + rule.column.size() + rule.expression.size() +
             rule.where.size() + rule.value.value_or("").size() + rule.with.value_or("").size();
  }
  if (bytes <= kMaxMaskBytes) return {};
  return Bad(
      fmt::format("the mask rules have {} bytes of text, at most {} are allowed", bytes, kMaxMaskBytes),
      "Put long expressions into a function, in `preScript` or the backup.");
}

std::string CanonicalMask(const std::vector<MaskRule>& rules) {
  std::vector<std::string> lines;
  for (MaskRule rule : rules) {
    rule.line = 0;
    lines.push_back(JsonOf(rule, Empties::kOmit) + "\n");
  }
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line;
  return text;
}

}  // namespace spawnd::api
