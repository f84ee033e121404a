/// A handful of measurements and what is said of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace spawnd::bench {

class Samples {
 public:
  void Add(double value) { values_.push_back(value); }
  size_t Count() const { return values_.size(); }

  /// The value that `fraction` (0 to 1) of the samples do not exceed (nearest rank); 0 without samples.
  double Percentile(double fraction) const {
    if (values_.empty()) return 0;
    std::vector<double> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    const auto rank = static_cast<size_t>(fraction * static_cast<double>(sorted.size() - 1) + 0.5);
    return sorted[std::min(rank, sorted.size() - 1)];
  }
  double Median() const { return Percentile(0.5); }

 private:
  std::vector<double> values_;
};

}  // namespace spawnd::bench
