/// The records of a zip archive (APPNOTE.TXT of PKWARE, section 4.3). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::engines {

inline constexpr uint32_t kZipLocalHeader = 0x04034b50;
inline constexpr uint32_t kZipDescriptor = 0x08074b50;
inline constexpr uint32_t kZipEnd = 0x06054b50;
inline constexpr size_t kZipCommentLengthAt = 20;

/// Length of the record that begins here, a comment of the end not counted; what is not there yet is longer
/// than `bytes`. Nothing: it is none.
std::optional<size_t> ZipRecordLength(std::string_view bytes);

struct ZipEntry {
  std::string name;
  uint16_t method = 0;
  bool encrypted = false;
  bool sizes_follow = false;  ///< sizes and checksum come behind the data
  bool size_known = true;     ///< `packed` is right
  bool is_folder = false;
  bool passed_over = false;  ///< a folder, or what macOS and Windows put into archives by themselves
  uint32_t crc = 0;
  uint64_t packed = 0;
  uint64_t unpacked = 0;
};

/// A local header, whole.
ZipEntry ReadZipEntry(std::string_view header);

/// The files in an archive, without those that are passed over. Empty where its end is not to be made sense
/// of: whoever unpacks it will see. kIo; kUnsupported of one that is encrypted.
Result<std::vector<std::string>> FilesInZip(int fd, const std::string& name);

/// Says of an archive that it holds anything but one file, before anything is unpacked. Errors as above.
Result<void> CheckZipContents(int fd, const std::string& name);

}  // namespace spawnd::engines
