#include "storage/checksum.h"

#include <xxhash.h>

#include <new>

namespace spawnd::storage {
namespace {

XXH3_state_t* StateOf(void* state) {
  return static_cast<XXH3_state_t*>(state);
}

}  // namespace

uint64_t Checksum(std::span<const std::byte> bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

RunningChecksum::RunningChecksum(uint64_t seed) : state_(XXH3_createState()) {
  if (state_ == nullptr) throw std::bad_alloc();
  Restart(seed);
}

void RunningChecksum::Add(std::span<const std::byte> bytes) {
  XXH3_64bits_update(StateOf(state_.get()), bytes.data(), bytes.size());
}

uint64_t RunningChecksum::Value() const {
  return XXH3_64bits_digest(StateOf(state_.get()));
}

void RunningChecksum::Restart(uint64_t seed) {
  XXH3_64bits_reset_withSeed(StateOf(state_.get()), seed);
}

void RunningChecksum::Free::operator()(void* state) const {
  XXH3_freeState(StateOf(state));
}

}  // namespace spawnd::storage
