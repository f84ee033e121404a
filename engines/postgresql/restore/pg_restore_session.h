/// A restore by pg_restore: an archive in custom or tar format on its standard input. Used by one thread at a
/// time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"
#include "engines/postgresql/restore/message_policy.h"
#include "engines/postgresql/restore/tar_walk.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

class PgRestoreSession final : public RestoreSession {
 public:
  /// `tar`: of tar format, else of custom format.
  PgRestoreSession(const std::string& backup_name, bool tar, std::string database, std::string user,
                   const ErrorManners& manners = {});

  Result<std::string> FilterInput(std::string_view bytes, bool last) override;
  Result<void> OnToolMessage(std::string_view line) override;
  Result<void> OnToolExit(int exit_code) override;
  std::vector<std::string> Warnings() const override { return warnings_.InOrder(); }
  uint64_t PassedOver() const override { return policy_.PassedOver(); }

 private:
  void BeginError(std::string_view text);
  Result<void> OnLine(std::string_view line);
  Error Truncated(const std::string& how) const;
  Result<void> Decide();

  const std::string name_;
  std::optional<TarWalk> tar_;
  RestoreWarnings warnings_;
  MessagePolicy policy_;
  std::optional<ToolError> open_;
};

}  // namespace spawnd::engines::postgresql
