/// The session of a placement's source: passes the backup on, unpacked, and keeps the tool's words for the
/// error. Used by one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/dump_reader.h"
#include "engines/restore.h"

namespace spawnd::engines {

class SourceSession : public RestoreSession {
 public:
  SourceSession(const std::string& backup_name, bool gzip) : name_(backup_name), reader_(backup_name, gzip) {}

  Result<std::string> FilterInput(std::string_view bytes, bool last) override;
  Result<void> OnToolMessage(std::string_view line) override;
  /// An end by SIGPIPE is no error: why the bytes were not taken is for the sink to say.
  Result<void> OnToolExit(int exit_code) override;
  std::vector<std::string> Warnings() const override { return {}; }

 private:
  const std::string name_;
  DumpReader reader_;
  std::string first_message_;
};

/// A source that passes the backup file on, unpacked when it is `gzip`. Its session refuses a gzip file that
/// is cut short.
RestoreStep PassOnBackup(const std::string& backup_name, bool gzip);

}  // namespace spawnd::engines
