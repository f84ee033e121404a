#include "engines/mysql_family/dump/error_policy.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace spawnd::engines::mysql_family {
namespace {

/// The client's own errors, of which none is about a statement.
constexpr unsigned kClientErrorsFrom = 2000;
constexpr unsigned kClientErrorsTo = 3000;
constexpr std::array<unsigned, 4> kNeverPassedOver{1021, 1030, 1053, 1114};
constexpr size_t kMaxLines = 100'000;

bool IsCode(std::string_view pattern) {
  const auto is_part = [](unsigned char c) { return std::isdigit(c) != 0 || std::isupper(c) != 0; };
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
      word += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    else if (!word.empty())
      words.push_back(std::exchange(word, {}));
  }
  if (!word.empty()) words.push_back(word);
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

ErrorPolicy::ErrorPolicy(bool continue_on_error, std::vector<std::string> ignored)
    : continue_(continue_on_error), ignored_(std::move(ignored)) {
  by_words_ =
      std::any_of(ignored_.begin(), ignored_.end(), [](const std::string& one) { return !IsCode(one); });
}

void ErrorPolicy::Passed(const Statement& statement) {
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
    return pattern == std::to_string(error.number) || (!error.state.empty() && pattern == error.state);
  };
  if (std::any_of(ignored_.begin(), ignored_.end(), is_it)) return true;
  return error.line > 0 && std::find(lines_.rbegin(), lines_.rend(), error.line) != lines_.rend();
}

}  // namespace spawnd::engines::mysql_family
