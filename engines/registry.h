/// The engines this build knows. Adding one is a folder under engines/ and a line in registry.cc.
#pragma once

#include <span>
#include <string_view>

#include "engines/engine.h"

namespace spawnd::engines {

/// All engines, in the order users see them. Live as long as the process.
std::span<const Engine* const> AllEngines();

/// By name or alias, any case. kUnsupported, listing the names there are, when there is none.
Result<const Engine*> FindEngine(std::string_view name);

/// The newest of `installed` that can be used and satisfies `wanted` (empty: the newest of all). kUnsupported
/// otherwise: says what is installed and what is broken and, as a hint, how to add one and what there is in
/// its place. kNotReady while one that could be it has not been asked with success: neither yes nor no.
/// `installed` may hold other engines' too.
Result<Installation> ChooseInstallation(const Engine& engine, std::span<const Installation> installed,
                                        std::string_view wanted);

/// The same for data that a server of this full version made: the newest that may open it. What this engine
/// found before Valkey had an engine of its own is opened by that.
Result<Installation> ChooseForData(const Engine& engine, std::span<const Installation> installed,
                                   std::string_view version);

}  // namespace spawnd::engines
