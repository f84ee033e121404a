// What becomes of the statements that the filter has read: dump_filter.h.
#include <algorithm>
#include <utility>

#include "engines/mysql_family/dump/dump_filter.h"

namespace spawnd::engines::mysql_family {
namespace {

/// A statement whose kind is not clear after so much is passed on.
constexpr size_t kMaxHead = 64 * 1024;
constexpr size_t kMaxFilled = 100;

}  // namespace

void DumpFilter::JudgeStatement(bool ended) {
  const bool no_more = ended || statement_.words.size() >= Statement::kMaxWords || head_.size() > kMaxHead;
  const Verdict verdict = rules_.Judge(statement_, database_, no_more);
  if (!verdict.warning.empty() && !dropping_section_) {
    CountLines();
    warnings_.Add(verdict.warning, statement_.line);
  }
  if (verdict.what == Verdict::What::kUndecided) return;
  // How it is to be comes after its name.
  const bool makes_database = statement_.Is(0, "CREATE") && statement_.IsOneOf(1, {"DATABASE", "SCHEMA"});
  if (makes_database && !no_more && statement_.words.size() < 7) return;
  if (verdict.what == Verdict::What::kDrop && !dropping_section_) {
    dropping_statement_ = true;
    const std::string before = std::exchange(head_, {});
    if (!verdict.instead.empty()) head_ = verdict.instead + delimiter_;
    head_.append(static_cast<size_t>(std::count(before.begin(), before.end(), '\n')), '\n');
  }
  if (verdict.what == Verdict::What::kPass && !options_.is_script) AllowExistingDatabase();
  ReleaseHead();
  judging_ = false;
}

/// The database of initialDatabaseName is there already. A dump that makes it as well says how it is to be.
void DumpFilter::AllowExistingDatabase() {
  if (!statement_.Is(0, "CREATE") || !statement_.IsOneOf(1, {"DATABASE", "SCHEMA"}) || database_dropped_)
    return;
  const size_t at = statement_.Is(2, "IF") ? 5 : 2;
  const ObjectName name = NameAt(statement_, at);
  if (name.name.empty() || name.name != options_.database) return;
  // A comment in front may have the same word; what matters is the one after CREATE.
  const size_t create = head_.find(statement_.words[1], head_.find(statement_.words[0]));
  const size_t place = head_.find(name.name, create + statement_.words[1].size());
  const size_t from = place > 0 && place != std::string::npos && head_[place - 1] == '`' ? place - 1 : place;
  if (from == std::string::npos) return;
  const auto lines =
      static_cast<size_t>(std::count(head_.begin(), head_.begin() + static_cast<std::ptrdiff_t>(from), '\n'));
  const bool says_how = statement_.words.size() > at + 1;
  head_ = (says_how ? "ALTER DATABASE " : "CREATE DATABASE IF NOT EXISTS ") + std::string(lines, '\n') +
          head_.substr(from);
}

void DumpFilter::NoteFilled() {
  const bool makes =
      statement_.Is(0, "CREATE") && !statement_.IsOneOf(1, {"DATABASE", "SCHEMA", "USER", "ROLE", "SERVER"});
  if (!makes && !statement_.IsOneOf(0, {"INSERT", "REPLACE", "LOAD"})) return;
  std::string database = database_;
  const size_t table = statement_.Find("TABLE");
  if (makes && table < statement_.words.size()) {
    const ObjectName name = NameAt(statement_, table + (statement_.Is(table + 1, "IF") ? 4 : 1));
    if (!name.database.empty()) database = name.database;
  }
  if (filled_.size() < kMaxFilled) filled_.insert(database);
}

void DumpFilter::EndStatement() {
  if (judging_) JudgeStatement(true);
  const bool dropped = std::exchange(dropping_statement_, false) || dropping_section_;
  if (statement_.Is(0, "DROP") && statement_.IsOneOf(1, {"DATABASE", "SCHEMA"})) {
    const ObjectName name = NameAt(statement_, statement_.Is(2, "IF") ? 4 : 2);
    database_dropped_ |= name.name == options_.database;
  }
  if (!dropped) {
    transactions_.Took(statement_);
    NoteFilled();
    if (options_.passed) options_.passed(statement_);
  }
  statement_.words.clear();
  tail_.clear();
  after_engine_ = false;
  judging_ = true;
}

}  // namespace spawnd::engines::mysql_family
