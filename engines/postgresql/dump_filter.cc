#include "engines/postgresql/dump_filter.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "engines/postgresql/psql_command.h"

namespace spawnd::engines::postgresql {
namespace {

/// Longer ones are cut: no word or comment that counts here is.
constexpr size_t kMaxWord = 63;
constexpr size_t kMaxComment = 63;
/// A CREATE DATABASE has a dozen words.
constexpr size_t kMaxHeld = 64 * 1024;
constexpr size_t kMaxPsqlCommand = 64 * 1024;
constexpr size_t kMaxCleaningLines = 65536;

bool IsWordChar(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80U) != 0;
}
bool IsBlank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

}  // namespace

DumpFilter::DumpFilter(std::string name, RestoreWarnings& warnings,
                       std::function<bool(const std::string&)> locale_exists)
    : name_(std::move(name)), warnings_(warnings), locale_exists_(std::move(locale_exists)) {}

Result<std::string> DumpFilter::Filter(std::string_view bytes, bool last) {
  size_t at = 0;
  while (at_start_ && at < bytes.size()) {
    // psql passes over a byte order mark too; only three bytes, but they may come one by one.
    at_start_ = bytes[at] == kByteOrderMark[start_bytes_];
    if (!at_start_) break;
    Emit(bytes[at++]);
    if (++start_bytes_ == kByteOrderMark.size()) at_start_ = false;
  }
  while (at < bytes.size()) {
    TRY(Take(bytes, at));
    if (held_.size() > kMaxHeld) Release();
  }
  if (last) {
    if (state_ == State::kPsqlCommand) {
      if (promised_ends_ > 0) return Truncated("within a psql command");
      TRY(EndPsqlCommand());
    }
    if (state_ == State::kLineComment) EndComment();
    if (state_ == State::kData && data_start_.substr(0, 2) == "\\." && !data_line_) state_ = State::kSql;
    Release();
    TRY(CheckEnd());
  }
  std::string out;
  out.swap(out_);
  return out;
}

Result<void> DumpFilter::Take(std::string_view bytes, size_t& at) {
  switch (state_) {
    case State::kData:
      TakeData(bytes, at);
      return {};
    case State::kQuote:
    case State::kQuotedName:
      return TakeQuote(bytes, at);
    case State::kDollarBody:
      TakeDollarBody(bytes, at);
      return {};
    case State::kDollarTag:
      TakeDollarTag(bytes, at);
      return {};
    case State::kLineComment:
      TakeLineComment(bytes[at++]);
      return {};
    case State::kBlockComment:
      TakeBlockComment(bytes[at++]);
      return {};
    case State::kPsqlCommand:
      return TakePsqlCommand(bytes[at++]);
    case State::kSql:
      return TakeSql(bytes[at++]);
  }
  return Fail(ErrorCode::kInternal, "unknown state of the dump filter");
}

Result<void> DumpFilter::TakeSql(char c) {
  const char before = previous_;
  previous_ = c;
  if (IsWordChar(c) || (c == '$' && !word_.empty())) {
    continues_ = 0;
    if (word_.empty() && words_ == 0 && (c == 'c' || c == 'C')) holding_ = true;
    if (word_.size() < kMaxWord) word_ += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    Emit(c);
    ++column_;
    return {};
  }
  if (c == '\\') {
    EndWord();
    psql_command_ = "\\";
    state_ = State::kPsqlCommand;
    return {};
  }
  if (c == '\'' || c == '"') {
    OpenQuote(c);
    return {};
  }
  EndWord();
  Emit(c);
  ++column_;
  if (c == '\n') EndLine();
  if (IsBlank(c)) {
    if (continues_ > 0) continues_ = c == '\n' || continues_ == 3 ? 3 : 2;
    return {};
  }
  continues_ = 0;
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
  } else if (c == ';') {
    EndStatement();
  }
  return {};
}

