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
constexpr std::array<unsigned, 4> kNeverPassedOver{1021, 1030, 1053, 1114};
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

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
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

bool BeginsWith(const Statement& statement, const std::vector<std::string>& words) {
  if (words.empty() || statement.words.size() < words.size()) return false;
  for (size_t i = 0; i < words.size(); ++i) {
    std::string_view word = statement.words[i];
    if (word.starts_with('`') || word.starts_with('\'') || word.starts_with('"')) word.remove_prefix(1);
    if (!SameWord(word, words[i])) return false;
  }
  return true;
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
  if (!by_words_ || continue_) return;
  for (const std::string& pattern : ignored_) {
    if (IsCode(pattern) || !BeginsWith(statement, WordsOf(pattern))) continue;
    lines_.push_back(statement.line);
    if (lines_.size() > kMaxLines) lines_.pop_front();
    return;
  }
}

bool ErrorPolicy::PassesOver(const ClientError& error) const {
  if (error.number >= kClientErrorsFrom && error.number < kClientErrorsTo) return false;
  if (std::find(kNeverPassedOver.begin(), kNeverPassedOver.end(), error.number) != kNeverPassedOver.end())
    return false;
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
