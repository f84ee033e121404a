#include "engines/postgresql/pg_restore_session.h"

namespace spawnd::engines::postgresql {
namespace {

bool Take(std::string_view& text, std::string_view part) {
  if (text.substr(0, part.size()) != part) return false;
  text.remove_prefix(part.size());
  return true;
}

/// "TABLE film pagila_admin" of "203; 1259 16386 TABLE film pagila_admin".
std::string EntryName(std::string_view text) {
  for (int numbers = 0; numbers < 3; ++numbers) {
    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos) break;
    text.remove_prefix(blank + 1);
  }
  return std::string(text);
}

}  // namespace

PgRestoreSession::PgRestoreSession(const std::string& backup_name, bool gzip, std::string database,
                                   std::string user)
    : name_(backup_name), reader_(backup_name, gzip), policy_(std::move(database), std::move(user)) {}

Result<std::string> PgRestoreSession::FilterInput(std::string_view bytes, bool last) {
  return reader_.Read(bytes, last);
}

/// "could not execute query: ERROR:  relation ..." or pg_restore's own words.
void PgRestoreSession::BeginError(std::string_view text) {
  ToolError error;
  error.place = "'" + name_ + "'" + (entry_.empty() ? "" : ", " + entry_);
  for (const std::string_view severity : {"ERROR:  ", "FATAL:  ", "PANIC:  "}) {
    const size_t at = text.find(severity);
    if (at == std::string_view::npos) continue;
    error.severity = severity.substr(0, severity.size() - 3);
    text.remove_prefix(at + severity.size());
    break;
  }
  error.text = text;
  open_ = std::move(error);
}

Result<void> PgRestoreSession::OnToolMessage(std::string_view line) {
  if (Take(line, "pg_restore: ")) {
    TRY(Decide());
    if (Take(line, "from TOC entry ")) {
      entry_ = EntryName(line);
    } else if (Take(line, "error: ")) {
      BeginError(line);
    } else if (Take(line, "warning: ")) {
      if (line.substr(0, 14) != "errors ignored") policy_.AddWarning("'" + name_ + "': " + std::string(line));
    }
    return {};
  }
  if (!open_) return {};
  if (Take(line, "DETAIL:  ")) {
    open_->detail = line;
  } else if (Take(line, "HINT:  ")) {
    open_->hint = line;
  } else if (Take(line, "CONTEXT:  ")) {
    if (line.substr(0, 5) == "COPY ") open_->context = line;
  } else if (Take(line, "Command was: ")) {
    return Decide();  // the last that counts of a message
  }
  return {};
}

Result<void> PgRestoreSession::Decide() {
  if (!open_) return {};
  const ToolError error = std::move(*open_);
  open_.reset();
  if (policy_.Tolerates(error, false)) return {};
  return Fail(policy_.Explain(error));
}

Result<void> PgRestoreSession::OnToolExit(int exit_code) {
  TRY(Decide());
  // 1 is also its answer when errors were passed over, and each of them has been judged above.
  if (exit_code == 0 || (exit_code == 1 && policy_.ToleratedAny())) return {};
  return Fail(ErrorCode::kUnavailable, "'" + name_ + "': pg_restore ended with exit code " +
                                           std::to_string(exit_code) + " and did not say why");
}

}  // namespace spawnd::engines::postgresql
