#include "engines/settings.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "base/text.h"

namespace spawnd::engines {
namespace {

constexpr size_t kMaxNameBytes = 128;

bool IsName(std::string_view name) {
  const auto is_part = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxNameBytes &&
         std::isalpha(static_cast<unsigned char>(name.front())) != 0 &&
         std::all_of(name.begin(), name.end(), is_part);
}

/// A value is one line of a file, or an argument. What has a line break in it would be another setting.
bool IsValue(std::string_view value) {
  return value.size() <= kMaxSettingBytes &&
         std::none_of(value.begin(), value.end(), [](unsigned char c) { return std::iscntrl(c) != 0; });
}

}  // namespace

std::string SettingName(std::string_view name) {
  std::string common = LowerCase(name);
  std::replace(common.begin(), common.end(), '-', '_');
  return common;
}

Result<void> CheckSettings(const Engine& engine, const Settings& settings) {
  if (settings.size() > kMaxSettings) {
    return Fail(ErrorCode::kInvalidArgument,
                "there are more than " + std::to_string(kMaxSettings) + " settings");
  }
  const auto refused = engine.RefusedSettings();
  std::set<std::string> seen;
  for (const auto& [name, value] : settings) {
    if (!IsName(name)) {
      return Fail(ErrorCode::kInvalidArgument, "'" + name.substr(0, kMaxNameBytes) + "' is no setting's name",
                  "Letters, digits, '_', '-' and '.', such as max_connections.");
    }
    if (!IsValue(value)) {
      return Fail(ErrorCode::kInvalidArgument, "the value of setting '" + name + "' is no line of text",
                  "It is one line of at most " + std::to_string(kMaxSettingBytes) + " bytes.");
    }
    const std::string common = SettingName(name);
    if (!seen.insert(common).second) {
      return Fail(ErrorCode::kInvalidArgument, "setting '" + name + "' is given twice", "Keep one of them.");
    }
    const bool is_refused = std::any_of(refused.begin(), refused.end(), [&common](std::string_view one) {
      return one == common || one == kEverySetting;
    });
    if (!is_refused) continue;
    return Fail(ErrorCode::kInvalidArgument, "setting '" + name + "' cannot be given: spawnd decides it",
                "Leave it out. " + engine.WhyRefused(common));
  }
  return {};
}

Settings Overlay(const Settings& upper, const Settings& lower) {
  std::set<std::string> seen;
  for (const auto& [name, value] : upper) seen.insert(SettingName(name));
  Settings both;
  for (const auto& setting : lower) {
    if (!seen.contains(SettingName(setting.first))) both.push_back(setting);
  }
  both.insert(both.end(), upper.begin(), upper.end());
  return both;
}

}  // namespace spawnd::engines
