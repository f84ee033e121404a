#include "engines/mysql_family/dump/error_policy.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/text.h"
#include "engines/mysql_family/dump/parts.h"

namespace spawnd::engines::mysql_family {
namespace {

/// The client's own errors, of which none is about a statement.
constexpr unsigned kClientErrorsFrom = 2000;
constexpr unsigned kClientErrorsTo = 3000;
/// A full disk, the storage, a server or a connection that ends.
constexpr std::array<unsigned, 6> kNeverPassedOver{1021, 1030, 1053, 1114, 1927, 3169};
/// What a USE is answered with: no rights, no such database, no name of one.
constexpr std::array<unsigned, 3> kNoEntry{1044, 1049, 1102};
constexpr unsigned kNoSuchTable = 1146;
constexpr unsigned kNoSuchRoutine = 1305;
constexpr unsigned kNoSuchFunction = 1630;
constexpr size_t kMaxLines = 100'000;

bool IsCode(std::string_view pattern) {
  const auto is_part = [](unsigned char c) { return std::isalnum(c) != 0; };
  const bool digits =
      std::all_of(pattern.begin(), pattern.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  return digits || (pattern.size() == 5 && std::isdigit(static_cast<unsigned char>(pattern.front())) != 0 &&
                    std::all_of(pattern.begin(), pattern.end(), is_part));
}

/// /*!50001 and its end are no words.
std::string WithoutVersions(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("/*!") || rest.starts_with("/*M!")) {
      i = std::min(text.find_first_not_of("0123456789", i + (rest[2] == 'M' ? 4 : 3)), text.size()) - 1;
      plain += ' ';
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : WithoutVersions(text)) {
    const bool part = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '@' || c == '.' ||
                      c == '$' || static_cast<unsigned char>(c) >= 0x80;
    if (part)
      word += c;
    else if (!word.empty())
      words.push_back(UpperCase(std::exchange(word, {})));
  }
  if (!word.empty()) words.push_back(UpperCase(word));
  return words;
}

using Words = std::vector<std::string>;

/// In upper case, as WordsOf.
Words WordsOf(const Statement& statement) {
  Words words;
  for (const std::string& word : statement.words) {
    const bool quoted = word.starts_with('`') || word.starts_with('\'') || word.starts_with('"');
    words.push_back(UpperCase(quoted ? word.substr(1) : word));
  }
  return words;
}

/// CREATE VIEW of CREATE OR REPLACE ALGORITHM=MERGE DEFINER=a@b SQL SECURITY INVOKER VIEW. `has_definer`:
/// whose it is stands among the words (a statement's are without).
Words WithoutManners(const Words& words, bool has_definer) {
  Words kept;
  const auto is = [&words](size_t at, std::string_view word) {
    return at < words.size() && words[at] == word;
  };
  for (size_t i = 0; i < words.size(); ++i) {
    if (is(i, "OR") && is(i + 1, "REPLACE")) {
      i += 1;
    } else if (is(i, "ALGORITHM")) {
      i += 1;
    } else if (is(i, "SQL") && is(i + 1, "SECURITY")) {
      i += 2;
    } else if (is(i, "DEFINER")) {
      if (!has_definer) continue;
      i += 1;
      if (i + 1 < words.size() && words[i + 1].starts_with('@')) i += 1;
      if (i < words.size() && words[i].ends_with('@')) i += 1;
    } else {
      kept.push_back(words[i]);
    }
  }
  return kept;
}

bool BeginsWith(const Words& words, const Words& beginning) {
  return !beginning.empty() && words.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), words.begin());
}

/// As it is written, or, where the entry says what it is about, whatever stands between CREATE and that.
bool BeginsWith(const Statement& statement, std::string_view entry) {
  const Words beginning = WordsOf(entry);
  const Words words = WordsOf(statement);
  if (BeginsWith(words, beginning)) return true;
  if (!statement.IsOneOf(0, {"CREATE", "ALTER"})) return false;
  const Words about = WithoutManners(beginning, true);
  const bool says_what = about.size() > 1 && about.back() == beginning.back();
  return says_what && BeginsWith(WithoutManners(words, false), about);
}

/// "Table 'shop.other' doesn't exist": shop.other.
std::string MissingTable(const ClientError& error) {
  constexpr std::string_view kBefore = "Table '";
  const size_t at = error.text.find(kBefore);
  if (error.number != kNoSuchTable || at == std::string::npos) return {};
  const size_t from = at + kBefore.size();
  const size_t end = error.text.find('\'', from);
  return end == std::string::npos ? std::string() : error.text.substr(from, end - from);
}

}  // namespace

