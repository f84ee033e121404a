/// All that the daemon counts while it runs, by name; whoever does the counted thing has a reference to this.
/// What can be looked at instead (rows, files, queues) is looked at when somebody asks
/// (daemon/handlers/machine_numbers.h). docs/metrics.md lists both.
///
/// Any thread. Nothing here survives the process, as monitoring systems expect of counters.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/metrics/counters.h"
#include "daemon/metrics/exposition.h"

namespace spawnd::daemon {

class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counters http_requests;          ///< method, route, status
  Histograms http_seconds;         ///< route
  Counters errors;                 ///< code
  Counters changes;                ///< verb, resource, outcome ("done", or the error's code)
  Histograms change_seconds;       ///< verb, resource; of those that were done
  Histograms create_seconds;       ///< engine
  Histograms build_seconds;        ///< engine
  Counters build_failures;         ///< code
  Counters engine_exits;           ///< engine; of containers that were to go on
  Counters engine_restarts;        ///< engine; that came back by themselves
  Counters spare_resets;           ///< engine; that took a spare
  Counters engine_start_failures;  ///< engine, code
  Counters quota_refusals;         ///< quota
  Counters pool_creates;           ///< engine, outcome ("hit", "miss", "differs")
  Counters pool_given_up;          ///< why ("image", "port", "room", "stale")
  Counters sleeps;                 ///< engine, reason ("idle", "memory")
  Counters idle_deletes;           ///< engine
  Histograms wake_seconds;         ///< engine
  Counters source_runs;            ///< outcome ("succeeded", "failed", "interrupted", "skipped")

  std::vector<Family> Read() const;
};

}  // namespace spawnd::daemon
