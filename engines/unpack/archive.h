/// Archives of several files (zip, tar), which stand for the folder that is in them. Used by one thread at a
/// time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engines/unpack/layer.h"
#include "engines/unpack/packing.h"

namespace spawnd::engines {

/// The layers of a file that is an archive of several files, the archive last; nothing for any other file.
/// The first GiB in an archive is looked at. Errors as of ReadBackupHead.
Result<std::optional<Packing>> RecogniseArchive(int fd, const std::string& name);

/// Where what is in an archive goes. Its errors end the unpacking.
class ArchiveSink {
 public:
  virtual ~ArchiveSink() = default;
  /// What follows is of this file, until the next call. Paths are as they are in the archive: "../x", too.
  virtual Result<void> Begin(std::string_view path, bool is_folder) = 0;
  virtual Result<void> Write(std::string_view bytes) = 0;
};

/// All of it, in the order of the archive. `packing`: of RecogniseArchive. Errors as of Layer::Read;
/// kUnsupported for links, devices and files with holes.
Result<void> UnpackArchive(int fd, const std::string& name, const Packing& packing, const UnpackLimit& limit,
                           ArchiveSink& sink);

}  // namespace spawnd::engines
