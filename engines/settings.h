/// The user's own settings of a server: whether they may be given, and one on top of another. Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "engines/engine.h"

namespace spawnd::engines {

inline constexpr size_t kMaxSettings = 100;
inline constexpr size_t kMaxSettingBytes = 4096;  ///< of one value

/// Among Engine::RefusedSettings: it takes none.
inline constexpr std::string_view kEverySetting = "*";

/// The name as products compare them: lower case, `_` for `-`.
std::string SettingName(std::string_view name);

/// kInvalidArgument, with the setting's name: what is no name or value at all, is given twice, or is among
/// Engine::RefusedSettings.
Result<void> CheckSettings(const Engine& engine, const Settings& settings);

/// Those of `upper`, and those of `lower` that it does not speak of.
Settings Overlay(const Settings& upper, const Settings& lower);

}  // namespace spawnd::engines
