/// Valkey 7.2 and later: what engines/redis does, with Valkey's own programs and names. Immutable, safe from
/// any thread.
#pragma once

#include "engines/redis/redis_engine.h"

namespace spawnd::engines::valkey {

const redis::Product& ValkeyProduct();

class ValkeyEngine final : public redis::RedisEngine {
 public:
  ValkeyEngine() : RedisEngine(ValkeyProduct()) {}
};

}  // namespace spawnd::engines::valkey
