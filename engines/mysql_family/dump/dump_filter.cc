#include "engines/mysql_family/dump/dump_filter.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace spawnd::engines::mysql_family {
namespace {

/// Words and names longer than this are none that the filter looks for.
constexpr size_t kMaxWord = 256;
constexpr std::string_view kClosingLine = " Dump completed";

bool IsWordCharacter(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return std::isalnum(byte) != 0 || c == '_' || c == '$' || c == '@' || c == '.' || byte >= 0x80;
}

bool IsSpace(char c) {
  return std::isspace(static_cast<unsigned char>(c)) != 0;
}

/// What is left out keeps its lines, so that the client's line numbers are the backup's.
std::string LinesOf(std::string_view text) {
  return std::string(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), '\n');
}

bool IsNumber(std::string_view word) {
  return std::all_of(word.begin(), word.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

DumpFilter::DumpFilter(Options options, RestoreWarnings& warnings)
    : options_(std::move(options)),
      warnings_(warnings),
      missing_(options_.missing),
      parts_(options_.parts),
      rules_({options_.is_script, options_.lacks_sha2_accounts, !options_.is_script,
              options_.drop_system_tables || options_.keeps_system_database},
             parts_, missing_),
      database_(options_.database) {
  // A dump of nothing but the system tables, which does not say so.
  if (database_ == kSystemDatabase && !options_.is_script) EnterSystemDatabase();
}

Result<std::string> DumpFilter::Filter(std::string_view bytes, bool last) {
  out_.clear();
  out_.reserve(bytes.size() + held_.size() + kMaxWord);
  bytes_ = bytes;
  at_ = 0;
  counted_ = 0;
  TakeAll();
  if (last) return End();
  if (refused_) return Fail(*refused_);
  CountLines();
  return std::move(out_);
}

void DumpFilter::TakeAll() {
  while (at_ < bytes_.size()) {
    switch (state_) {
      case State::kToolsWords:
        TakeToolsWords();
        break;
      case State::kCode:
        // Counted as taken afterwards: a newline ends a word that stands on the line before it.
        TakeCode(bytes_[at_]);
        ++at_;
        break;
      case State::kQuote:
        TakeQuote();
        break;
      case State::kLineComment:
        TakeLineComment();
        break;
      case State::kBlockComment:
        TakeBlockComment(bytes_[at_++]);
        break;
      case State::kDelimiterLine:
        TakeDelimiterLine(bytes_[at_]);
        ++at_;
        break;
    }
  }
}

Result<std::string> DumpFilter::End() {
  if (state_ == State::kToolsWords) EndToolsWords();
  EndQuoted();
  EndWord();
  EndDefiner(false);
  Release();
  if (!statement_.words.empty()) EndStatement();
  ReleaseHead();
  if (refused_) return Fail(*refused_);
  TRY(CheckEnd());
  CountLines();
  return std::move(out_);
}

void DumpFilter::TakeCode(char c) {
  if (quote_closed_ && c == quote_) return ReopenQuote();
  EndQuoted();
  const char before = std::exchange(previous_, c);
  // "@" within DEFINER=`a`@`b` is a sign of its own.
  if (IsWordCharacter(c) && !(c == '@' && expected_ == Expected::kDefinerAt)) {
    tail_.clear();
    if (word_.size() < kMaxWord) {
      word_ += c;
      held_ += c;
      return;
    }
    EndDefiner(false);  // no name is that long
    Release();
    Emit(c);
    return;
  }
  EndWord();
  if (state_ == State::kDelimiterLine) return TakeDelimiterLine(c);
  if (c == '\'' || c == '"' || c == '`') return OpenQuote(c);
  if (expected_ == Expected::kDefinerEquals && c == '=') {
    expected_ = Expected::kDefinerUser;
    held_ += c;
    return;
  }
  if (expected_ == Expected::kDefinerAt && c == '@') {
    expected_ = Expected::kDefinerHost;
    held_ += c;
    return;
  }
  if (expected_ != Expected::kNothing && c != '\n' && IsSpace(c) && held_.size() < kMaxWord) {
    held_ += c;
    return;
  }
  if (expected_ != Expected::kNothing) EndDefiner(false);
  Release();
  TakeSign(before, c);
}

void DumpFilter::TakeSign(char before, char c) {
  // "--" begins a comment only before a blank.
  if (c == '#' || (before == '-' && c == '-')) return OpenComment(State::kLineComment, c);
  if (before == '/' && c == '*') {
    previous_ = 0;  // this star does not end it
    return OpenComment(State::kBlockComment, c);
  }
  if (!IsSpace(c)) sign_ = c;
  Emit(c);
  // What is between statements is of none of them, and ends a comment.
  if (c == '\n' && statement_.words.empty() && head_.find_first_not_of(" \t\r\n") == std::string::npos)
    ReleaseHead();
  tail_ += c;
  if (tail_.size() > delimiter_.size()) tail_.erase(0, 1);
  if (tail_ == delimiter_) EndStatement();
}

void DumpFilter::OpenComment(State kind, char c) {
  state_ = kind;
  comment_.clear();
  tail_.clear();
  Emit(c);
}

void DumpFilter::OpenQuote(char quote) {
  tail_.clear();
  const bool name = expected_ == Expected::kUse || expected_ == Expected::kDefinerUser ||
                    expected_ == Expected::kDefinerHost;
  if (!name) {
    if (expected_ != Expected::kNothing) EndDefiner(false);
    Release();
    Emit(quote);
  } else {
    held_ += quote;
  }
  state_ = State::kQuote;
  quote_ = quote;
  escaped_ = false;
  quoted_.clear();
}

void DumpFilter::TakeQuote() {
  // Most of a dump is in quotes: whole runs are copied.
  const size_t from = at_;
  while (at_ < bytes_.size()) {
    const char c = bytes_[at_++];
    if (std::exchange(escaped_, false)) continue;
    if (c == '\\' && quote_ != '`') {
      escaped_ = true;
    } else if (c == quote_) {
      // A doubled quote is one in the text, as the next sign tells.
      quote_closed_ = true;
      state_ = State::kCode;
      previous_ = 0;
      break;
    }
  }
  const std::string_view run = bytes_.substr(from, at_ - from);
  if (expected_ == Expected::kNothing) {
    Emit(run);
    if (statement_.words.size() >= Statement::kMaxWords) return;
    quoted_ += run.substr(0, kMaxWord + 1);
    if (quoted_.size() > kMaxWord) quoted_.resize(kMaxWord + 1);
    return;
  }
  held_ += run;
  quoted_ += run;
  if (held_.size() > kMaxWord) {
    EndDefiner(false);
    quote_closed_ = false;
    Release();
  }
}

/// The second quote of a doubled one.
void DumpFilter::ReopenQuote() {
  quote_closed_ = false;
  state_ = State::kQuote;
  if (expected_ == Expected::kNothing)
    Emit(quote_);
  else
    held_ += quote_;
}

/// A text in quotes is known whole.
void DumpFilter::EndQuoted() {
  if (!std::exchange(quote_closed_, false)) return;
  if (expected_ != Expected::kNothing) {
    quoted_.pop_back();
    if (!TakeName(quoted_)) Release();
  } else if (statement_.words.size() < Statement::kMaxWords) {
    AddWord(quote_ + quoted_.substr(0, quoted_.size() - 1));
  }
}

void DumpFilter::TakeLineComment() {
  const size_t end = bytes_.find('\n', at_);
  const std::string_view run =
      bytes_.substr(at_, end == std::string_view::npos ? std::string_view::npos : end - at_);
  if (comment_.size() < kMaxWord) comment_ += run.substr(0, kMaxWord);
  // "a--b" is arithmetic: what follows may hold a quote, and must not be lost to a comment.
  if (!comment_.empty() && previous_ == '-' && !IsSpace(comment_.front())) {
    state_ = State::kCode;
    previous_ = 0;
    return;
  }
  Emit(run);
  at_ += run.size();
  if (end == std::string_view::npos) return;
  if (std::string_view(comment_).substr(0, kClosingLine.size()) == kClosingLine) closed_ = true;
  state_ = State::kCode;
  previous_ = 0;
  if (statement_.words.empty()) ReleaseHead();
}

void DumpFilter::TakeBlockComment(char c) {
  // /*! and /*M! are code for servers of some version.
  const bool code = (comment_.empty() && c == '!') || (comment_ == "M" && c == '!');
  if (comment_.size() < 2) comment_ += c;
  Emit(c);
  if (code || (std::exchange(previous_, c) == '*' && c == '/')) {
    state_ = State::kCode;
    previous_ = 0;
    comment_version_ = code;
  }
}

/// DELIMITER is a line of the client's, and ends with it.
void DumpFilter::TakeDelimiterLine(char c) {
  Emit(c);
  if (c != '\n') {
    if (comment_.size() < kMaxWord) comment_ += c;
    return;
  }
  std::string delimiter;
  for (const char d : comment_) {
    if (!IsSpace(d))
      delimiter += d;
    else if (!delimiter.empty())
      break;
  }
  EndStatement();
  if (!delimiter.empty()) delimiter_ = delimiter;
  state_ = State::kCode;
  previous_ = 0;
}

void DumpFilter::EndWord() {
  if (word_.empty()) return;
  std::string word = std::exchange(word_, {});
  std::string delimiter;
  // "END$$": signs that are parts of words end statements, too.
  if (IsWordCharacter(delimiter_.front()) && word.ends_with(delimiter_)) {
    delimiter = delimiter_;
    word.resize(word.size() - delimiter.size());
  }
  TakeWord(std::move(word), delimiter);
  if (delimiter.empty()) return;
  if (expected_ != Expected::kNothing) EndDefiner(false);
  Release();
  EndStatement();
}

void DumpFilter::TakeWord(std::string word, const std::string& delimiter) {
  if (std::exchange(comment_version_, false) && IsNumber(word)) return Release();
  if (expected_ == Expected::kDefinerAt) {
    // DEFINER=CURRENT_USER, or a role: this word is the next of the statement.
    EndDefiner(false);
    const std::string own = held_.substr(held_.size() - word.size() - delimiter.size());
    held_.resize(held_.size() - own.size());
    Release();
    held_ = own;
  }
  if (expected_ != Expected::kNothing) {
    if (!TakeName(word)) Release();
    return;
  }
  if (word.empty()) return Release();
  const bool named_engine = std::exchange(after_engine_, false) && sign_ == '=';
  if (named_engine) CountLines();
  if (named_engine && missing_.ReplacesEngine(word, line_)) {
    Warn("storage engine replaced: " + word + " by " + options_.own_engine);
    held_ = options_.own_engine + delimiter;
  }
  if (TakesSpecialWord(word)) return;
  const std::string collation = options_.replace_collation ? options_.replace_collation(word) : std::string();
  if (!collation.empty()) {
    Warn("collation replaced: " + word + " by " + collation);
    held_ = collation + delimiter;
  }
  Release();
  AddWord(std::move(word));
}

bool DumpFilter::TakesSpecialWord(const std::string& word) {
  if (statement_.words.empty() && SameWord(word, "DELIMITER")) {
    Release();
    AddWord(word);
    comment_.clear();
    state_ = State::kDelimiterLine;
    return true;
  }
  if (SameWord(word, "ENGINE") && statement_.Is(0, "CREATE") && !options_.is_script) {
    after_engine_ = true;
    sign_ = 0;
  }
  const bool use = statement_.words.empty() && SameWord(word, "USE");
  if (!use && !SameWord(word, "DEFINER")) return false;
  AddWord(word);
  expected_ = use ? Expected::kUse : Expected::kDefinerEquals;
  return true;
}

void DumpFilter::AddWord(std::string word) {
  if (statement_.words.size() >= Statement::kMaxWords) return;
  if (statement_.words.empty()) {
    CountLines();
    statement_.line = line_;
  }
  statement_.words.push_back(std::move(word));
  if (statement_.words.size() == 2) second_word_end_ = head_.size();
  if (judging_ && expected_ == Expected::kNothing) JudgeStatement(false);
}

bool DumpFilter::TakeName(const std::string& name) {
  switch (expected_) {
    case Expected::kUse:
      expected_ = Expected::kNothing;
      UseDatabase(name);
      return true;
    case Expected::kDefinerUser: {
      // Without quotes, the sign is part of the word: root@localhost, or root@`localhost`.
      const size_t at = held_.back() == '`' || held_.back() == '\'' ? std::string::npos : name.find('@');
      definer_ = "'" + name.substr(0, at) + "'";
      expected_ = at == std::string::npos ? Expected::kDefinerAt : Expected::kDefinerHost;
      return at == std::string::npos || at + 1 == name.size() || TakeName(name.substr(at + 1));
    }
    case Expected::kDefinerHost:
      definer_ += "@'" + name + "'";
      EndDefiner(true);
      return true;
    case Expected::kNothing:
    case Expected::kDefinerEquals:
    case Expected::kDefinerAt:
      break;
  }
  EndDefiner(false);
  return false;
}

void DumpFilter::EndDefiner(bool found) {
  expected_ = Expected::kNothing;
  if (!found) return;
  // Accounts that every server has.
  const bool own =
      options_.is_script || definer_ == "'mariadb.sys'@'localhost'" || definer_ == "'mysql.sys'@'localhost'";
  if (!own) {
    Warn("what " + definer_ + " is the definer of belongs to the user of the container");
    const auto lines = static_cast<size_t>(std::count(held_.begin(), held_.end(), '\n'));
    held_ = "DEFINER=CURRENT_USER" + std::string(lines, '\n');
  }
  Release();
}

void DumpFilter::EnterSystemDatabase() {
  dropping_section_ = options_.drop_system_tables;
  touches_system_tables_ |= !dropping_section_;
  if (dropping_section_) {
    Warn("the system database 'mysql' was left out, accounts with it: it is another server's");
  }
}

void DumpFilter::UseDatabase(const std::string& name) {
  dropping_section_ = false;
  if (name == kSystemDatabase) EnterSystemDatabase();
  Release();
  database_ = name;
  AddWord("`" + name);
}

void DumpFilter::Emit(char c) {
  Emit(std::string_view(&c, 1));
}

void DumpFilter::Emit(std::string_view text) {
  std::string& to = judging_ ? head_ : out_;
  // What is missing is all that is looked for from here on. A statement that may end the section is kept
  // until that is clear.
  const bool left_out = dropping_statement_ || missing_.Any() || (dropping_section_ && !judging_);
  if (left_out)
    to += LinesOf(text);
  else
    to += text;
}

void DumpFilter::Release() {
  if (held_.empty()) return;
  Emit(std::string_view(held_));
  held_.clear();
}

void DumpFilter::ReleaseHead() {
  out_ += dropping_section_ ? LinesOf(head_) : head_;
  head_.clear();
}

Result<void> DumpFilter::CheckEnd() const {
  TRY(missing_.CheckEnd(options_.name));
  const bool open = state_ == State::kQuote || state_ == State::kBlockComment;
  const bool closed_late = state_ == State::kLineComment &&
                           std::string_view(comment_).substr(0, kClosingLine.size()) == kClosingLine;
  if (open || (options_.closing_line_expected && !closed_ && !closed_late)) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + options_.name + "' is cut off: it ends " +
                    (open ? "within a quoted text or a comment" : "without the line '-- Dump completed'"),
                "Make the backup again, or copy it again from where it is whole.");
  }
  TRY(transactions_.CheckEnd(options_.name));
  if (options_.is_one_of_several) return {};
  return parts_.CheckEnd(options_.name, warnings_);
}

void DumpFilter::Warn(std::string text) {
  CountLines();
  warnings_.Add(std::move(text), line_);
}

void DumpFilter::CountLines() {
  const std::string_view taken = bytes_.substr(counted_, at_ - counted_);
  line_ += static_cast<uint64_t>(std::count(taken.begin(), taken.end(), '\n'));
  counted_ = at_;
}

}  // namespace spawnd::engines::mysql_family
