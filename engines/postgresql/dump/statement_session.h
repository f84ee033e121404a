/// What psql says of one statement of ours (psql -c), of which it tells neither file nor line. Used by one
/// thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/restore.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

class StatementSession final : public RestoreSession {
 public:
  /// `name`: of the backup that the statement is for. `warnings`: to be told beforehand, if it works.
  StatementSession(const std::string& name, const std::vector<std::string>& warnings);

  Result<std::string> FilterInput(std::string_view bytes, bool last) override;
  Result<void> OnToolMessage(std::string_view line) override;
  Result<void> OnToolExit(int exit_code) override;
  std::vector<std::string> Warnings() const override { return warnings_.InOrder(); }

 private:
  const std::string name_;
  RestoreWarnings warnings_;
  std::string error_;  ///< the first
};

}  // namespace spawnd::engines::postgresql
