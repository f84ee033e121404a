#include "engines/postgresql/restore/sql_scanner.h"

#include <cctype>

#include "engines/postgresql/restore/psql_command.h"

namespace spawnd::engines::postgresql {
namespace {

/// Longer ones are cut: no word or comment that counts here is.
constexpr size_t kMaxWord = 63;
constexpr size_t kMaxComment = 63;
constexpr size_t kMaxPsqlCommand = 64 * 1024;

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}
bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

Result<void> SqlScanner::Scan(std::string_view bytes, bool last) {
  bytes_ = bytes;
  at_ = 0;
  passed_ = 0;
  TakeByteOrderMark();
  while (at_ < bytes_.size()) TRY(Take());
  if (state_ != State::kPsqlCommand) Flush();
  return last ? End() : Result<void>();
}

/// psql passes over it only at the very beginning. Three bytes, but they may come one by one.
void SqlScanner::TakeByteOrderMark() {
  while (at_start_ && at_ < bytes_.size()) {
    at_start_ = bytes_[at_] == kByteOrderMark[start_bytes_];
    if (!at_start_) return Pass(kByteOrderMark.substr(0, start_bytes_));
    passed_ = ++at_;
    if (++start_bytes_ == kByteOrderMark.size()) at_start_ = false;
  }
}

Result<void> SqlScanner::End() {
  if (state_ == State::kPsqlCommand) TRY(EndPsqlCommand(true));
  if (state_ == State::kLineComment) EndComment();
  if (state_ == State::kData && data_start_.substr(0, 2) == "\\." && !data_line_) state_ = State::kSql;
  return CheckEnd();
}

void SqlScanner::Flush() {
  if (at_ > passed_) Pass(bytes_.substr(passed_, at_ - passed_));
  passed_ = at_;
}

Result<void> SqlScanner::Take() {
  switch (state_) {
    case State::kData:
      TakeData();
      return {};
    case State::kQuote:
    case State::kQuotedName:
      TakeQuote();
      return {};
    case State::kDollarBody:
      TakeDollarBody();
      return {};
    case State::kDollarTag:
      TakeDollarTag();
      return {};
    case State::kLineComment:
      TakeLineComment(bytes_[at_++]);
      return {};
    case State::kBlockComment:
      TakeBlockComment(bytes_[at_++]);
      return {};
    case State::kPsqlCommand:
      return TakePsqlCommand(bytes_[at_++]);
    case State::kSql:
      return TakeSql();
  }
  return Fail(ErrorCode::kInternal, "unknown state of the scanner");
}

Result<void> SqlScanner::TakeSql() {
  const char c = bytes_[at_];
  const char before = previous_;
  previous_ = c;
  if (IsWordChar(c) || (c == '$' && !word_.empty())) {
    continues_ = 0;
    if (word_.empty() && words_ == 0) {
      Flush();
      statement_line_ = line_;
      OnStatementBegins(c);
    }
    if (word_.size() < kMaxWord) word_ += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    ++at_;
    ++column_;
    return {};
  }
  if (c == '\\') {
    EndWord();
    Flush();
    ++at_;
    psql_command_ = "\\";
    state_ = State::kPsqlCommand;
    return {};
  }
  ++at_;
  if (c == '\'' || c == '"') {
    OpenQuote(c);
    return {};
  }
  EndWord();
  ++column_;
  if (c == '\n') EndLine();
  if (IsBlank(c)) {
    if (continues_ > 0) continues_ = c == '\n' || continues_ == 3 ? 3 : 2;
    return {};
  }
  continues_ = 0;
  TakeSign(c, before);
  return {};
}

void SqlScanner::TakeSign(char c, char before) {
  if (c == '-' && before == '-') {
    state_ = State::kLineComment;
    comment_.clear();
    comment_column_ = column_ - 2;
  } else if (c == '*' && before == '/') {
    state_ = State::kBlockComment;
    comment_depth_ = 1;
    opened_line_ = line_;
    previous_ = 0;
  } else if (c == '$') {
    state_ = State::kDollarTag;
    dollar_tag_ = "$";
  } else if (c == '(') {
    ++parentheses_;
  } else if (c == ')' && parentheses_ > 0) {
    --parentheses_;
  } else if (c == ';' && parentheses_ == 0 && body_depth_ == 0) {
    EndStatement();
  }
}

/// A quote right after the word E takes backslash escapes; so does one that continues such a string on a
/// later line, and `''` inside one, which reads as its end and a new beginning.
void SqlScanner::OpenQuote(char c) {
  const bool e_string = word_ == "E";
  EndWord();
  const bool continued = continues_ == 1 || continues_ == 3;
  escapes_ = c == '\'' && (e_string || backslash_quotes_ || continued);
  escaped_ = false;
  continues_ = 0;
  opened_line_ = line_;
  state_ = c == '\'' ? State::kQuote : State::kQuotedName;
  ++column_;
}

void SqlScanner::TakeQuote() {
  const char quote = state_ == State::kQuote ? '\'' : '"';
  while (at_ < bytes_.size()) {
    const char c = bytes_[at_++];
    if (c == '\n') EndLine();
    if (escaped_) {
      escaped_ = false;
    } else if (escapes_ && c == '\\') {
      escaped_ = true;
    } else if (c == quote) {
      state_ = State::kSql;
      previous_ = c;
      continues_ = escapes_ ? 1 : 0;
      return;
    }
  }
}

void SqlScanner::TakeLineComment(char c) {
  if (c == '\n') {
    EndComment();
    EndLine();
    return;
  }
  if (comment_.size() < kMaxComment) comment_ += c;
}

void SqlScanner::EndComment() {
  state_ = State::kSql;
  previous_ = 0;
  if (comment_column_ == 0) OnLineComment(comment_);
}

void SqlScanner::TakeBlockComment(char c) {
  if (c == '\n') EndLine();
  if (c == '/' && previous_ == '*') {
    previous_ = 0;
    if (--comment_depth_ == 0) state_ = State::kSql;
  } else if (c == '*' && previous_ == '/') {
    previous_ = 0;
    ++comment_depth_;  // they nest
  } else {
    previous_ = c;
  }
}

/// After a `$` that does not continue a word: a tag like `$body$` opens a quote, anything else (`$1`) does
/// not.
void SqlScanner::TakeDollarTag() {
  const char c = bytes_[at_];
  const bool digit_first = dollar_tag_.size() == 1 && std::isdigit(static_cast<unsigned char>(c)) != 0;
  if (c != '$' && (!IsWordChar(c) || digit_first || dollar_tag_.size() > kMaxWord)) {
    // Not ours to take: TakeSql looks at it. What stood since the `$` was a parameter or a part of an
    // operator.
    word_ = dollar_tag_.substr(1);
    state_ = State::kSql;
    if (digit_first) word_ = "$";
    return;
  }
  ++at_;
  ++column_;
  dollar_tag_ += c;
  if (c != '$') return;
  state_ = State::kDollarBody;
  dollar_match_ = 0;
  opened_line_ = line_;
}

void SqlScanner::TakeDollarBody() {
  while (at_ < bytes_.size()) {
    const char c = bytes_[at_++];
    if (c == '\n') EndLine();
    // A tag has `$` at its two ends only, so after a mismatch only the character itself can begin it anew.
    if (c == dollar_tag_[dollar_match_]) {
      ++dollar_match_;
    } else {
      dollar_match_ = c == '$' ? 1 : 0;
    }
    if (dollar_match_ == dollar_tag_.size()) {
      state_ = State::kSql;
      previous_ = 0;
      return;
    }
  }
}

Result<void> SqlScanner::TakePsqlCommand(char c) {
  // `\;` and `\:` stand for the character itself.
  if (psql_command_.size() == 1 && (c == ';' || c == ':')) {
    psql_command_ += c;
    Pass(psql_command_);
    passed_ = at_;
    state_ = State::kSql;
    return {};
  }
  psql_command_ += c;
  if (psql_command_.size() > kMaxPsqlCommand) {
    return Fail(ErrorCode::kInvalidArgument,
                "line " + std::to_string(line_) + " of '" + name_ + "': a psql command of more than 64 KiB");
  }
  if (c != '\n') return {};
  TRY(EndPsqlCommand(false));
  EndLine();
  return {};
}

Result<void> SqlScanner::EndPsqlCommand(bool cut) {
  TRY_ASSIGN(const std::string instead, OnPsqlCommand(psql_command_, cut));
  Pass(instead);
  passed_ = at_;
  state_ = State::kSql;
  previous_ = 0;
  if (EndsStatement(psql_command_)) EndStatement();
  psql_command_.clear();
  return {};
}

void SqlScanner::TakeData() {
  while (at_ < bytes_.size()) {
    if (data_line_) {
      const size_t newline = bytes_.find('\n', at_);
      if (newline == std::string_view::npos) {
        at_ = bytes_.size();
        return;
      }
      at_ = newline + 1;
      data_line_ = false;
      ++line_;
      continue;
    }
    const char c = bytes_[at_++];
    if (c == '\n') {
      const bool end_mark = data_start_ == "\\." || data_start_ == "\\.\r";
      data_start_.clear();
      EndLine();
      if (!end_mark) continue;
      state_ = State::kSql;
      previous_ = 0;
      return;
    }
    data_start_ += c;
    if (std::string_view("\\.\r").substr(0, data_start_.size()) != data_start_) {
      data_start_.clear();
      data_line_ = true;
    }
  }
}

void SqlScanner::EndWord() {
  if (word_.empty()) return;
  ++words_;
  if (words_ == 1) {
    first_word_ = word_;
  } else if (words_ == 2) {
    second_word_ = word_;
  } else if (first_word_ == "SET" && second_word_ == "STANDARD_CONFORMING_STRINGS" && word_ != "TO") {
    backslash_quotes_next_ = word_ == "OFF" || word_ == "FALSE" || word_ == "NO" || word_ == "0";
  }
  if (word_ == "STDIN" && last_word_ == "FROM" && first_word_ == "COPY") copy_from_stdin_ = true;
  FollowRoutineBody();
  OnWord(word_, words_);
  last_word_ = word_;
  word_.clear();
}

/// A `;` between BEGIN ATOMIC and END of a function in standard SQL belongs to its body.
void SqlScanner::FollowRoutineBody() {
  constexpr size_t kMaxLetters = 4;
  if (words_ <= kMaxLetters) {
    const bool counts = word_ == "CREATE" || word_ == "OR" || word_ == "REPLACE" || word_ == "FUNCTION" ||
                        word_ == "PROCEDURE";
    routine_ += counts ? word_.front() : ' ';
  }
  const std::string_view letters(routine_);
  const bool routine = letters.starts_with("CF") || letters.starts_with("CP") ||
                       letters.starts_with("CORF") || letters.starts_with("CORP");
  if (!routine || parentheses_ > 0) return;
  if (word_ == "BEGIN" || (word_ == "CASE" && body_depth_ > 0)) {
    ++body_depth_;
  } else if (word_ == "END" && body_depth_ > 0) {
    --body_depth_;
  }
}

void SqlScanner::EndLine() {
  ++line_;
  column_ = 0;
  if (!data_follows_ || state_ != State::kSql) return;
  data_follows_ = false;
  state_ = State::kData;
  opened_line_ = line_;
  data_start_.clear();
  data_line_ = false;
}

void SqlScanner::EndStatement() {
  Flush();
  OnStatementEnds();
  if (copy_from_stdin_) data_follows_ = true;
  backslash_quotes_ = backslash_quotes_next_;
  words_ = 0;
  parentheses_ = 0;
  body_depth_ = 0;
  routine_.clear();
  first_word_.clear();
  second_word_.clear();
  last_word_.clear();
  copy_from_stdin_ = false;
}

tl::unexpected<Error> SqlScanner::Truncated(const std::string& where) const {
  return Fail(ErrorCode::kInvalidArgument,
              "'" + name_ + "' is truncated: it ends on line " + std::to_string(line_) + " " + where,
              "Copy or make the backup again.");
}

Result<void> SqlScanner::CheckEnd() const {
  const std::string since = "that begins on line " + std::to_string(opened_line_);
  switch (state_) {
    case State::kData:
      return Truncated("within data " + since);
    case State::kQuote:
    case State::kQuotedName:
    case State::kDollarBody:
      return Truncated("within a quoted text " + since);
    case State::kBlockComment:
      return Truncated("within a comment " + since);
    default:
      break;
  }
  if (data_follows_) return Truncated("where data should follow");
  return {};
}

}  // namespace spawnd::engines::postgresql
