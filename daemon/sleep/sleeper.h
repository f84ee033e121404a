/// Puts containers to sleep that nobody is connected to, and deletes those that were made to go then. Every
/// second it counts connections, by a job, as long as there is a container that it concerns.
///
/// A container sleeps after its time without a connection (`sleepAfter`), or earlier, least recently used
/// first, when those that could sleep hold more memory than `readyMemory` has left
/// (daemon/host/ready_memory.h). Its server is asked first whether it has work of its own; then its gate is
/// shut, so that whoever comes from there on waits at the door; and only when nobody is connected even then
/// is it stopped. So no connection is ever cut for it.
///
/// Loop thread only. How long one has been idle is known to this process alone: with a new one it counts
/// anew.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/containers/containers.h"
#include "daemon/host/connections.h"
#include "daemon/host/memory_use.h"
#include "daemon/loop/event_loop.h"

namespace spawnd::daemon {

class Catalog;
class Jobs;
class Mailbox;
class Metrics;
class ReadyMemory;
struct EngineHost;

class Sleeper {
 public:
  /// All outlive this but for the jobs, which have stopped before it goes.
  struct Uses {
    Catalog& catalog;
    Containers& containers;
    const EngineHost& engine_host;
    Jobs& jobs;
    Mailbox& mailbox;
    Metrics& metrics;
    uint16_t first_port;
    uint16_t last_port;
    ReadyMemory& ready;
  };
  explicit Sleeper(Uses uses) : uses_(uses) {}
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  Result<void> Start(uv_loop_t* loop);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Idle {
    Time since;      ///< nobody has been connected
    Time not_again;  ///< its server is not asked before
    bool runs = false;
    uint64_t arrivals = 0;
  };
  struct Found {
    std::map<uint16_t, PortUse> ports;
    MemoryUse memory;
  };

  void Look();
  void Judge(const Result<Found>& found);
  void Note(const Idler& idler, const std::map<uint16_t, PortUse>& ports, Time now);
  /// True when it has gone.
  bool DeleteIdle(const Idler& idler, Time now);
  void SleepIdle(const std::vector<Idler>& idlers, Time now);
  void SleepForMemory(const std::vector<Idler>& idlers, const MemoryUse& memory, Time now);
  /// `reason`: "idle" or "memory".
  bool Try(const Idler& idler, std::string_view reason, Time now);
  void LetInAgain(const Idler& idler);
  void Tried(const Idler& idler, std::string_view reason, const Result<std::string>& keeps_awake);

  const Uses uses_;
  std::map<int64_t, Idle> idle_;
  std::set<int64_t> trying_;
  bool looking_ = false;
  std::string said_;  ///< why connections cannot be counted, once
  std::unique_ptr<Watch> timer_;
};

}  // namespace spawnd::daemon
