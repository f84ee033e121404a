#include "daemon/build/script_folders.h"

#include "base/file.h"
#include "daemon/access/caller.h"
#include "daemon/build/script_order.h"

namespace spawnd::daemon {
namespace {

class Search {
 public:
  Search(const Identity& caller, std::string root) : caller_(caller), root_(std::move(root)) {}

  /// Adds the files below `folder` (relative, with a slash at its end, or empty) to `paths`.
  Result<void> Collect(const std::string& folder, int fd, size_t depth, std::vector<std::string>& paths) {
    if (depth > kMaxScriptFolderDepth) {
      return Fail(ErrorCode::kInvalidArgument, "scripts folder '" + root_ + "' is more than " +
                                                   std::to_string(kMaxScriptFolderDepth) +
                                                   " folders deep, or a link leads back into it");
    }
    TRY_ASSIGN(const auto names,
               NamesInFolder(fd, "scripts folder '" + root_ + "/" + folder + "'", kMaxScripts));
    for (const std::string& name : names) {
      if (name.front() == '.') continue;
      if (++entries_ > kMaxScripts) {
        return Fail(ErrorCode::kInvalidArgument, "scripts folder '" + root_ + "' has more than " +
                                                     std::to_string(kMaxScripts) + " entries");
      }
      TRY_ASSIGN(const FileOrFolder found,
                 OpenFileOrFolderAsCaller(caller_, root_ + "/" + folder + name, "script"));
      if (found.is_folder) {
        TRY(Collect(folder + name + "/", found.fd.Get(), depth + 1, paths));
      } else {
        paths.push_back(folder + name);
      }
    }
    return {};
  }

 private:
  const Identity& caller_;
  const std::string root_;
  size_t entries_ = 0;
};

}  // namespace

Result<FoundScripts> FindScripts(const Identity& caller, const std::vector<std::string>& folders,
                                 const std::vector<std::string_view>& endings) {
  FoundScripts found;
  for (std::string folder : folders) {
    while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
    TRY_ASSIGN(const FileOrFolder opened, OpenFileOrFolderAsCaller(caller, folder, "scripts folder"));
    if (!opened.is_folder) {
      return Fail(ErrorCode::kInvalidArgument, "scripts folder '" + folder + "' is a file",
                  "Name the folder that it is in.");
    }
    std::vector<std::string> paths;
    TRY(Search(caller, folder).Collect("", opened.fd.Get(), 0, paths));
    TRY_ASSIGN(OrderedScripts ordered, OrderScripts(paths, endings));
    if (ordered.paths.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "scripts folder '" + folder + "' has no script in it",
                  "A script's name ends in ." + std::string(endings.front()) + ".");
    }
    const std::string own_name = folder.substr(folder.rfind('/') + 1);
    for (const std::string& path : ordered.paths)
      found.scripts.push_back({own_name + "/" + path, folder + "/" + path});
    for (std::string& note : ordered.notes) found.notes.push_back(own_name + ": " + std::move(note));
  }
  return found;
}

}  // namespace spawnd::daemon
