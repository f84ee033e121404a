#include "engines/mysql_family/dump_filter.h"

#include <algorithm>
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

bool SameWord(std::string_view a, std::string_view upper) {
  return std::equal(a.begin(), a.end(), upper.begin(), upper.end(),
                    [](unsigned char x, char y) { return std::toupper(x) == y; });
}

}  // namespace

Result<std::string> DumpFilter::Filter(std::string_view bytes, bool last) {
  out_.clear();
  out_.reserve(bytes.size() + held_.size() + kMaxWord);
  bytes_ = bytes;
  at_ = 0;
  counted_ = 0;
  while (at_ < bytes_.size()) {
    switch (state_) {
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
    }
  }
  if (last) {
    EndWord();
    EndDefiner(false);
    Release();
    TRY(CheckEnd());
  }
  CountLines();
  return std::move(out_);
}

void DumpFilter::TakeCode(char c) {
  const char before = std::exchange(previous_, c);
  // "@" within DEFINER=`a`@`b` is a sign of its own.
  if (IsWordCharacter(c) && !(c == '@' && expected_ == Expected::kDefinerAt)) {
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
  // "--" begins a comment only before a blank.
  if (c == '#' || (before == '-' && c == '-')) return OpenComment(State::kLineComment, c);
  if (before == '/' && c == '*') {
    previous_ = 0;  // this star does not end it
    return OpenComment(State::kBlockComment, c);
  }
  Emit(c);
  if (c == ';') EndStatement();
}

void DumpFilter::OpenComment(State kind, char c) {
  state_ = kind;
  comment_.clear();
  Emit(c);
}

void DumpFilter::OpenQuote(char quote) {
  const bool name = expected_ == Expected::kUse || expected_ == Expected::kDefinerUser ||
                    expected_ == Expected::kDefinerHost;
  if (!name) {
    if (expected_ != Expected::kNothing) EndDefiner(false);
    Release();
    ++words_;
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
      // A doubled quote closes one text and opens the next, which is the same to us.
      state_ = State::kCode;
      previous_ = 0;
      break;
    }
  }
  const std::string_view run = bytes_.substr(from, at_ - from);
  if (expected_ == Expected::kNothing) return Emit(run);
  held_ += run;
  quoted_ += run;
  if (held_.size() > kMaxWord) {
    EndDefiner(false);
    return Release();
  }
  if (state_ == State::kCode) CloseQuote();
}

void DumpFilter::CloseQuote() {
  quoted_.pop_back();
  if (!TakeName(quoted_)) Release();
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
}

void DumpFilter::TakeBlockComment(char c) {
  // /*! and /*M! are code for servers of some version.
  const bool code = (comment_.empty() && c == '!') || (comment_ == "M" && c == '!');
  if (comment_.size() < 2) comment_ += c;
  Emit(c);
  if (code || (std::exchange(previous_, c) == '*' && c == '/')) {
    state_ = State::kCode;
    previous_ = 0;
  }
}

void DumpFilter::EndWord() {
  if (word_.empty()) return;
  const std::string word = std::exchange(word_, {});
  if (expected_ != Expected::kNothing) {
    if (!TakeName(word)) Release();
    return;
  }
  if (++words_ == 1) first_word_ = word;
  if (words_ == 1 && SameWord(word, "USE")) {
    expected_ = Expected::kUse;
    return;
  }
  if (words_ == 2 && SameWord(first_word_, "SET") && SameWord(word, "@@GLOBAL.GTID_PURGED")) {
    // "SET " has gone out already: a harmless assignment takes the place of the rest.
    held_ = "@spawnd_gtid_purged = ''";
    Release();
    dropping_statement_ = true;
    Warn("GTID_PURGED was left out: a container replicates nothing");
    return;
  }
  if (SameWord(word, "DEFINER")) {
    expected_ = Expected::kDefinerEquals;
    return;
  }
  const std::string_view collation =
      options_.replace_collation != nullptr ? options_.replace_collation(word) : std::string_view();
  if (!collation.empty()) {
    Warn("collation replaced: " + word + " by " + std::string(collation));
    held_ = collation;
  }
  Release();
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
  const bool own = options_.keep_definers || definer_ == "'mariadb.sys'@'localhost'" ||
                   definer_ == "'mysql.sys'@'localhost'";
  if (!own) {
    Warn("what " + definer_ + " is the definer of belongs to the user of the container");
    const auto lines = static_cast<size_t>(std::count(held_.begin(), held_.end(), '\n'));
    held_ = "DEFINER=CURRENT_USER" + std::string(lines, '\n');
  }
  Release();
}

void DumpFilter::UseDatabase(const std::string& name) {
  const bool system = name == "mysql";
  dropping_section_ = system && options_.drop_system_tables;
  touches_system_tables_ |= system && !dropping_section_;
  if (dropping_section_) {
    Warn("the system database 'mysql' was left out, accounts with it: it is another server's");
  }
  Release();
}

void DumpFilter::EndStatement() {
  words_ = 0;
  first_word_.clear();
  // What is left of a dropped statement is its end.
  if (std::exchange(dropping_statement_, false)) Emit(';');
}

void DumpFilter::Emit(char c) {
  // Lines are kept, so that the client's line numbers are the backup's.
  if ((dropping_section_ || dropping_statement_) && c != '\n') return;
  out_ += c;
}

void DumpFilter::Emit(std::string_view text) {
  if (!dropping_section_ && !dropping_statement_) {
    out_ += text;
    return;
  }
  out_.append(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')), '\n');
}

void DumpFilter::Release() {
  if (held_.empty()) return;
  Emit(std::string_view(held_));
  held_.clear();
}

Result<void> DumpFilter::CheckEnd() const {
  const bool open = state_ == State::kQuote || state_ == State::kBlockComment;
  const bool closed_late = state_ == State::kLineComment &&
                           std::string_view(comment_).substr(0, kClosingLine.size()) == kClosingLine;
  if (!open && (!options_.closing_line_expected || closed_ || closed_late)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "'" + options_.name + "' is cut off: it ends " +
                  (open ? "within a quoted text or a comment" : "without the line '-- Dump completed'"),
              "Make the backup again, or copy it again from where it is whole.");
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
