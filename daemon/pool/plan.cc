#include "daemon/pool/plan.h"

#include <algorithm>

namespace spawnd::daemon {
namespace {

/// How many each image may have.
std::vector<size_t> Shares(std::span<const PoolOfImage> pools, uint64_t budget_bytes) {
  std::vector<size_t> shares(pools.size(), 0);
  for (bool given = true; given;) {
    given = false;
    for (size_t i = 0; i < pools.size(); ++i) {
      if (shares[i] == pools[i].wanted || pools[i].bytes_each > budget_bytes) continue;
      budget_bytes -= pools[i].bytes_each;
      ++shares[i];
      given = true;
    }
  }
  return shares;
}

}  // namespace

PoolPlan PlanPools(std::span<const PoolOfImage> pools, uint64_t budget_bytes) {
  const std::vector<size_t> shares = Shares(pools, budget_bytes);
  PoolPlan plan;
  for (size_t i = pools.size(); i-- > 0;) {
    const std::vector<int64_t>& have = pools[i].have;
    // The oldest stay: they are those that have been started.
    const size_t kept = std::min(shares[i], have.size());
    plan.give_up.insert(plan.give_up.end(), have.begin() + static_cast<std::ptrdiff_t>(kept), have.end());
  }
  size_t fewest = 0;
  for (size_t i = 0; i < pools.size(); ++i) {
    const size_t have = pools[i].have.size();
    if (have >= shares[i] || (plan.fill && have >= fewest)) continue;
    plan.fill = pools[i].image_id;
    fewest = have;
  }
  return plan;
}

}  // namespace spawnd::daemon
