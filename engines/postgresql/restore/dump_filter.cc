#include "engines/postgresql/restore/dump_filter.h"

#include <algorithm>
#include <utility>

#include "engines/postgresql/dump/copy_guard.h"
#include "engines/postgresql/dump/sql_tokens.h"
#include "engines/postgresql/restore/psql_command.h"

namespace spawnd::engines::postgresql {
namespace {

/// What is looked at has a dozen words; a table may have a thousand columns.
constexpr size_t kMaxHeld = 64 * 1024;
constexpr size_t kMaxCleaningLines = 65536;
constexpr size_t kMaxInsertedLines = 65536;
constexpr std::string_view kDumpedFrom = " Dumped from database version ";
/// That psql is given beyond the backup's own: \unrestrict before it and \restrict after it.
constexpr uint64_t kLinesOfConnect = 2;
/// \unrestrict, the query, \restrict.
constexpr uint64_t kLinesOfGuard = 3;

}  // namespace

DumpFilter::DumpFilter(std::string name, RestoreWarnings& warnings, std::string restrict_key,
                       StatementRules rules)
    : SqlScanner(std::move(name)),
      warnings_(warnings),
      restrict_key_(std::move(restrict_key)),
      rules_(std::move(rules)) {}

Result<std::string> DumpFilter::Filter(std::string_view bytes, bool last) {
  if (!std::exchange(begun_, true) && !restrict_key_.empty()) out_ = "\\restrict " + restrict_key_ + "\n";
  TRY(Scan(bytes, last));
  if (last) {
    Release();
    // What has no semicolon is a statement all the same.
    transaction_.OnStatementEnds(StatementLine());
    closing_line_ = Line();
    if (promised_ends_ > 0) return Truncated("without pg_dump's closing line");
  }
  return std::exchange(out_, {});
}

void DumpFilter::Pass(std::string_view run) {
  (holding_ ? held_ : out_).append(run);
  if (held_.size() > kMaxHeld) Release();
}

void DumpFilter::OnStatementBegins(char first) {
  constexpr std::string_view kFirstLetters = "cCaAdDgGrRsS";
  const bool of_backup = !restrict_key_.empty() && kFirstLetters.find(first) != std::string_view::npos;
  holding_ = of_backup || first == 'c' || first == 'C';
}

void DumpFilter::OnWord(std::string_view word, size_t number) {
  if (holding_ && number <= 2) {
    const std::string_view second = number == 2 ? word : "";
    const bool create_database = FirstWord() == "CREATE" && (second.empty() || second == "DATABASE");
    const bool guarded = rules_.goes_on && FirstWord() == "COPY";
    if (!create_database && !guarded && (restrict_key_.empty() || !MayBeRuled(FirstWord(), second)))
      Release();
  }
  transaction_.OnWord(word, number);
  if (word == "DROP" || word.ends_with("LO_UNLINK")) has_drop_ = true;
}

void DumpFilter::OnStatementEnds() {
  if (holding_ && !held_.empty()) Rule();
  Release();
  transaction_.OnStatementEnds(StatementLine());
  if (cleaning_ && FirstWord() == "CREATE") cleaning_ = false;
  if (cleaning_ && has_drop_ &&
      (FirstWord() == "DROP" || FirstWord() == "ALTER" || FirstWord() == "SELECT")) {
    if (cleaning_lines_.size() == kMaxCleaningLines) cleaning_lines_.pop_front();
    cleaning_lines_.push_back(Line());
  }
  has_drop_ = false;
}

/// pg_dump writes its marks at the very beginning of a line; elsewhere it is somebody's remark.
void DumpFilter::OnLineComment(std::string_view text) {
  text = text.substr(0, text.find_last_not_of(" \t\r\f\v") + 1);
  if (text == " PostgreSQL database dump" || text == " PostgreSQL database cluster dump") {
    ++promised_ends_;
    cleaning_ = true;
  } else if (text == " PostgreSQL database dump complete" ||
             text == " PostgreSQL database cluster dump complete") {
    promised_ends_ = std::max(0, promised_ends_ - 1);
  } else if (text.starts_with(kDumpedFrom)) {
    text.remove_prefix(kDumpedFrom.size());
    dumped_from_ = text.substr(0, text.find(' '));
  }
}

Result<std::string> DumpFilter::OnPsqlCommand(std::string_view command, bool cut) {
  Release();
  if (cut && promised_ends_ > 0) return Truncated("within a psql command");
  const auto here = [this](const Error& error) { return error.Wrap(PlaceIn(Name(), Line())); };
  if (restrict_key_.empty()) {
    auto checked = CheckScriptCommands(command);
    if (!checked) return Fail(here(checked.error()));
    // What follows is not read, so neither would be the check at the end.
    return (LeavesPsql(command) ? std::string(kClosingCheck) : std::string()) + std::string(command);
  }
  const auto read = ReadBackupCommand(command);
  if (!read) return Fail(here(read.error()));
  switch (read->kind) {
    case BackupCommand::Kind::kDataEnd:
      return std::string(command);
    case BackupCommand::Kind::kRestricts:
      return std::string("\n");
    case BackupCommand::Kind::kConnect:
      break;
  }
  if (inserted_.size() < kMaxInsertedLines) inserted_.push_back({Line(), kLinesOfConnect});
  // On lines of their own: of a line whose command fails, psql passes over the rest.
  return "\\unrestrict " + restrict_key_ + "\n" + ConnectCommand(read->database) + "\n\\restrict " +
         restrict_key_ + "\n";
}

uint64_t DumpFilter::LineOf(uint64_t psql_line) const {
  if (restrict_key_.empty()) return psql_line;
  uint64_t added = 1;
  for (const Inserted& one : inserted_) {
    if (psql_line <= one.line + added) break;
    added += std::min<uint64_t>(one.lines, psql_line - one.line - added);
  }
  return std::max<uint64_t>(1, psql_line - std::min(psql_line, added));
}

void DumpFilter::Release() {
  holding_ = false;
  out_ += held_;
  held_.clear();
}

/// A statement that is not for this server as it is. Of a script, nothing but locales is looked at.
void DumpFilter::Rule() {
  if (restrict_key_.empty()) {
    RewrittenStatement made = RewriteCreateDatabase(held_, {}, rules_.locale_exists);
    if (made.replaced.empty()) return;
    for (std::string& warning : made.warnings) warnings_.Add(std::move(warning), Line());
    held_ = std::move(made.sql);
    return;
  }
  if (FirstWord() == "COPY") return GuardCopy();
  made_database_ = made_database_ || (FirstWord() == "CREATE" && SecondWord() == "DATABASE");
  RuledStatement ruled = ApplyRules(held_, rules_);
  for (std::string& warning : ruled.warnings) warnings_.Add(std::move(warning), Line());
  held_ = std::move(ruled.sql);
}

/// psql looks for the table, then runs what the answer says. A variable is no command: the mode is entered
/// again before the rows come.
void DumpFilter::GuardCopy() {
  const std::string guard = CopyGuard(held_);
  if (guard.empty() || inserted_.size() >= kMaxInsertedLines) return;
  inserted_.push_back({StatementLine(), kLinesOfGuard});
  held_ = "\\unrestrict " + restrict_key_ + "\n" + guard + " \\gset\n\\restrict " + restrict_key_ + "\n" +
          LineBreaksOf(held_) + ":spawnd_copy;";
}

bool DumpFilter::IsCleaning(uint64_t line) const {
  return std::binary_search(cleaning_lines_.begin(), cleaning_lines_.end(), line);
}

}  // namespace spawnd::engines::postgresql
