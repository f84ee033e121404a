#include "engines/restore.h"

#include <algorithm>

#include "base/text.h"

namespace spawnd::engines {

ContainerCommand WriteFileInContainer(const std::string& path, std::string content) {
  ContainerCommand command;
  command.title = "writing " + BaseName(path);
  // What is placed may have left a link there, which must not be written through.
  command.command.argv = {"/bin/sh", "-c", "rm -rf -- \"$1\" && cat > \"$1\"", "sh", path};
  command.command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  command.command.working_directory = "/";
  command.input = std::move(content);
  return command;
}

std::string ProgramForTools(const std::string& host_path, const Installation& installation,
                            const std::string& engine_root) {
  const auto below = [&](const std::string& folder) { return host_path.starts_with(folder + "/"); };
  // On a host with a merged /usr these are the same folders.
  for (const char* folder : {"/usr", "/bin", "/sbin"}) {
    if (below(folder)) return host_path;
  }
  if (installation.root.empty() || !below(installation.root)) return {};
  return engine_root + host_path.substr(installation.root.size());
}

Error FolderRefused(const RestoreRequest& request) {
  std::string names;
  const size_t shown = std::min<size_t>(request.folder->Names().size(), 3);
  for (size_t i = 0; i < shown; ++i) names += (i == 0 ? "" : ", ") + request.folder->Names()[i];
  if (shown < request.folder->Names().size()) names += ", ...";
  return {ErrorCode::kInvalidArgument,
          "'" + request.backup_name + "' is a folder, and no backup that is one (it has " +
              (names.empty() ? "nothing in it" : names) + ")",
          "Name the backup file in it: `backup: {folder: ..., file: ...}`."};
}

bool BackupFolder::Has(std::string_view name) const {
  return std::binary_search(Names().begin(), Names().end(), name);
}

}  // namespace spawnd::engines
