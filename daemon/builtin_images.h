/// Built-in images: "postgres-empty" and its like, one for each installed engine. They exist without being
/// made, belong to nobody and are seen by everyone; what containers of them stand on is the sealed empty
/// state of the engine's version (daemon/image_builder_empty.h), made at the first use.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/process.h"
#include "daemon/catalog.h"
#include "engines/engine.h"

namespace spawnd::daemon {

struct DaemonState;

struct BuiltInImage {
  const engines::Engine* engine = nullptr;
  std::string name;     ///< "postgres-empty"
  std::string version;  ///< of "postgres-empty:15"; empty: the newest installed
};

/// What "<engine>-empty" or "<engine>-empty:<version>" names; nothing for any other reference. Any thread.
std::optional<BuiltInImage> FindBuiltIn(std::string_view reference);

/// One for each engine that is installed, its versions as tags. Loop thread.
std::vector<api::DataImage> BuiltInViews(DaemonState& state);
/// The same of one; nothing when its engine, or the version asked for, is not installed. Loop thread.
std::optional<api::DataImage> BuiltInView(DaemonState& state, const BuiltInImage& built_in);

/// An image that `who` may change, for `verb` ("delete", "update"). kNotFound; kForbidden for a built-in one
/// and for what somebody else owns. Loop thread.
Result<ImageRow> ResolveChangeableImage(DaemonState& state, const Identity& who, const std::string& reference,
                                        std::string_view verb);

}  // namespace spawnd::daemon
