/// Finding the scripts of an image in the folders that its client has sent, with the client's rights. Job
/// threads: it lists folders, which may be on a network.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/access/folder_access.h"

namespace spawnd::daemon {

inline constexpr size_t kMaxScripts = 20'000;  ///< entries of all folders together, scripts or not
inline constexpr size_t kMaxScriptFolderDepth = 32;

struct FoundScript {
  std::string name;    ///< for people: "sql/V1__tables.sql", which begins with the folder's own name
  int folder_fd = -1;  ///< that it is in; not owned
  std::string path;    ///< below that
};

struct ScriptsFolder {
  std::string name;  ///< for messages
  UniqueFd fd;
};

struct FoundScripts {
  std::vector<FoundScript> scripts;  ///< folder by folder as listed, in each as OrderScripts has it
  std::vector<std::string> notes;    ///< for the image's log
};

/// Sub-folders are searched, names that begin with a dot are not. kInvalidArgument for a folder that is none,
/// that has no script, or for too much; kForbidden and kNotFound as OpenBeneath. `folders` outlive
/// what is found.
Result<FoundScripts> FindScripts(const FileRights& rights, const std::vector<ScriptsFolder>& folders,
                                 const std::vector<std::string_view>& endings);

}  // namespace spawnd::daemon
