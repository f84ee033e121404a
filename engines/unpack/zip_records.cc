#include "engines/unpack/zip_records.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engines/unpack/little_endian.h"

namespace spawnd::engines {
namespace {

constexpr uint32_t kCentralHeader = 0x02014b50;
constexpr uint32_t kCentralHeaderBytes = 46;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kEnd64Locator = 0x07064b50;
constexpr size_t kLocalHeaderBytes = 30;
constexpr size_t kEndBytes = 22;
/// In place of a size that is in the extra field.
constexpr uint64_t kSeeExtra = UINT32_MAX;
/// Where the end record is looked for: it, and a comment.
constexpr off_t kEndAndComment = 22 + 65535;
/// Bounds a directory that is looked at: of some hundred thousand files.
constexpr uint64_t kMaxDirectory = uint64_t{64} << 20U;
constexpr const char* kUnpackIt = "Unpack it, and name the backup that was in it.";

bool IsEncrypted(uint16_t flags) {
  return (flags & 0x2041U) != 0;
}

bool IsPassedOver(std::string_view name) {
  const std::string_view file = name.substr(name.rfind('/') + 1);
  return file.empty() || name.substr(0, 9) == "__MACOSX/" || file == ".DS_Store" || file == "Thumbs.db" ||
         file == "desktop.ini";
}

/// Sizes of 8 bytes: the field 1 of a local header, which has both.
void ReadExtra(std::string_view extra, ZipEntry& entry) {
  while (extra.size() >= 4) {
    const size_t length = std::min<size_t>(LittleEndian16(extra, 2), extra.size() - 4);
    if (LittleEndian16(extra, 0) == 1 && length >= 16) {
      if (entry.unpacked == kSeeExtra) entry.unpacked = LittleEndian64(extra, 4);
      if (entry.packed == kSeeExtra) entry.packed = LittleEndian64(extra, 12);
    }
    extra.remove_prefix(4 + length);
  }
}

Result<std::string> ReadAt(int fd, uint64_t from, uint64_t size, const std::string& name) {
  std::string bytes(static_cast<size_t>(size), '\0');
  ssize_t n = 0;
  do {
    n = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(from));
  } while (n < 0 && errno == EINTR);
  if (n < 0) return FailErrno(errno, "cannot read backup '" + name + "'");
  bytes.resize(static_cast<size_t>(n));
  return bytes;
}

/// The record of 8-byte sizes, where there is one: its locator stands before the end record, and says where.
Result<std::string> ReadEnd64(int fd, uint64_t end_at, const std::string& name) {
  constexpr uint64_t kLocatorBytes = 20;
  constexpr uint64_t kRecordBytes = 56;
  if (end_at < kLocatorBytes) return std::string();
  TRY_ASSIGN(const std::string locator, ReadAt(fd, end_at - kLocatorBytes, kLocatorBytes, name));
  if (locator.size() < kLocatorBytes || LittleEndian32(locator, 0) != kEnd64Locator) return std::string();
  const uint64_t at = LittleEndian64(locator, 8);
  if (at > end_at) return std::string();
  TRY_ASSIGN(std::string record, ReadAt(fd, at, kRecordBytes, name));
  if (record.size() < kRecordBytes || LittleEndian32(record, 0) != kEnd64) return std::string();
  return record;
}

/// Empty when it cannot be found.
Result<std::string> ReadDirectory(int fd, const std::string& name) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return FailErrno(errno, "cannot read backup '" + name + "'");
  const off_t from = std::max<off_t>(0, st.st_size - kEndAndComment);
  TRY_ASSIGN(const std::string end,
             ReadAt(fd, static_cast<uint64_t>(from), static_cast<uint64_t>(st.st_size - from), name));
  for (size_t at = end.size(); at >= kEndBytes; --at) {
    const size_t start = at - kEndBytes;
    if (LittleEndian32(end, start) != kZipEnd) continue;
    const uint64_t end_at = static_cast<uint64_t>(from) + start;
    uint64_t length = LittleEndian32(end, start + 12);
    // It ends where the end records begin. Its own offset is wrong where something was put before the
    // archive.
    uint64_t directory_end = end_at;
    TRY_ASSIGN(const std::string end64, ReadEnd64(fd, end_at, name));
    if (!end64.empty()) {
      length = LittleEndian64(end64, 40);
      directory_end = LittleEndian64(end64, 48) + length;
    }
    if (length > kMaxDirectory || length > directory_end || directory_end > end_at) return std::string();
    return ReadAt(fd, directory_end - length, length, name);
  }
  return std::string();
}

