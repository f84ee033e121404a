/// An archive of several files, unpacked into a folder of the state directory, for whatever takes a backup
/// that is a folder. Job thread only; a crash leaves a folder that the next start of the daemon removes.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/access/folder_access.h"
#include "daemon/build/context.h"
#include "engines/unpack/packing.h"

namespace spawnd::daemon {

class UnpackedFolder {
 public:
  /// `fd`, `packing`: of the archive (engines/unpack/archive.h); `name`: for messages. Everything becomes the
  /// client's own, in a place where nobody else gets to. kInvalidArgument for paths that lead out of the
  /// archive or are there twice, and for more than a volume takes; kNoSpace; what UnpackArchive says.
  static Result<std::unique_ptr<UnpackedFolder>> Make(const BuildContext& context, const FileRights& rights,
                                                      int fd, const std::string& name,
                                                      const engines::Packing& packing);
  /// Removes it.
  ~UnpackedFolder();
  UnpackedFolder(const UnpackedFolder&) = delete;
  UnpackedFolder& operator=(const UnpackedFolder&) = delete;

  /// The folder, or the only one in it, as far down as there is nothing beside it.
  int Fd() const { return folder_.Get(); }

 private:
  explicit UnpackedFolder(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  UniqueFd folder_{};
};

}  // namespace spawnd::daemon
