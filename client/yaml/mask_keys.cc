#include "client/yaml/mask_keys.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string>

#include "api/mapping.h"
#include "api/mask.h"
#include "base/text.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

using yaml::File;
using yaml::Node;

constexpr std::array<std::string_view, 10> kKeys{"database",  "table",    "column", "rule",       "value",
                                                 "keepFirst", "keepLast", "with",   "expression", "where"};

Result<void> ReadKind(const File& file, const Node& value, api::MaskKind& kind) {
  // What YAML takes for nothing is one of the kinds.
  if (value.kind == Node::Kind::kNull) {
    kind = api::MaskKind::kNull;
    return {};
  }
  TRY_ASSIGN(const std::string text, file.Text(value, "rule"));
  const std::string word = LowerCase(Trim(text));
  for (const auto& [candidate, name] : api::kMaskKindNames) {
    if (name != word) continue;
    kind = candidate;
    return {};
  }
  return file.Bad(value.line, fmt::format("unknown rule '{}'", text),
                  "It is one of null, constant, hash, partial, shuffle, sql.");
}

Result<void> ReadCount(const File& file, std::string_view key, const Node& value, int64_t& out) {
  TRY_ASSIGN(const std::string text, file.Text(value, key));
  const std::string number = Trim(text);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out);
  if (error == std::errc() && end == number.data() + number.size() && out >= 0) return {};
  return file.Bad(value.line, fmt::format("'{}' is no number of characters", text));
}

Result<void> ReadName(const File& file, std::string_view key, const Node& value, std::string& out) {
  TRY_ASSIGN(const std::string text, file.Text(value, key));
  out = Trim(text);
  return {};
}

Result<void> ReadKey(const File& file, std::string_view key, const Node& value, api::MaskRule& rule) {
  if (key == "rule") return ReadKind(file, value, rule.rule);
  if (value.kind == Node::Kind::kNull) return {};
  if (key == "database") return ReadName(file, key, value, rule.database);
  if (key == "table") return ReadName(file, key, value, rule.table);
  if (key == "column") return ReadName(file, key, value, rule.column);
  if (key == "keepFirst") return ReadCount(file, key, value, rule.keep_first);
  if (key == "keepLast") return ReadCount(file, key, value, rule.keep_last);
  if (key == "expression") return ReadName(file, key, value, rule.expression);
  if (key == "where") return ReadName(file, key, value, rule.where);
  // As they are: blanks may be meant.
  TRY_ASSIGN(std::string text, file.Text(value, key));
  (key == "value" ? rule.value : rule.with) = std::move(text);
  return {};
}

}  // namespace

Result<std::vector<api::MaskRule>> ReadMask(const File& file, const Node& value) {
  if (value.kind != Node::Kind::kList) {
    return file.Bad(value.line, fmt::format("'mask' must be a list, found {}", yaml::KindName(value.kind)),
                    "One '- {table: public.users, column: email, rule: hash}' a line.");
  }
  std::vector<api::MaskRule> rules;
  for (const Node& item : value.items) {
    const int line = item.line > 0 ? item.line : value.line;
    if (item.kind != Node::Kind::kMap) {
      return file.Bad(line,
                      fmt::format("an entry of 'mask' must be a map, found {}", yaml::KindName(item.kind)),
                      "One '- {table: public.users, column: email, rule: hash}' a line.");
    }
    api::MaskRule& rule = rules.emplace_back();
    rule.line = line;
    TRY(file.ReadKeys(item, kKeys, "mask.", [&](size_t key, const Node& of_key) {
      return ReadKey(file, kKeys[key], of_key, rule);
    }));
    if (auto valid = api::ValidateMaskRule(rule); !valid) {
      return file.Bad(line, "mask: " + valid.error().message, valid.error().hint);
    }
  }
  if (auto valid = api::ValidateMask(rules); !valid) {
    return file.Bad(value.line, valid.error().message, valid.error().hint);
  }
  return rules;
}

}  // namespace spawnd::client
