/// Built-in images: "postgres-empty" and its like, one for each installed version of an engine. They exist
/// without being made and are seen by everyone; what containers of them stand on is the sealed empty state of
/// the engine's version (daemon/build/empty.h), a hidden row of the catalog, made at the first use. Root may
/// delete what was made, to have the room.
///
/// Each has an id of its own, which follows from engine and version alone: it is there before the image is
/// made, and the same after an upgrade of the server and on another machine. The hidden row's id, of which
/// there is another each time that it is made, is shown to nobody.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/process.h"
#include "daemon/catalog/catalog.h"
#include "engines/engine.h"

namespace spawnd::daemon {

struct DaemonState;

struct BuiltInImage {
  const engines::Engine* engine = nullptr;
  std::string name;     ///< "postgres-empty"
  std::string version;  ///< of "postgres-empty:15"; empty: the newest installed
};

/// What "<engine>", "<engine>-empty" and either with ":<version>" name, and what the id of a built-in image
/// does; nothing for any other reference. The tags "empty" and "latest" mean the newest. Any thread.
std::optional<BuiltInImage> FindBuiltIn(std::string_view reference);

/// "<engine>-empty" and "<engine>" of every engine there is, installed or not. Any thread.
std::vector<std::string> BuiltInNames();
/// The id as everybody sees it; `row` is Hidden(). Any thread.
int64_t BuiltInId(const ImageRow& row);

/// As everybody sees it.
struct BuiltInView {
  api::DataImage image;
  int64_t made_id = 0;  ///< of the hidden row; 0: nothing has been made yet
};
/// One for each version that is installed, with the version as its tag. Loop thread.
std::vector<BuiltInView> BuiltInViews(DaemonState& state);
/// The same of one; nothing when its engine, or the version asked for, is not installed. Loop thread.
std::optional<BuiltInView> ViewOfBuiltIn(DaemonState& state, const BuiltInImage& built_in);
/// The same of what was made (row.Hidden()), which its version need not have outlived. Any thread.
BuiltInView ViewOfBuiltIn(const ImageRow& row);
/// Deletes what was made by a server that has been upgraded since, or with another volume size: no name leads
/// to it any more. What containers use stays, until a start that finds them gone. Loop thread, before
/// anything is built.
Result<void> DropSuperseded(DaemonState& state);
/// "postgres-empty:15", for a hidden row. Any thread.
std::string BuiltInReference(const ImageRow& row);

/// An image that `who` may update. kNotFound; kForbidden for a built-in one and for what somebody else owns.
/// Loop thread.
Result<ImageRow> ResolveForUpdate(DaemonState& state, const Identity& who, const std::string& reference);
/// The same to delete it: of a built-in one root may, and gets the hidden row; kNotFound when that was not
/// made yet.
Result<ImageRow> ResolveForDelete(DaemonState& state, const Identity& who, const std::string& reference);

}  // namespace spawnd::daemon
