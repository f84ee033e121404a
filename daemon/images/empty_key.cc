#include "daemon/images/empty_key.h"

namespace spawnd::daemon {
namespace {

/// Counts up when what goes into a fresh volume changes (mkfs options, initdb options), so that a new spawnd
/// does not build on what an older one sealed.
constexpr int kRecipe = 1;

}  // namespace

std::string EmptyImageKey(uint64_t volume_bytes, const engines::Installation& installation) {
  return installation.engine + " " + installation.version + " volume " + std::to_string(volume_bytes) +
         " recipe " + std::to_string(kRecipe);
}

}  // namespace spawnd::daemon
