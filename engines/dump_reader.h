/// The bytes of a backup as they were before gzip. Used by one thread at a time; keeps 64 KiB of state
/// whatever the size.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct z_stream_s;

namespace spawnd::engines {

/// True for the two bytes that every gzip file begins with (RFC 1952).
bool IsGzip(std::string_view first_bytes);

class DumpReader {
 public:
  /// `name`: of the backup, for messages. `gzip`: unpack; else bytes pass as they are.
  DumpReader(std::string name, bool gzip);
  ~DumpReader();
  DumpReader(const DumpReader&) = delete;
  DumpReader& operator=(const DumpReader&) = delete;

  /// What the next bytes of the file unpack to, at most about a thousand times as much. `last`: no more will
  /// come; a file that stops inside a member is kInvalidArgument then. Several members in a row are one
  /// stream, as gzip(1) has it; zeros that pad the end are passed over.
  Result<std::string> Read(std::string_view bytes, bool last);

 private:
  Result<void> Inflate(std::string_view& bytes, std::string& out);

  const std::string name_;
  std::unique_ptr<z_stream_s> stream_;
  bool in_member_ = false;
  bool padding_ = false;
};

/// The beginning of a backup: as much as telling its kind takes, and the part of an archive's contents that
/// says how its database was made.
struct BackupHead {
  bool gzip = false;
  std::string bytes;  ///< unpacked
};

/// From the first 64 KiB of the file, whose offset stays. `name`: of the backup, for messages. kIo;
/// kInvalidArgument for a gzip file that is damaged there, or cut short.
Result<BackupHead> ReadBackupHead(int fd, const std::string& name);

}  // namespace spawnd::engines
