#include "engines/postgresql/restore/archive_header.h"

#include <cstdint>

namespace spawnd::engines::postgresql {
namespace {

constexpr std::string_view kMagic = "PGDMP";
constexpr int kNewestKnownMinor = 16;
constexpr size_t kMaxText = 4096;

/// Takes the header apart from the front; every read says whether the bytes were there.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  bool Byte(int& value) {
    if (bytes_.empty()) return false;
    value = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return true;
  }
  /// A sign byte, then `size` bytes, least significant first.
  bool Integer(int size, int64_t& value) {
    int sign = 0;
    if (!Byte(sign)) return false;
    value = 0;
    for (int i = 0; i < size; ++i) {
      int byte = 0;
      if (!Byte(byte)) return false;
      if (i < 7) value |= static_cast<int64_t>(byte) << (8 * i);
    }
    if (sign != 0) value = -value;
    return true;
  }
  /// A length (-1: no text), then the text.
  bool Text(int integer_size, std::string& text) {
    int64_t length = 0;
    if (!Integer(integer_size, length)) return false;
    if (length <= 0) return true;
    const auto size = static_cast<size_t>(length);
    if (size > kMaxText || size > bytes_.size()) return false;
    text = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return true;
  }

 private:
  std::string_view bytes_;
};

bool ReadDates(Cursor& cursor, int integer_size) {
  constexpr int kDateFields = 7;  // seconds, minutes, hour, day, month, year, summer time
  for (int i = 0; i < kDateFields; ++i) {
    int64_t ignored = 0;
    if (!cursor.Integer(integer_size, ignored)) return false;
  }
  return true;
}

bool ReadTexts(Cursor& cursor, int integer_size, ArchiveHeader& header) {
  int64_t compression = 0;
  int algorithm = 0;
  // From 1.15 on one byte names the algorithm; before, an integer gave zlib's level.
  const bool has_compression =
      header.minor >= 15 ? cursor.Byte(algorithm) : cursor.Integer(integer_size, compression);
  return has_compression && ReadDates(cursor, integer_size) && cursor.Text(integer_size, header.database) &&
         cursor.Text(integer_size, header.server_version) && cursor.Text(integer_size, header.dump_version);
}

}  // namespace

bool IsArchive(std::string_view first_bytes) {
  return first_bytes.substr(0, kMagic.size()) == kMagic;
}

std::optional<ArchiveHeader> ReadArchiveHeader(std::string_view bytes) {
  if (!IsArchive(bytes)) return std::nullopt;
  Cursor cursor(bytes.substr(kMagic.size()));
  ArchiveHeader header;
  int revision = 0;
  int integer_size = 0;
  int offset_size = 0;
  int format = 0;
  if (!cursor.Byte(header.major) || !cursor.Byte(header.minor) || !cursor.Byte(revision) ||
      !cursor.Byte(integer_size) || !cursor.Byte(offset_size) || !cursor.Byte(format)) {
    return std::nullopt;
  }
  // archCustom and archTar of pg_backup.h; a directory's toc.dat says tar too.
  constexpr int kCustomFormat = 1;
  constexpr int kTarFormat = 3;
  if (format == kCustomFormat) header.kind = ArchiveKind::kCustom;
  if (format == kTarFormat) header.kind = ArchiveKind::kTarOrDirectory;
  const bool known = header.major == 1 && header.minor >= 10 && header.minor <= kNewestKnownMinor;
  if (!known) return header;
  if (integer_size < 1 || integer_size > 8 || !ReadTexts(cursor, integer_size, header)) return std::nullopt;
  return header;
}

std::string FindCreateDatabase(std::string_view bytes) {
  const size_t at = bytes.find("CREATE DATABASE ");
  if (at == std::string_view::npos) return {};
  const size_t end = bytes.find(";\n", at);
  return end == std::string_view::npos ? std::string() : std::string(bytes.substr(at, end + 1 - at));
}

int NewestArchiveMinor(int pg_restore_major) {
  if (pg_restore_major >= 17) return 16;
  if (pg_restore_major == 16) return 15;
  if (pg_restore_major >= 12) return 14;
  return 13;
}

}  // namespace spawnd::engines::postgresql
