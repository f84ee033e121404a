#include "engines/postgresql/restore/psql_session.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/random.h"
#include "engines/postgresql/create_database.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr std::string_view kFromInput = "psql:<stdin>:";
constexpr std::string_view kFromPsql = "psql: ";
/// Of the key to psql's restricted mode: more than anybody guesses.
constexpr size_t kKeyLetters = 40;

/// Takes `part` off the front of `text`, if it is there.
bool Take(std::string_view& text, std::string_view part) {
  if (text.substr(0, part.size()) != part) return false;
  text.remove_prefix(part.size());
  return true;
}

bool TakeNumber(std::string_view& text, uint64_t& number) {
  size_t digits = 0;
  number = 0;
  while (digits < text.size() && digits < 18 && std::isdigit(static_cast<unsigned char>(text[digits])) != 0) {
    number = number * 10 + static_cast<uint64_t>(text[digits++] - '0');
  }
  text.remove_prefix(digits);
  return digits > 0;
}

/// "42P01: " in front of a text, which VERBOSITY=verbose puts there.
std::string TakeState(std::string_view& text) {
  constexpr size_t kStateLength = 5;
  if (text.size() < kStateLength + 2 || text.substr(kStateLength, 2) != ": ") return {};
  const std::string_view state = text.substr(0, kStateLength);
  const bool is_state = std::all_of(state.begin(), state.end(), [](unsigned char c) {
    return std::isdigit(c) != 0 || std::isupper(c) != 0;
  });
  if (!is_state) return {};
  text.remove_prefix(kStateLength + 2);
  return std::string(state);
}

bool IsError(const ToolError& error) {
  return error.severity.empty() || error.severity == "ERROR" || error.severity == "FATAL" ||
         error.severity == "PANIC";
}

}  // namespace

PsqlSession::PsqlSession(const std::string& backup_name, std::string database, std::string user, bool strict,
                         StatementRules rules, ErrorManners manners)
    : name_(backup_name),
      warnings_(backup_name),
      text_(backup_name, warnings_),
      useless_wishes_(strict ? std::string() : UselessWishes(rules.wishes, database)),
      filter_(backup_name, warnings_, strict ? "" : RandomText(kKeyLetters, kLowerLetters), std::move(rules)),
      policy_(backup_name, std::move(database), std::move(user), warnings_, std::move(manners)),
      strict_(strict) {}

Result<std::string> PsqlSession::FilterInput(std::string_view bytes, bool last) {
  TRY_ASSIGN(const std::string text, text_.Take(bytes, last));
  TRY_ASSIGN(std::string filtered, filter_.Filter(text, last));
  if (!last) return filtered;
  filtered += DumpFilter::kClosingCheck;
  if (!useless_wishes_.empty() && !filter_.MadeDatabase()) warnings_.Add(useless_wishes_);
  return filtered;
}

bool PsqlSession::BeginMessage(std::string_view line) {
  ToolError error;
  const bool of_a_line = Take(line, kFromInput) && TakeNumber(line, error.line) && Take(line, ": ");
  if (of_a_line && open_ && Take(line, "STATEMENT:  ")) {
    open_->statement = line.substr(0, kMaxFailedStatement);
    in_statement_ = true;
    return true;
  }
  if (of_a_line) error.line = filter_.LineOf(error.line);
  if (!of_a_line && !Take(line, kFromPsql)) return false;
  for (const std::string_view severity :
       {"ERROR", "FATAL", "PANIC", "WARNING", "NOTICE", "INFO", "LOG", "DEBUG"}) {
    if (!Take(line, std::string(severity) + ":  ")) continue;
    error.severity = severity;
    error.sqlstate = TakeState(line);
    error.text = line;
    open_ = std::move(error);
    return true;
  }
  // psql's own words.
  if (Take(line, "warning: ")) error.severity = "WARNING";
  Take(line, "error: ");
  error.text = line;
  open_ = std::move(error);
  return true;
}

void PsqlSession::ContinueMessage(std::string_view line) {
  if (!open_) return;
  if (Take(line, "DETAIL:  ")) {
    open_->detail = line;
  } else if (Take(line, "HINT:  ")) {
    open_->hint = line;
  } else if (Take(line, "CONTEXT:  ")) {
    if (line.substr(0, 5) == "COPY ") open_->context = line;
  }
}

Result<void> PsqlSession::OnToolMessage(std::string_view line) {
  const bool begins =
      line.substr(0, kFromInput.size()) == kFromInput || line.substr(0, kFromPsql.size()) == kFromPsql;
  if (begins) {
    // With --echo-errors the statement is the last part of an error's message.
    const bool statement = open_ && !in_statement_ && line.find(": STATEMENT:  ") != std::string_view::npos;
    if (!statement) TRY(Decide());
    if (BeginMessage(line))
      return in_statement_ && !MessagePolicy::NeedsMore(*open_) ? Decide() : Result<void>();
  }
  if (open_ && in_statement_) {
    if (open_->statement.size() < kMaxFailedStatement)
      open_->statement.append("\n").append(line.substr(0, kMaxFailedStatement));
    return MessagePolicy::NeedsMore(*open_) ? Result<void>() : Decide();
  }
  ContinueMessage(line);
  return {};
}

Result<void> PsqlSession::Decide() {
  if (!open_) return {};
  const ToolError error = std::move(*open_);
  open_.reset();
  in_statement_ = false;
  if (!filter_.DumpedFrom().empty()) policy_.SetDumpedFrom(filter_.DumpedFrom());
  if (!IsError(error)) {
    if (error.severity == "WARNING") warnings_.Add(error.text, error.line);
    return {};
  }
  const bool left_early = strict_ && error.text.starts_with("DISCARD ALL cannot run inside a transaction");
  if (filter_.IsClosingCheck(error.line) || left_early) return Fail(OpenTransaction());
  if (!strict_ && policy_.Tolerates(error, filter_.IsCleaning(error.line))) return {};
  if (!strict_ && policy_.PassesOver(error)) return {};
  return Fail(policy_.Explain(error));
}

Error PsqlSession::OpenTransaction() const {
  const uint64_t line = filter_.TransactionSince();
  return {ErrorCode::kInvalidArgument,
          "'" + name_ + "' ends within a transaction that is not closed" +
              (line > 0 ? "; it begins on line " + std::to_string(line) : std::string()),
          "Nothing of it would be kept: write COMMIT; at its end, or make the backup again."};
}

Result<void> PsqlSession::OnToolExit(int exit_code) {
  TRY(Decide());
  if (exit_code == 0) return {};
  return Fail(ErrorCode::kUnavailable, "'" + name_ + "': psql ended with exit code " +
                                           std::to_string(exit_code) + " and did not say why");
}

}  // namespace spawnd::engines::postgresql
