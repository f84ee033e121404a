#include "engines/postgresql/restore/pg_restore_session.h"

#include "engines/postgresql/restore/custom_walk.h"

namespace spawnd::engines::postgresql {
namespace {

bool Take(std::string_view& text, std::string_view part) {
  if (text.substr(0, part.size()) != part) return false;
  text.remove_prefix(part.size());
  return true;
}

}  // namespace

PgRestoreSession::PgRestoreSession(const std::string& backup_name, bool tar, std::string database,
                                   std::string user, const ErrorManners& manners)
    : name_(backup_name),
      warnings_(backup_name),
      policy_(backup_name, std::move(database), std::move(user), warnings_, manners) {
  if (!manners.remark.empty()) warnings_.Add(manners.remark);
  if (tar) tar_.emplace();
}

Result<std::string> PgRestoreSession::FilterInput(std::string_view bytes, bool last) {
  if (tar_) {
    TRY(tar_->Take(bytes, last, name_));
    if (tar_->GoesOn()) return Fail(GoesOnBehindItsEnd(name_));
  }
  return std::string(bytes);
}

/// "could not execute query: ERROR:  relation ..." or pg_restore's own words.
void PgRestoreSession::BeginError(std::string_view text) {
  ToolError error;
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

/// The folder's place in the tool's own mounts says nothing to anybody.
Result<void> PgRestoreSession::OnToolMessage(std::string_view line) {
  constexpr std::string_view kFolder = kBackupFolder;
  std::string shown(line);
  for (size_t at = 0; (at = shown.find(kFolder, at)) != std::string::npos; at += name_.size()) {
    shown.replace(at, kFolder.size(), name_);
  }
  return OnLine(shown);
}

Result<void> PgRestoreSession::OnLine(std::string_view line) {
  if (Take(line, "pg_restore: ")) {
    TRY(Decide());
    if (Take(line, "error: ")) {
      BeginError(line);
    } else if (Take(line, "warning: ")) {
      if (line.substr(0, 14) != "errors ignored") warnings_.Add(std::string(line));
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
    // The last that counts of a message. Its first line names the object.
    open_->statement = line.substr(0, kMaxFailedStatement);
    open_->context = "in: " + ShortStatement(line);
    if (!MessagePolicy::NeedsMore(*open_)) return Decide();
  } else if (!open_->statement.empty()) {
    open_->statement.append("\n").append(line.substr(0, kMaxFailedStatement));
    if (!MessagePolicy::NeedsMore(*open_)) return Decide();
  }
  return {};
}

Result<void> PgRestoreSession::Decide() {
  if (!open_) return {};
  const ToolError error = std::move(*open_);
  open_.reset();
  if (error.severity.empty()) {
    for (const std::string_view words :
         {"could not read from input file: end of file", "unexpected end of file", "could not find block ID",
          "could not uncompress data"}) {
      if (error.text.starts_with(words)) return Fail(Truncated("pg_restore says: " + error.text));
    }
    const bool member = error.text.find("\"" + name_ + "/") != std::string::npos &&
                        error.text.find("No such file or directory") != std::string::npos;
    if (member) return Fail(Truncated(error.text));
  }
  if (policy_.Tolerates(error, false) || policy_.PassesOver(error)) return {};
  return Fail(policy_.Explain(error));
}

Error PgRestoreSession::Truncated(const std::string& how) const {
  return {ErrorCode::kInvalidArgument, "'" + name_ + "' is truncated or damaged: " + how,
          "Copy or make the backup again."};
}

Result<void> PgRestoreSession::OnToolExit(int exit_code) {
  TRY(Decide());
  // 1 is also its answer when errors were passed over, and each of them has been judged above.
  if (exit_code == 0 || (exit_code == 1 && policy_.ToleratedAny())) return {};
  return Fail(ErrorCode::kUnavailable, "'" + name_ + "': pg_restore ended with exit code " +
                                           std::to_string(exit_code) + " and did not say why");
}

}  // namespace spawnd::engines::postgresql