ClientError ParseClientError(std::string_view said) {
  ClientError error;
  const size_t colon = said.find(": ");
  error.text = colon == std::string_view::npos ? said : said.substr(colon + 2);
  const std::string_view front = said.substr(0, colon);
  const auto number_at = [&front](size_t at) {
    uint64_t number = 0;
    for (; at < front.size() && std::isdigit(static_cast<unsigned char>(front[at])) != 0 &&
           number < 1'000'000'000'000;
         ++at) {
      number = number * 10 + static_cast<uint64_t>(front[at] - '0');
    }
    return number;
  };
  error.number =
      static_cast<unsigned>(std::min<uint64_t>(number_at(std::string_view("ERROR ").size()), 1'000'000));
  const size_t state = front.find('(');
  if (state != std::string_view::npos && front.find(')', state) != std::string_view::npos) {
    error.state = front.substr(state + 1, front.find(')', state) - state - 1);
  }
  constexpr std::string_view kAtLine = " at line ";
  const size_t at = front.find(kAtLine);
  if (at != std::string_view::npos) error.line = number_at(at + kAtLine.size());
  return error;
}

ErrorPolicy::ErrorPolicy(const RestoreOptions& options)
    : continue_(options.continue_on_error),
      ignored_(options.ignored_errors),
      exclude_tables_(options.exclude_tables),
      names_tables_(!options.tables.empty()) {
  by_words_ =
      std::any_of(ignored_.begin(), ignored_.end(), [](const std::string& one) { return !IsCode(one); });
}

void ErrorPolicy::Passed(const Statement& statement) {
  const size_t view = statement.Is(0, "CREATE") ? statement.Find("VIEW") : statement.words.size();
  if (!exclude_tables_.empty() && view < statement.words.size() && view < statement.Find("AS")) {
    views_.emplace_back(statement.line, NameAt(statement, view + 1).name);
    if (views_.size() > kMaxLines) views_.pop_front();
  }
  if (statement.Is(0, "USE")) {
    uses_.push_back(statement.line);
    if (uses_.size() > kMaxLines) uses_.pop_front();
  }
  if (!by_words_ || continue_) return;
  for (const std::string& pattern : ignored_) {
    if (IsCode(pattern) || !BeginsWith(statement, pattern)) continue;
    lines_.push_back(statement.line);
    if (lines_.size() > kMaxLines) lines_.pop_front();
    return;
  }
}

bool ErrorPolicy::PassesOver(const ClientError& error) const {
  if (error.number >= kClientErrorsFrom && error.number < kClientErrorsTo) return false;
  if (std::find(kNeverPassedOver.begin(), kNeverPassedOver.end(), error.number) != kNeverPassedOver.end())
    return false;
  if (std::find(kNoEntry.begin(), kNoEntry.end(), error.number) != kNoEntry.end() &&
      std::find(uses_.rbegin(), uses_.rend(), error.line) != uses_.rend()) {
    return false;
  }
  if (continue_) return true;
  const auto is_it = [&error](const std::string& pattern) {
    return pattern == std::to_string(error.number) ||
           (!error.state.empty() && SameInAnyCase(pattern, error.state));
  };
  if (std::any_of(ignored_.begin(), ignored_.end(), is_it)) return true;
  return error.line > 0 && std::find(lines_.rbegin(), lines_.rend(), error.line) != lines_.rend();
}

bool ErrorPolicy::IsLeftOut(const std::string& table) const {
  const std::string name = table.substr(table.find('.') + 1);
  if (views_left_out_.count(name) > 0) return true;
  return std::any_of(exclude_tables_.begin(), exclude_tables_.end(), [&](const std::string& pattern) {
    return MatchesPattern(pattern, name) || MatchesPattern(pattern, table);
  });
}

std::string ErrorPolicy::LeavesOutView(const ClientError& error) {
  const std::string table = MissingTable(error);
  // What `tables` names has to come.
  if (table.empty() || names_tables_ || !IsLeftOut(table)) return {};
  const auto view = std::find_if(views_.rbegin(), views_.rend(),
                                 [&error](const auto& one) { return one.first == error.line; });
  if (view == views_.rend()) return {};
  if (views_left_out_.size() < kMaxLines) views_left_out_.insert(view->second);
  return "view '" + view->second + "' was left out: it needs '" + table + "', which is";
}

std::string ErrorPolicy::HintOf(const ClientError& error) const {
  if (error.number == kNoSuchRoutine || error.number == kNoSuchFunction) {
    if (names_tables_)
      return "`tables:` leaves out routines: leave it away, or name nothing there that needs one.";
    return "The dump does not have it, or has it further down. `mysqldump --routines` writes routines; a "
           "view that "
           "needs one is left out by `excludeTables: [VIEW]`.";
  }
  const std::string table = MissingTable(error);
  if (table.empty()) return {};
  if (names_tables_) return "`tables:` leaves out what it does not name: name '" + table + "' there as well.";
  if (!IsLeftOut(table)) return {};
  return "`excludeTables:` leaves it out: name there what needs it as well, or have both come.";
}

}  // namespace spawnd::engines::mysql_family
