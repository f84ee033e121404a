/// The session of a placement's source: passes the backup on and keeps the tool's words for the
/// error. Used by one thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/restore.h"

namespace spawnd::engines {

class SourceSession : public RestoreSession {
 public:
  explicit SourceSession(const std::string& backup_name) : name_(backup_name) {}

  Result<std::string> FilterInput(std::string_view bytes, bool last) override;
  Result<void> OnToolMessage(std::string_view line) override;
  /// An end by SIGPIPE is no error: why the bytes were not taken is for the sink to say.
  Result<void> OnToolExit(int exit_code) override;
  std::vector<std::string> Warnings() const override { return {}; }

 private:
  const std::string name_;
  std::string first_message_;
};

/// A source that passes the backup file on, unpacked.
RestoreStep PassOnBackup(const std::string& backup_name, const Packing& packing);

}  // namespace spawnd::engines
