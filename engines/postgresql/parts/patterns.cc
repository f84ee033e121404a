#include "engines/postgresql/parts/patterns.h"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

namespace spawnd::engines::postgresql {

TablePatterns::TablePatterns(std::string key, const std::vector<std::string>& patterns)
    : key_(std::move(key)) {
  for (const std::string& text : patterns) patterns_.push_back({text});
}

bool TablePatterns::Match(const std::string& schema, const std::string& name) {
  const std::string qualified = schema + "." + name;
  bool any = false;
  for (Pattern& pattern : patterns_) {
    if (::fnmatch(pattern.text.c_str(), name.c_str(), 0) != 0 &&
        ::fnmatch(pattern.text.c_str(), qualified.c_str(), 0) != 0) {
      continue;
    }
    pattern.matched = true;
    any = true;
  }
  return any;
}

bool TablePatterns::Names(const std::string& schema, const std::string& name) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
    return pattern.text == name || pattern.text == schema + "." + name;
  });
}

std::string TablePatterns::Unmatched() const {
  for (const Pattern& pattern : patterns_) {
    if (!pattern.matched) return "`" + key_ + ":` names '" + pattern.text + "'";
  }
  return {};
}

std::string SomeOf(const std::vector<std::string>& names) {
  constexpr size_t kShown = 20;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

}  // namespace spawnd::engines::postgresql
