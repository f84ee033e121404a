/// Which containers are to wait for somebody who asks, within the memory that they may have together. Pure,
/// safe from any thread.
///
/// Memory is given out in rounds: each image gets one container before any gets a second, the image that was
/// used last first. What is not in the plan is given up, of the image that was used longest ago first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace spawnd::daemon {

struct PoolOfImage {
  int64_t image_id = 0;
  size_t wanted = 0;
  std::vector<int64_t> have{};  ///< ids, of those that are being started, too
  uint64_t bytes_each = 1;      ///< more than 0
};

struct PoolPlan {
  std::vector<int64_t> give_up{};  ///< in this order
  std::optional<int64_t> fill{};   ///< the image that is to get one more
};

/// `pools`: each image once, the one that was used last first.
PoolPlan PlanPools(std::span<const PoolOfImage> pools, uint64_t budget_bytes);

}  // namespace spawnd::daemon
