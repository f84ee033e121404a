#include "daemon/store/checked_text.h"

#include <fmt/format.h>

#include "base/file.h"
#include "storage/checksum.h"

namespace spawnd::daemon {
namespace {

std::string FirstLine(std::string_view what, std::string_view text) {
  return fmt::format("spawnd {} xxh3 {:016x}\n", what, storage::Checksum(std::as_bytes(std::span(text))));
}

Result<void> WriteWhole(const std::string& path, std::string_view content) {
  TRY_ASSIGN(const auto file, PosixFileSystem().Open(path, OpenMode::kCreate));
  TRY(file->Truncate(0));
  TRY(file->WriteAt(0, std::as_bytes(std::span(content))));
  return file->Sync();
}

}  // namespace

Result<void> WriteCheckedText(const std::string& path, std::string_view what, std::string_view text) {
  const std::string unfinished = UnfinishedCheckedText(path);
  if (const auto written = WriteWhole(unfinished, FirstLine(what, text) + std::string(text)); !written) {
    static_cast<void>(PosixFileSystem().Remove(unfinished));  // the failure is what is told
    return written;
  }
  TRY(PosixFileSystem().Rename(unfinished, path));
  return PosixFileSystem().SyncDirectory(DirectoryOf(path));
}

Result<std::string> ReadCheckedText(const std::string& path, std::string_view what) {
  TRY_ASSIGN(const auto file, PosixFileSystem().Open(path, OpenMode::kRead));
  TRY_ASSIGN(const uint64_t size, file->Size());
  const auto damaged = [&path] { return Fail(ErrorCode::kCorrupt, "'" + path + "' is damaged"); };
  if (size > kMaxCheckedText) return damaged();
  std::string content(size, '\0');
  TRY(ReadExactly(*file, 0, std::as_writable_bytes(std::span(content)), path));
  const size_t line = content.find('\n') + 1;  // 0 when there is none, which is no first line
  const std::string text = content.substr(line);
  if (content.substr(0, line) != FirstLine(what, text)) return damaged();
  return text;
}

}  // namespace spawnd::daemon
