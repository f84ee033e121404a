#include "daemon/metrics/counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace spawnd::daemon {
namespace {

Labels LabelsOf(const LabelNames& names, const LabelValues& values) {
  Labels labels;
  for (size_t i = 0; i < names.size(); ++i) labels.emplace_back(names[i], values[i]);
  return labels;
}

Labels With(Labels labels, double bound) {
  const bool last = bound == std::numeric_limits<double>::infinity();
  // "1.0" and not "1": the spelling is part of a series' name, and OpenMetrics asks for this one.
  std::string text = last ? "+Inf" : fmt::format("{}", bound);
  if (!last && text.find_first_of(".e") == std::string::npos) text += ".0";
  labels.emplace_back("le", std::move(text));
  return labels;
}

}  // namespace

Counters::Counters(const Description& description, LabelNames labels)
    : description_(description), labels_(std::move(labels)) {
  if (labels_.empty()) counts_[{}] = 0;
}

void Counters::Count(const LabelValues& values) {
  if (values.size() != labels_.size()) return;
  const std::lock_guard lock(mutex_);
  ++counts_[values];
}

Family Counters::Read() const {
  Family family{description_, {}};
  const std::lock_guard lock(mutex_);
  for (const auto& [values, count] : counts_) {
    family.samples.push_back({LabelsOf(labels_, values), static_cast<double>(count)});
  }
  return family;
}

Histograms::Histograms(const Description& description, LabelNames labels, std::span<const double> bounds)
    : description_(description), labels_(std::move(labels)), bounds_(bounds) {}

void Histograms::Observe(const LabelValues& values, double value) {
  if (values.size() != labels_.size()) return;
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
  const std::lock_guard lock(mutex_);
  Observed& observed = observed_[values];
  observed.buckets.resize(bounds_.size());
  if (bound != bounds_.end()) ++observed.buckets[static_cast<size_t>(bound - bounds_.begin())];
  ++observed.count;
  observed.sum += value;
}

Family Histograms::Read() const {
  Family family{description_, {}};
  const std::lock_guard lock(mutex_);
  for (const auto& [values, observed] : observed_) {
    const Labels labels = LabelsOf(labels_, values);
    uint64_t up_to_here = 0;
    for (size_t i = 0; i < bounds_.size(); ++i) {
      up_to_here += observed.buckets[i];
      family.samples.push_back({With(labels, bounds_[i]), static_cast<double>(up_to_here), "_bucket"});
    }
    const auto count = static_cast<double>(observed.count);
    if (!bounds_.empty()) {
      family.samples.push_back({With(labels, std::numeric_limits<double>::infinity()), count, "_bucket"});
    }
    family.samples.push_back({labels, observed.sum, "_sum"});
    family.samples.push_back({labels, count, "_count"});
  }
  return family;
}

}  // namespace spawnd::daemon