std::string Listed(const std::vector<std::string>& names) {
  constexpr size_t kShown = 5;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i == 0 ? "'" : ", '") + names[i] + "'";
  return text + (names.size() > kShown ? ", ..." : "");
}

}  // namespace

std::optional<size_t> ZipRecordLength(std::string_view bytes) {
  if (bytes.size() < 4) return 4 + bytes.size();
  const auto length = [&](size_t fixed, size_t first, size_t fields) {
    if (bytes.size() < fixed) return fixed;
    size_t all = fixed;
    for (size_t i = 0; i < fields; ++i) all += LittleEndian16(bytes, first + 2 * i);
    return all;
  };
  constexpr size_t kEnd64Fixed = 12;
  switch (LittleEndian32(bytes, 0)) {
    case kZipLocalHeader:
      return length(kLocalHeaderBytes, 26, 2);
    case kCentralHeader:
      return length(kCentralHeaderBytes, 28, 3);
    case kZipEnd:
      return kEndBytes;
    case kEnd64Locator:
      return 20;
    case kEnd64: {
      if (bytes.size() < kEnd64Fixed) return kEnd64Fixed;
      const uint64_t more = LittleEndian64(bytes, 4);
      constexpr uint64_t kMost = 32 * 1024;
      if (more > kMost) return std::nullopt;
      return kEnd64Fixed + static_cast<size_t>(more);
    }
    case kZipDescriptor:  // in front of an archive that was to be split, and was not
      return 4;
    default:
      return std::nullopt;
  }
}

ZipEntry ReadZipEntry(std::string_view header) {
  ZipEntry entry;
  const uint16_t flags = LittleEndian16(header, 6);
  const size_t name_length = LittleEndian16(header, 26);
  entry.encrypted = IsEncrypted(flags);
  entry.method = LittleEndian16(header, 8);
  entry.crc = LittleEndian32(header, 14);
  entry.packed = LittleEndian32(header, 18);
  entry.unpacked = LittleEndian32(header, 22);
  entry.name = header.substr(kLocalHeaderBytes, name_length);
  ReadExtra(header.substr(kLocalHeaderBytes + name_length), entry);
  entry.sizes_follow = (flags & 8U) != 0;
  // Windows' own separators, in archives of its older programs.
  if (entry.name.find('/') == std::string::npos) {
    std::replace(entry.name.begin(), entry.name.end(), '\\', '/');
  }
  entry.is_folder = entry.name.ends_with('/') && entry.name.substr(0, 9) != "__MACOSX/";
  entry.size_known = !entry.sizes_follow || entry.packed > 0 || entry.is_folder;
  entry.passed_over = IsPassedOver(entry.name);
  return entry;
}

Result<std::vector<std::string>> FilesInZip(int fd, const std::string& name) {
  TRY_ASSIGN(const std::string directory, ReadDirectory(fd, name));
  std::vector<std::string> names;
  std::string_view left = directory;
  while (left.size() >= kCentralHeaderBytes && LittleEndian32(left, 0) == kCentralHeader) {
    const size_t length = *ZipRecordLength(left);
    if (length > left.size()) return std::vector<std::string>();
    const std::string_view file = left.substr(kCentralHeaderBytes, LittleEndian16(left, 28));
    if (IsEncrypted(LittleEndian16(left, 8))) {
      return Fail(ErrorCode::kUnsupported, "'" + name + "' is an encrypted zip archive", kUnpackIt);
    }
    if (!IsPassedOver(file)) names.emplace_back(file);
    left.remove_prefix(length);
  }
  return names;
}

Result<void> CheckZipContents(int fd, const std::string& name) {
  TRY_ASSIGN(const std::vector<std::string> names, FilesInZip(fd, name));
  if (names.size() <= 1) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "'" + name + "' is a zip archive of " + std::to_string(names.size()) +
                  " files, and a backup is one: " + Listed(names),
              kUnpackIt);
}

}  // namespace spawnd::engines
