/// What pgbench makes a server do, and how a row tells it relative to another server.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "tests/bench/context.h"
#include "tests/bench/row.h"
#include "tests/bench/samples.h"

namespace spawnd::bench {

/// What one server did in some rounds; larger is better in all.
struct Speeds {
  Samples scan;   ///< MB/s of the first full read of a cold table
  Samples reads;  ///< read-only transactions a second
  Samples tpcb;   ///< TPC-B-like transactions a second, each with a synchronous commit
};

/// One round on a server that was just started and has pgbench's tables.
Result<void> MeasureServer(const std::string& url, Speeds& speeds);

/// One round on a native server over a fresh copy of `original`, the baseline of the round.
Result<void> MeasureNative(Context& context, NativeServer& original, Speeds& speeds);

/// Median against median; the spread is that of `ours`, relative to the baseline's median.
Row Compare(const std::string& name, const Samples& ours, const Samples& native, const std::string& unit,
            std::optional<double> target);

}  // namespace spawnd::bench
