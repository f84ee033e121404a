#include "engines/postgresql/restore/dump_filter.h"

#include <algorithm>
#include <utility>

#include "engines/postgresql/restore/psql_command.h"

namespace spawnd::engines::postgresql {
namespace {

/// A CREATE DATABASE has a dozen words.
constexpr size_t kMaxHeld = 64 * 1024;
constexpr size_t kMaxCleaningLines = 65536;
constexpr size_t kMaxConnectLines = 65536;
/// That psql is given beyond the backup's own: \unrestrict before it and \restrict after it.
constexpr uint64_t kLinesOfConnect = 2;

}  // namespace

DumpFilter::DumpFilter(std::string name, RestoreWarnings& warnings, std::string restrict_key,
                       std::function<bool(const std::string&)> locale_exists)
    : SqlScanner(std::move(name)),
      warnings_(warnings),
      restrict_key_(std::move(restrict_key)),
      locale_exists_(std::move(locale_exists)) {}

Result<std::string> DumpFilter::Filter(std::string_view bytes, bool last) {
  if (!std::exchange(begun_, true) && !restrict_key_.empty()) out_ = "\\restrict " + restrict_key_ + "\n";
  TRY(Scan(bytes, last));
  if (last) {
    Release();
    if (promised_ends_ > 0) return Truncated("without pg_dump's closing line");
  }
  return std::exchange(out_, {});
}

void DumpFilter::Pass(std::string_view run) {
  (holding_ ? held_ : out_).append(run);
  if (held_.size() > kMaxHeld) Release();
}

void DumpFilter::OnStatementBegins(char first) {
  holding_ = first == 'c' || first == 'C';
}

void DumpFilter::OnWord(std::string_view word, size_t number) {
  if (number == 2 && holding_ && (FirstWord() != "CREATE" || word != "DATABASE")) Release();
  if (word == "DROP") has_drop_ = true;
}

void DumpFilter::OnStatementEnds() {
  if (holding_ && FirstWord() == "CREATE" && SecondWord() == "DATABASE") ReplaceLocales();
  Release();
  if (cleaning_ && FirstWord() == "CREATE") cleaning_ = false;
  if (cleaning_ && has_drop_ && (FirstWord() == "DROP" || FirstWord() == "ALTER")) {
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
  }
}

Result<std::string> DumpFilter::OnPsqlCommand(std::string_view command, bool cut) {
  if (cut && promised_ends_ > 0) return Truncated("within a psql command");
  const auto here = [this](const Error& error) { return error.Wrap(PlaceIn(Name(), Line())); };
  if (restrict_key_.empty()) {
    auto checked = CheckScriptCommands(command);
    if (!checked) return Fail(here(checked.error()));
    return std::string(command);
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
  if (connect_lines_.size() < kMaxConnectLines) connect_lines_.push_back(Line());
  // On lines of their own: of a line whose command fails, psql passes over the rest.
  return "\\unrestrict " + restrict_key_ + "\n" + ConnectCommand(read->database) + "\n\\restrict " +
         restrict_key_ + "\n";
}

uint64_t DumpFilter::LineOf(uint64_t psql_line) const {
  if (restrict_key_.empty()) return psql_line;
  uint64_t added = 1;
  for (const uint64_t line : connect_lines_) {
    if (psql_line <= line + added) break;
    added += std::min<uint64_t>(kLinesOfConnect, psql_line - line - added);
  }
  return std::max<uint64_t>(1, psql_line - std::min(psql_line, added));
}

void DumpFilter::Release() {
  holding_ = false;
  out_ += held_;
  held_.clear();
}

void DumpFilter::ReplaceLocales() {
  RewrittenStatement statement = ReplaceMissingLocales(held_, locale_exists_);
  for (const std::string& locale : statement.replaced) {
    warnings_.Add(LocaleWarning(locale, statement), Line());
  }
  held_ = std::move(statement.sql);
}

bool DumpFilter::IsCleaning(uint64_t line) const {
  return std::binary_search(cleaning_lines_.begin(), cleaning_lines_.end(), line);
}

}  // namespace spawnd::engines::postgresql
