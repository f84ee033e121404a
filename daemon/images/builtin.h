/// Built-in images: "postgres-empty" and its like, one for each installed version of an engine. They exist
/// without being made and are seen by everyone; what containers of them stand on is the sealed empty state of
/// the engine's version (daemon/build/empty.h), a hidden row of the catalog, made at the first use. Root may
/// delete what was made, to have the room.
///
/// Each has an id of its own, which follows from engine and version alone: it is there before the image is
/// made, and the same after an upgrade of the server and on another machine. The hidden row's id, of which
/// there is another each time that it is made, is shown to nobody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/host/installations.h"
#include "engines/engine.h"

namespace spawnd::daemon {

class Images;

struct BuiltInImage {
  const engines::Engine* engine = nullptr;
  std::string name;     ///< "postgres-empty"
  std::string version;  ///< of "postgres-empty:15"; empty: the newest installed
};

/// Finds the built-in image that a reference names: "<engine>" or "<engine>-empty", either with
/// ":<version>", or its id. Nothing for any other reference. The tags "empty" and "latest" mean the newest.
/// Any thread.
std::optional<BuiltInImage> FindBuiltIn(std::string_view reference);

/// "<engine>-empty" and "<engine>" of every engine there is, installed or not. Any thread.
std::vector<std::string> BuiltInNames();
/// Whether nobody may call an image so: one of those names, or what else people call an engine, alone or with
/// "-empty". Any thread.
bool IsBuiltInName(std::string_view name);
/// The id as everybody sees it; `row` is Hidden(). Any thread.
int64_t BuiltInId(const ImageRow& row);
/// "postgres-empty:15", for a hidden row. Any thread.
std::string BuiltInReference(const ImageRow& row);

/// The built-in images: which ones are installed, and which have been made. Loop thread only.
class BuiltIns {
 public:
  /// `volume_bytes`: of a new image's volume. What is referred to outlives this.
  BuiltIns(Catalog& catalog, const Installations& installations, uint64_t volume_bytes)
      : catalog_(catalog), installations_(installations), volume_bytes_(volume_bytes) {}

  /// The hidden row of what was made for it so far, in whatever state; kNotFound before its first use,
  /// kUnsupported when it is not installed.
  Result<ImageRow> Made(const BuiltInImage& built_in) const;
  /// The image's row. If it is not made yet, the row has no id and says what will be. Nothing when its
  /// engine, or the version asked for, is not installed.
  std::optional<ImageRow> Row(const BuiltInImage& built_in) const;
  /// A row for each version that is installed.
  std::vector<ImageRow> Rows() const;
  /// Deletes what was made by a server that has been upgraded since, or with another volume size: no name
  /// leads to it any more. What containers use stays, until a start that finds them gone. Before anything is
  /// built.
  Result<void> DropSuperseded(Images& images) const;

 private:
  bool IsSuperseded(const ImageRow& row) const;

  Catalog& catalog_;
  const Installations& installations_;
  const uint64_t volume_bytes_;
};

}  // namespace spawnd::daemon
