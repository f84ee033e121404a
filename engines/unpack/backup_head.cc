#include "engines/unpack/backup_head.h"

#include <optional>
#include <utility>

#include "engines/unpack/archive.h"
#include "engines/unpack/codecs.h"
#include "engines/unpack/tar_header.h"
#include "engines/unpack/unpacked_file.h"
#include "engines/unpack/zip_records.h"

namespace spawnd::engines {
namespace {

/// Of what is looked at to tell what a backup is.
const UnpackLimit& LimitOfHead() {
  static const UnpackLimit limit{uint64_t{1} << 30U, "1 GiB before it says what it is",
                                 "Copy or make the backup again."};
  return limit;
}
/// zip around tar around gzip.
constexpr size_t kMaxLayers = 3;

Result<void> AddLayers(int fd, const std::string& name, BackupHead& head) {
  while (true) {
    UnpackedFile file(fd, name, head.packing, LimitOfHead());
    TRY_ASSIGN(head.bytes, file.Read(kHeadBytes));
    if (const auto other = RecogniseOtherPacking(head.bytes)) {
      return Fail(ErrorCode::kUnsupported, "'" + name + "' is " + std::string(other->what),
                  std::string(other->hint));
    }
    const auto codec = RecogniseCodec(head.bytes);
    if (!codec) return {};
    if (head.packing.layers.size() == kMaxLayers) {
      return Fail(ErrorCode::kUnsupported,
                  "'" + name + "' is packed more than " + std::to_string(kMaxLayers) + " times",
                  "Unpack it once.");
    }
    if (*codec == Codec::kZip && !head.packing.IsPacked()) TRY(CheckZipContents(fd, name));
    head.packing.layers.push_back(*codec);
  }
}

}  // namespace

Result<BackupHead> ReadBackupHead(int fd, const std::string& name, TarFile tar) {
  BackupHead head;
  TRY(AddLayers(fd, name, head));
  if (tar == TarFile::kIsPacking && IsTar(head.bytes)) return ReadHeadInTar(fd, name, std::move(head));
  return head;
}

std::vector<std::string> NamesInTar(std::string_view head) {
  std::vector<std::string> names;
  while (head.size() >= kTarBlock && head.front() != '\0') {
    const TarHeader header = ReadTarHeader(head.substr(0, kTarBlock));
    names.push_back(header.path);
    const uint64_t blocks = header.size / kTarBlock + (header.size % kTarBlock == 0 ? 1 : 2);
    if (blocks > head.size() / kTarBlock) break;
    head.remove_prefix(static_cast<size_t>(blocks) * kTarBlock);
  }
  return names;
}

Result<BackupHead> ReadHeadInTar(int fd, const std::string& name, BackupHead head) {
  head.packing.layers.push_back(Codec::kTar);
  TRY(AddLayers(fd, name, head));
  // Further than the head, so that a second file does not end a restore half-way.
  TRY_ASSIGN(const auto archive, RecogniseArchive(fd, name));
  if (!archive) return head;
  return Fail(ErrorCode::kInvalidArgument, "'" + name + "' is a tar archive of several files",
              "Unpack it, and name the backup that was in it.");
}

}  // namespace spawnd::engines