/// A quote right after the word E takes backslash escapes; so does one that continues such a string on a
/// later line, and `''` inside one, which reads as its end and a new beginning.
void DumpFilter::OpenQuote(char c) {
  const bool e_string = word_ == "E";
  EndWord();
  const bool continued = continues_ == 1 || continues_ == 3;
  escapes_ = c == '\'' && (e_string || backslash_quotes_ || continued);
  escaped_ = false;
  continues_ = 0;
  opened_line_ = line_;
  state_ = c == '\'' ? State::kQuote : State::kQuotedName;
  Emit(c);
  ++column_;
}

Result<void> DumpFilter::TakeQuote(std::string_view bytes, size_t& at) {
  const char quote = state_ == State::kQuote ? '\'' : '"';
  while (at < bytes.size()) {
    const char c = bytes[at++];
    Emit(c);
    if (c == '\n') EndLine();
    if (escaped_) {
      escaped_ = false;
    } else if (escapes_ && c == '\\') {
      escaped_ = true;
    } else if (c == quote) {
      state_ = State::kSql;
      previous_ = c;
      continues_ = escapes_ ? 1 : 0;
      break;
    }
  }
  return {};
}

void DumpFilter::TakeLineComment(char c) {
  Emit(c);
  if (c == '\n') {
    EndComment();
    EndLine();
    return;
  }
  if (comment_.size() < kMaxComment) comment_ += c;
}

void DumpFilter::EndComment() {
  state_ = State::kSql;
  previous_ = 0;
  // pg_dump writes its marks at the very beginning of a line; elsewhere it is somebody's remark.
  if (comment_column_ != 0) return;
  std::string_view text = comment_;
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  if (text == " PostgreSQL database dump" || text == " PostgreSQL database cluster dump") {
    ++promised_ends_;
    cleaning_ = true;
  } else if (text == " PostgreSQL database dump complete" ||
             text == " PostgreSQL database cluster dump complete") {
    promised_ends_ = std::max(0, promised_ends_ - 1);
  }
}

void DumpFilter::TakeBlockComment(char c) {
  Emit(c);
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
void DumpFilter::TakeDollarTag(std::string_view bytes, size_t& at) {
  const char c = bytes[at];
  const bool digit_first = dollar_tag_.size() == 1 && std::isdigit(static_cast<unsigned char>(c)) != 0;
  if (c != '$' && (!IsWordChar(c) || digit_first || dollar_tag_.size() > kMaxWord)) {
    // Not ours to take: TakeSql looks at it. What stood since the `$` was a parameter or a part of an
    // operator.
    word_ = dollar_tag_.substr(1);
    state_ = State::kSql;
    if (digit_first) word_ = "$";
    return;
  }
  ++at;
  Emit(c);
  ++column_;
  dollar_tag_ += c;
  if (c != '$') return;
  state_ = State::kDollarBody;
  dollar_match_ = 0;
  opened_line_ = line_;
}

void DumpFilter::TakeDollarBody(std::string_view bytes, size_t& at) {
  while (at < bytes.size()) {
    const char c = bytes[at++];
    Emit(c);
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
      break;
    }
  }
}

Result<void> DumpFilter::TakePsqlCommand(char c) {
  // `\;` and `\:` stand for the character itself.
  if (psql_command_.size() == 1 && (c == ';' || c == ':')) {
    Emit(psql_command_);
    Emit(c);
    state_ = State::kSql;
    return {};
  }
  psql_command_ += c;
  if (psql_command_.size() > kMaxPsqlCommand) {
    return Fail(ErrorCode::kInvalidArgument,
                "line " + std::to_string(line_) + " of '" + name_ + "': a psql command of more than 64 KiB");
  }
  if (c != '\n') return {};
  TRY(EndPsqlCommand());
  EndLine();
  return {};
}

