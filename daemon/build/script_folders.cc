#include "daemon/build/script_folders.h"

#include "base/file.h"
#include "daemon/build/script_order.h"

namespace spawnd::daemon {
namespace {

class Search {
 public:
  Search(const FileRights& rights, const ScriptsFolder& folder)
      : rights_(rights), root_fd_(folder.fd.Get()), root_(folder.name) {}

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
      TRY_ASSIGN(const FileOrFolder found, OpenBeneath(rights_, root_fd_, folder + name,
                                                       "script '" + root_ + "/" + folder + name + "'"));
      if (found.is_folder) {
        TRY(Collect(folder + name + "/", found.fd.Get(), depth + 1, paths));
      } else {
        paths.push_back(folder + name);
      }
    }
    return {};
  }

 private:
  const FileRights& rights_;
  const int root_fd_;
  const std::string root_;
  size_t entries_ = 0;
};

}  // namespace

Result<FoundScripts> FindScripts(const FileRights& rights, const std::vector<ScriptsFolder>& folders,
                                 const std::vector<std::string_view>& endings) {
  FoundScripts found;
  for (const ScriptsFolder& folder : folders) {
    std::vector<std::string> paths;
    TRY(Search(rights, folder).Collect("", folder.fd.Get(), 0, paths));
    TRY_ASSIGN(OrderedScripts ordered, OrderScripts(paths, endings));
    if (ordered.paths.empty()) {
      return Fail(ErrorCode::kInvalidArgument, "scripts folder '" + folder.name + "' has no script in it",
                  "A script's name ends in ." + std::string(endings.front()) + ".");
    }
    for (const std::string& path : ordered.paths) {
      found.scripts.push_back({folder.name + "/" + path, folder.fd.Get(), path});
    }
    for (std::string& note : ordered.notes) found.notes.push_back(folder.name + ": " + std::move(note));
  }
  return found;
}

}  // namespace spawnd::daemon
