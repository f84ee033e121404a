#include "base/nearest.h"

#include <algorithm>
#include <array>

namespace spawnd {
namespace {

constexpr size_t kMaxLength = 64;
constexpr size_t kEdit = 100;  ///< cost of one edit; a letter in the wrong case costs 1

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Optimal string alignment distance over lower-cased letters; a difference in case alone still separates two
/// candidates. Classic dynamic programming, three rows (Boytsov 2011, section 2).
size_t Distance(std::string_view a, std::string_view b) {
  using Row = std::array<size_t, kMaxLength + 1>;
  Row before{};
  Row previous{};
  Row current{};
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = kEdit * j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = kEdit * i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replace = kEdit;
      if (Lower(a[i - 1]) == Lower(b[j - 1])) replace = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({previous[j] + kEdit, current[j - 1] + kEdit, previous[j - 1] + replace});
      const bool swapped =
          i > 1 && j > 1 && Lower(a[i - 1]) == Lower(b[j - 2]) && Lower(a[i - 2]) == Lower(b[j - 1]);
      if (swapped) current[j] = std::min(current[j], before[j - 2] + kEdit);
    }
    before = previous;
    previous = current;
  }
  return previous[b.size()];
}

}  // namespace

std::string_view Nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kMaxLength) return {};
  std::string_view best;
  size_t best_distance = 0;
  for (const std::string_view candidate : candidates) {
    if (candidate.empty() || candidate.size() > kMaxLength) continue;
    const size_t distance = Distance(word, candidate);
    // A third of the longer word may be wrong, and at least one letter; case matters only between equals.
    const size_t allowed =
        kEdit * std::max<size_t>(1, std::max(word.size(), candidate.size()) / 3) + kMaxLength;
    if (distance > allowed) continue;
    if (best.empty() || distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace spawnd