Result<void> DumpFilter::EndPsqlCommand() {
  auto checked = CheckPsqlCommands(psql_command_);
  if (!checked) {
    return Fail(checked.error().Wrap("line " + std::to_string(line_) + " of '" + name_ + "'"));
  }
  Emit(psql_command_);
  state_ = State::kSql;
  previous_ = 0;
  if (EndsStatement(psql_command_)) EndStatement();
  psql_command_.clear();
  return {};
}

/// A row that is long is passed on in one piece as far as it has come.
void DumpFilter::TakeData(std::string_view bytes, size_t& at) {
  while (at < bytes.size()) {
    if (data_line_) {
      const size_t newline = bytes.find('\n', at);
      const size_t end = newline == std::string_view::npos ? bytes.size() : newline + 1;
      Emit(bytes.substr(at, end - at));
      at = end;
      if (newline == std::string_view::npos) return;
      data_line_ = false;
      ++line_;
      continue;
    }
    const char c = bytes[at++];
    Emit(c);
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

void DumpFilter::EndWord() {
  if (word_.empty()) return;
  ++words_;
  if (words_ == 1) {
    first_word_ = word_;
  } else if (words_ == 2) {
    second_word_ = word_;
    if (holding_ && (first_word_ != "CREATE" || word_ != "DATABASE")) Release();
  } else if (first_word_ == "SET" && second_word_ == "STANDARD_CONFORMING_STRINGS" && word_ != "TO") {
    backslash_quotes_next_ = word_ == "OFF" || word_ == "FALSE" || word_ == "NO" || word_ == "0";
  }
  if (word_ == "DROP") has_drop_ = true;
  if (word_ == "STDIN" && last_word_ == "FROM" && first_word_ == "COPY") copy_from_stdin_ = true;
  last_word_ = word_;
  word_.clear();
}

void DumpFilter::EndLine() {
  ++line_;
  column_ = 0;
  if (!data_follows_ || state_ != State::kSql) return;
  data_follows_ = false;
  state_ = State::kData;
  opened_line_ = line_;
  data_start_.clear();
  data_line_ = false;
}

void DumpFilter::EndStatement() {
  const bool creates_database =
      holding_ && words_ > 1 && first_word_ == "CREATE" && second_word_ == "DATABASE";
  if (creates_database) ReleaseCreateDatabase();
  Release();
  if (copy_from_stdin_) data_follows_ = true;
  if (cleaning_ && first_word_ == "CREATE") cleaning_ = false;
  if (cleaning_ && has_drop_ && (first_word_ == "DROP" || first_word_ == "ALTER")) {
    if (cleaning_lines_.size() == kMaxCleaningLines) cleaning_lines_.pop_front();
    cleaning_lines_.push_back(line_);
  }
  backslash_quotes_ = backslash_quotes_next_;
  words_ = 0;
  first_word_.clear();
  second_word_.clear();
  last_word_.clear();
  has_drop_ = false;
  copy_from_stdin_ = false;
}

void DumpFilter::Release() {
  holding_ = false;
  out_ += held_;
  held_.clear();
}

void DumpFilter::ReleaseCreateDatabase() {
  RewrittenStatement statement = ReplaceMissingLocales(held_, locale_exists_);
  for (const std::string& locale : statement.replaced) {
    warnings_.Add(LocaleWarning(locale, statement), line_);
  }
  held_ = std::move(statement.sql);
}

bool DumpFilter::IsCleaning(uint64_t line) const {
  return std::binary_search(cleaning_lines_.begin(), cleaning_lines_.end(), line);
}

tl::unexpected<Error> DumpFilter::Truncated(const std::string& where) const {
  return Fail(ErrorCode::kInvalidArgument,
              "'" + name_ + "' is truncated: it ends on line " + std::to_string(line_) + " " + where,
              "Copy or make the backup again.");
}

Result<void> DumpFilter::CheckEnd() const {
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
  if (promised_ends_ > 0) return Truncated("without pg_dump's closing line");
  return {};
}

}  // namespace spawnd::engines::postgresql
