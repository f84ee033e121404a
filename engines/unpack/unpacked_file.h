/// A backup as it was before it was packed: the only way in which the bytes of one are read, here and by the
/// daemon. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engines/unpack/layer.h"
#include "engines/unpack/packing.h"

namespace spawnd::engines {

class UnpackedFile {
 public:
  /// `fd` is read at offsets of our own and outlives it. `name`: of the backup, for messages. `limit` is of
  /// each layer.
  UnpackedFile(int fd, std::string name, const Packing& packing, const UnpackLimit& limit = {});
  ~UnpackedFile();
  UnpackedFile(const UnpackedFile&) = delete;
  UnpackedFile& operator=(const UnpackedFile&) = delete;

  /// The next `size` bytes, fewer at the end, none behind it. kIo; what Layer::Read says.
  Result<std::string> Read(size_t size);
  /// So much of the file has been read.
  uint64_t PackedBytes() const;

 private:
  class File;

  Result<void> MakeLayers();

  const std::string name_;
  const Packing packing_;
  const UnpackLimit limit_;
  std::unique_ptr<File> file_;
  std::vector<std::unique_ptr<Layer>> layers_;  ///< outermost first; made at the first read
};

/// The beginning of a backup: as much as telling its kind takes, and the part of an archive's contents that
/// says how its database was made.
struct BackupHead {
  Packing packing{};
  std::string bytes{};  ///< unpacked, at most kHeadBytes; the whole file when there are fewer
};
inline constexpr size_t kHeadBytes = 64 * 1024;

/// What a tar archive of one file is: to some products it is a backup itself.
enum class TarFile { kIsBackup, kIsPacking };

/// What a file is packed with is told by what it begins with. Its offset stays. `name`: of the backup, for
/// messages. kIo; kInvalidArgument for packed data that is damaged there, or cut short, and for an archive of
/// several files, as far as it is seen: whoever unpacks it all will see; kUnsupported for what is encrypted,
/// or packed otherwise.
Result<BackupHead> ReadBackupHead(int fd, const std::string& name, TarFile tar = TarFile::kIsBackup);

bool IsTar(std::string_view head);
/// Paths of the members of a tar archive whose headers can be seen, folders with a slash behind.
std::vector<std::string> NamesInTar(std::string_view head);
/// The head of the only file in a tar archive whose head has been read. Errors as of ReadBackupHead.
Result<BackupHead> ReadHeadInTar(int fd, const std::string& name, BackupHead head);

}  // namespace spawnd::engines
