/// What masking a server came to, and what can be asked of it later. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd::engines {

/// A question about a masked column, and the answer that it has to have until the image is sealed.
struct MaskProof {
  std::string database{};
  std::string query{};
  std::string answer{};
  Error otherwise;
};

struct Masked {
  std::vector<int64_t> rows{};  ///< that each rule was for
  std::vector<MaskProof> proofs{};
};

}  // namespace spawnd::engines
