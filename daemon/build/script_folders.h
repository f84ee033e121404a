/// Finding the scripts of an image in the folders that its caller names, with the caller's rights. Job
/// threads: it lists folders, which may be on a network.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "base/result.h"

namespace spawnd::daemon {

inline constexpr size_t kMaxScripts = 20'000;  ///< entries of all folders together, scripts or not
inline constexpr size_t kMaxScriptFolderDepth = 32;

struct FoundScript {
  std::string name;  ///< for people: "sql/V1__tables.sql", which begins with the folder's own name
  std::string path;  ///< absolute
};

struct FoundScripts {
  std::vector<FoundScript> scripts;  ///< folder by folder as listed, in each as OrderScripts has it
  std::vector<std::string> notes;    ///< for the image's log
};

/// Sub-folders are searched, names that begin with a dot are not. kInvalidArgument for a folder that is none,
/// that has no script, or for too much; kForbidden and kNotFound as OpenAsCaller.
Result<FoundScripts> FindScripts(const Identity& caller, const std::vector<std::string>& folders,
                                 const std::vector<std::string_view>& endings);

}  // namespace spawnd::daemon
