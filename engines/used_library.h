/// What an image needs of an installation beyond its server: libraries of extensions, plugins. The server of
/// the build says which, and an installation is looked at before a container of the image is promised to
/// work. Pure but for the search, which asks the file system; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spawnd::engines {

struct UsedLibrary {
  std::string name;     ///< "pg_trgm"
  std::string version;  ///< "1.6"; empty: it has none
  std::string file;     ///< as the server names it: "$libdir/pg_trgm"
  bool operator==(const UsedLibrary&) const = default;
};

/// One that is used and not there any more.
struct MissingLibrary {
  UsedLibrary used;
  std::string hint;  ///< what may bring it back; may be empty
};

/// How many an image remembers at most.
inline constexpr size_t kMaxUsedLibraries = 100;

/// One line of text and back: "pg_trgm", "1.6" and "$libdir/pg_trgm" between tabs. Nothing comes back of what
/// no server of ours says: too long, or with control characters.
std::string TextOf(const UsedLibrary& library);
std::optional<UsedLibrary> UsedLibraryFrom(std::string_view text);

/// The first of `folders` that has the file `witness`, which is in every installation's; empty: none, so that
/// nothing can be said of what else is in there.
std::string FolderWith(const std::vector<std::string>& folders, std::string_view witness);

}  // namespace spawnd::engines
