#include "engines/restore_warnings.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace spawnd::engines {
namespace {

constexpr size_t kMaxWarnings = 200;

}  // namespace

std::string PlaceIn(const std::string& backup, uint64_t line) {
  return (line > 0 ? "line " + std::to_string(line) + " of '" : "'") + backup + "'";
}

void RestoreWarnings::Add(std::string text, uint64_t line) {
  // One line of text, whatever a name in it is made of.
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  const auto known = by_text_.find(text);
  if (known != by_text_.end()) {
    ++known->second.times;
  } else if (by_text_.size() < kMaxWarnings) {
    const size_t order = by_text_.size();
    by_text_.emplace(std::move(text), Seen{line, order, 1});
  } else {
    ++left_out_;
  }
}

std::vector<std::string> RestoreWarnings::InOrder() const {
  std::vector<std::pair<const std::string*, Seen>> sorted;
  sorted.reserve(by_text_.size());
  for (const auto& [text, seen] : by_text_) sorted.emplace_back(&text, seen);
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tie(a.second.line, a.second.order) < std::tie(b.second.line, b.second.order);
  });
  std::vector<std::string> lines;
  for (const auto& [text, seen] : sorted) {
    std::string line = PlaceIn(backup_, seen.line) + ": " + *text;
    if (seen.times > 1) {
      line += " (" + std::to_string(seen.times) + " times" + (seen.line > 0 ? ", this is the first)" : ")");
    }
    lines.push_back(std::move(line));
  }
  if (left_out_ > 0) {
    lines.push_back(PlaceIn(backup_, 0) + ": " + std::to_string(left_out_) +
                    " more warnings, of other kinds, were left out");
  }
  return lines;
}

}  // namespace spawnd::engines
