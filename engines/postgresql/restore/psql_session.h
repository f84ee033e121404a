/// A restore by psql: plain SQL goes through the dump filter to `psql -f -`, what psql says comes back line
/// by line. Used by one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"
#include "engines/postgresql/dump/plain_text.h"
#include "engines/postgresql/restore/dump_filter.h"
#include "engines/postgresql/restore/message_policy.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::postgresql {

class PsqlSession final : public RestoreSession {
 public:
  /// `strict`: a script of the user's own, in which every error is one. The
  /// rest as MessagePolicy and DumpFilter have it.
  PsqlSession(const std::string& backup_name, std::string database, std::string user, bool strict = false,
              StatementRules rules = {}, ErrorManners manners = {});

  Result<std::string> FilterInput(std::string_view bytes, bool last) override;
  Result<void> OnToolMessage(std::string_view line) override;
  Result<void> OnToolExit(int exit_code) override;
  std::vector<std::string> Warnings() const override { return warnings_.InOrder(); }
  uint64_t PassedOver() const override { return policy_.PassedOver(); }

 private:
  /// Starts a message when the line is the first of one: "psql:<stdin>:4: ERROR:  42P01: relation ...".
  bool BeginMessage(std::string_view line);
  void ContinueMessage(std::string_view line);
  /// The verdict on the message that is complete; nothing when there is none.
  Result<void> Decide();
  Error OpenTransaction() const;

  const std::string name_;
  RestoreWarnings warnings_;
  PlainText text_;
  const std::string useless_wishes_;  ///< said at the end, unless a database was made
  DumpFilter filter_;
  MessagePolicy policy_;
  const bool strict_;
  std::optional<ToolError> open_;
  bool in_statement_ = false;  ///< psql prints the statement that failed
};

}  // namespace spawnd::engines::postgresql
