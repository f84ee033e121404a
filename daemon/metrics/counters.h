/// What is counted while the daemon runs, from its start on: counters and histograms, one number for each
/// combination of their labels.
///
/// Safe from any thread: a lock for the look-up of the labels, held for moments. The values of labels are
/// words of the daemon's own, of which there are few; nothing that a caller may choose.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/metrics/exposition.h"

namespace spawnd::daemon {

using LabelNames = std::vector<std::string_view>;
using LabelValues = std::vector<std::string>;

class Counters {
 public:
  /// Without labels there is one number, from the beginning on.
  explicit Counters(const Description& description, LabelNames labels = {});
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  /// `values`: one for each label.
  void Count(const LabelValues& values = {});
  Family Read() const;

 private:
  const Description description_;
  const LabelNames labels_;
  mutable std::mutex mutex_;
  std::map<LabelValues, uint64_t> counts_;
};

class Histograms {
 public:
  /// `bounds`: upper ends of the buckets, rising; a literal array. Empty: only how many and how much
  /// altogether.
  Histograms(const Description& description, LabelNames labels, std::span<const double> bounds);
  Histograms(const Histograms&) = delete;
  Histograms& operator=(const Histograms&) = delete;

  void Observe(const LabelValues& values, double value);
  Family Read() const;

 private:
  struct Observed {
    std::vector<uint64_t> buckets;  ///< how many were at most that, and more than the bound before
    uint64_t count = 0;
    double sum = 0;
  };

  const Description description_;
  const LabelNames labels_;
  const std::span<const double> bounds_;
  mutable std::mutex mutex_;
  std::map<LabelValues, Observed> observed_;
};

}  // namespace spawnd::daemon
