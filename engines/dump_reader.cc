#include "engines/dump_reader.h"

#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>

namespace spawnd::engines {
namespace {

/// 15: the largest window; 16: a gzip header and its checksum (zlib.h, inflateInit2).
constexpr int kGzipWindow = 15 + 16;
/// How much of a backup is read to recognise it.
constexpr size_t kHeadBytes = 64 * 1024;

}  // namespace

bool IsGzip(std::string_view first_bytes) {
  return first_bytes.substr(0, 2) == "\x1f\x8b";
}

DumpReader::DumpReader(std::string name, bool gzip) : name_(std::move(name)) {
  if (!gzip) return;
  stream_ = std::make_unique<z_stream>();
  if (inflateInit2(stream_.get(), kGzipWindow) != Z_OK) throw std::bad_alloc();
}

DumpReader::~DumpReader() {
  if (stream_) inflateEnd(stream_.get());
}

Result<std::string> DumpReader::Read(std::string_view bytes, bool last) {
  if (!stream_) return std::string(bytes);
  std::string out;
  while (!bytes.empty()) {
    if (!in_member_ && (padding_ || bytes.front() == '\0')) {
      padding_ = true;
      const size_t end = bytes.find_first_not_of('\0');
      if (end == std::string_view::npos) break;
      return Fail(ErrorCode::kInvalidArgument, "'" + name_ + "' has other bytes after its compressed data");
    }
    TRY(Inflate(bytes, out));
  }
  if (last && in_member_) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name_ + "' is truncated: its compressed data stops in the middle",
                "Copy or make the backup again; `gzip -t` checks a file.");
  }
  return out;
}

Result<void> DumpReader::Inflate(std::string_view& bytes, std::string& out) {
  std::array<char, 65536> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by inflate
  in_member_ = true;
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream_->avail_in = static_cast<uInt>(bytes.size());
  int status = Z_OK;
  do {
    stream_->next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_->avail_out = static_cast<uInt>(buffer.size());
    status = inflate(stream_.get(), Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream_->avail_out);
  } while (status == Z_OK && (stream_->avail_in > 0 || stream_->avail_out == 0));
  bytes.remove_prefix(bytes.size() - stream_->avail_in);
  if (status == Z_OK || status == Z_BUF_ERROR) return {};
  if (status == Z_STREAM_END) {
    in_member_ = false;
    inflateReset(stream_.get());
    return {};
  }
  const std::string why = stream_->msg != nullptr ? stream_->msg : "zlib error " + std::to_string(status);
  return Fail(ErrorCode::kInvalidArgument,
              "'" + name_ + "' is damaged: its compressed data has an error: " + why,
              "Copy or make the backup again; `gzip -t` checks a file.");
}

Result<BackupHead> ReadBackupHead(int fd, const std::string& name) {
  std::string raw(kHeadBytes, '\0');
  size_t have = 0;
  while (have < raw.size()) {
    const ssize_t n = ::pread(fd, raw.data() + have, raw.size() - have, static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, "cannot read backup '" + name + "'");
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  raw.resize(have);
  BackupHead head;
  head.gzip = IsGzip(raw);
  DumpReader reader(name, head.gzip);
  // A file that is shorter than the head is whole: then a truncation is already seen here.
  TRY_ASSIGN(head.bytes, reader.Read(raw, have < kHeadBytes));
  return head;
}

}  // namespace spawnd::engines
