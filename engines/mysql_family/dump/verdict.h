/// What becomes of one statement of a dump. Pure.
#pragma once

#include <string>

namespace spawnd::engines::mysql_family {

struct Verdict {
  enum class What {
    kUndecided,  ///< another word is needed
    kPass,
    kDrop,
    kRefuse,  ///< the restore ends; `warning` says why
  };
  What what = What::kUndecided;
  std::string warning{};  ///< empty: none
  std::string instead{};  ///< kDrop: a statement in its place, without its end
};

}  // namespace spawnd::engines::mysql_family
