// What becomes of the statements that the filter has read: dump_filter.h.
#include <algorithm>
#include <cctype>
#include <utility>

#include "engines/connection_text.h"
#include "engines/mysql_family/dump/account_rules.h"
#include "engines/mysql_family/dump/dump_filter.h"

namespace spawnd::engines::mysql_family {
namespace {

/// A statement whose kind is not clear after so much is passed on.
constexpr size_t kMaxHead = 64 * 1024;

}  // namespace

/// CREATE, DROP or ALTER DATABASE; false as well while that is not clear.
bool DumpFilter::IsOfDatabase() const {
  return statement_.IsOneOf(0, {"CREATE", "DROP", "ALTER"}) && statement_.IsOneOf(1, {"DATABASE", "SCHEMA"});
}

/// How it is to be comes after its name, and its name after IF NOT EXISTS.
bool DumpFilter::WaitsForDatabase() const {
  const bool may_be = statement_.words.size() == 1 && statement_.IsOneOf(0, {"CREATE", "DROP", "ALTER"});
  return may_be || (IsOfDatabase() && statement_.words.size() < 7);
}

/// What is left out of another server's database ends where the dump turns to the next one: by USE, or,
/// before that, where it drops or makes it.
void DumpFilter::LeaveSection() {
  if (!dropping_section_ || !IsOfDatabase()) return;
  const std::string name = NameOfDatabase(statement_).name;
  dropping_section_ = name.empty() || name == kSystemDatabase;
}

void DumpFilter::JudgeStatement(bool ended) {
  const bool no_more = ended || statement_.words.size() >= Statement::kMaxWords || head_.size() > kMaxHead;
  if (!no_more && WaitsForDatabase()) return;
  LeaveSection();
  const Verdict verdict = rules_.Judge(statement_, database_, no_more);
  if (verdict.what == Verdict::What::kRefuse) {
    if (!refused_) {
      refused_ =
          Error{ErrorCode::kInvalidArgument, PlaceIn(options_.name, statement_.line) + ": " + verdict.warning,
                "Leave it out: the build starts and ends its server itself."};
    }
    return;
  }
  if (!verdict.warning.empty() && !dropping_section_) {
    CountLines();
    warnings_.Add(verdict.warning, statement_.line);
  }
  if (verdict.what == Verdict::What::kUndecided) return;
  if (!no_more && SetsModes()) return;
  if (verdict.what == Verdict::What::kDrop && !dropping_section_) {
    dropping_statement_ = true;
    const std::string before = std::exchange(head_, {});
    if (!verdict.instead.empty()) head_ = verdict.instead + delimiter_;
    head_.append(static_cast<size_t>(std::count(before.begin(), before.end(), '\n')), '\n');
  }
  if (verdict.what == Verdict::What::kPass && !options_.is_script) {
    AllowExistingDatabase();
    AllowExistingAccount();
    if (SetsModes()) LeaveOutModes();
  }
  ReleaseHead();
  judging_ = false;
}

/// SET, and sql_mode among what is set; a few words tell.
bool DumpFilter::SetsModes() const {
  if (!statement_.Is(0, "SET") || options_.lacking_modes.empty()) return false;
  return statement_.words.size() < 3 || statement_.Find("SQL_MODE") < statement_.words.size() ||
         statement_.Find("@@SQL_MODE") < statement_.words.size() ||
         statement_.Find("@@SESSION.SQL_MODE") < statement_.words.size();
}

/// In the quoted texts of the statement, which are lists of words.
void DumpFilter::LeaveOutModes() {
  const auto is_edge = [this](size_t place) {
    return place < head_.size() && std::string_view(",'\" ").find(head_[place]) != std::string_view::npos;
  };
  const auto same = [](unsigned char a, unsigned char b) { return std::toupper(a) == b; };
  for (const std::string_view mode : options_.lacking_modes) {
    for (size_t from = 0;;) {
      const auto found = std::search(head_.begin() + static_cast<std::ptrdiff_t>(from), head_.end(),
                                     mode.begin(), mode.end(), same);
      if (found == head_.end()) break;
      const auto at = static_cast<size_t>(found - head_.begin());
      from = at + mode.size();
      if (at == 0 || !is_edge(at - 1) || !is_edge(from)) continue;
      const bool comma_after = head_[from] == ',';
      const bool comma_before = !comma_after && head_[at - 1] == ',';
      head_.erase(comma_before ? at - 1 : at, mode.size() + (comma_after || comma_before ? 1 : 0));
      from = at - 1;
      CountLines();
      warnings_.Add("sql_mode " + std::string(mode) + " was left out: this server does not know it",
                    statement_.line);
    }
  }
}

/// The database of initialDatabaseName is there already. A dump that makes it as well says how it is to be.
void DumpFilter::AllowExistingDatabase() {
  if (!statement_.Is(0, "CREATE") || !statement_.IsOneOf(1, {"DATABASE", "SCHEMA"}) || database_dropped_)
    return;
  const size_t at = statement_.Is(2, "IF") ? 5 : 2;
  const ObjectName name = NameOfDatabase(statement_);
  if (name.name.empty() || name.name != options_.database) return;
  // A comment in front may have the same word; what matters is the one after CREATE.
  const size_t create = head_.find(statement_.words[1], head_.find(statement_.words[0]));
  const size_t behind = create + statement_.words[1].size();
  const size_t quoted = head_.find(Quoted(name.name, '`'), behind);
  const size_t from = quoted == std::string::npos ? head_.find(name.name, behind) : quoted;
  if (from == std::string::npos) return;
  const auto lines =
      static_cast<size_t>(std::count(head_.begin(), head_.begin() + static_cast<std::ptrdiff_t>(from), '\n'));
  const bool says_how = statement_.words.size() > at + 1;
  head_ = (says_how ? "ALTER DATABASE " : "CREATE DATABASE IF NOT EXISTS ") + std::string(lines, '\n') +
          head_.substr(from);
}

/// Accounts that are there already, or that a dump drops before it makes them, are no error.
void DumpFilter::AllowExistingAccount() {
  const std::string_view condition = AccountCondition(statement_);
  if (!condition.empty()) head_.insert(std::min(second_word_end_, head_.size()), condition);
}

void DumpFilter::EndStatement() {
  if (judging_) JudgeStatement(true);
  const bool dropped = std::exchange(dropping_statement_, false) || dropping_section_;
  if (statement_.Is(0, "DROP") && statement_.IsOneOf(1, {"DATABASE", "SCHEMA"})) {
    database_dropped_ |= NameOfDatabase(statement_).name == options_.database;
  }
  if (!dropped) {
    touches_accounts_ |= !options_.is_script && ChangesAccounts(statement_);
    transactions_.Took(statement_);
    if (options_.passed) options_.passed(statement_);
  }
  statement_.words.clear();
  tail_.clear();
  after_engine_ = false;
  judging_ = true;
}

}  // namespace spawnd::engines::mysql_family
