/// `./dev bench peers`: the same work on other copy-on-write storage, as far as its tools are installed
/// (xfsprogs, btrfs-progs, qemu-system-common and qemu-utils; ./dev setup does not install them).
#include <fmt/core.h>
#include <fmt/ranges.h>

#include "tests/bench/groups.h"
#include "tests/bench/peers.h"
#include "tests/bench/stopwatch.h"
#include "tests/bench/workload.h"

namespace spawnd::bench {
namespace {

constexpr int kRounds = 3;

struct PeerSpeeds {
  Samples clone;  ///< ms, clone asked for to first row
  Speeds speeds;
};

Result<void> MeasurePeer(Peer& peer, PeerSpeeds& peer_speeds) {
  const Stopwatch watch;
  TRY_ASSIGN(const std::string directory, peer.Clone());
  {
    const auto server = NativeServer::At(directory);
    TRY(server->Start());
    TRY(Query(server->Url("bench"), "SELECT bid FROM pgbench_branches LIMIT 1").map([](const auto&) {}));
    peer_speeds.clone.Add(watch.Milliseconds());
    TRY(MeasureServer(server->Url("bench"), peer_speeds.speeds));
    TRY(server->Stop());
  }
  return peer.RemoveClone();
}

Result<std::vector<Row>> MeasureOnePeer(Context& context, Peer& peer) {
  TRY_ASSIGN(PgbenchImage* const image, context.Pgbench());
  TRY_ASSIGN(const std::string work, context.Scratch(peer.Name()));
  TRY(RunAsRoot({"mkdir", work}));
  TRY(peer.Prepare(work, image->native->Directory()));
  Speeds native;
  PeerSpeeds measured;
  for (int round = 0; round < kRounds; ++round) {
    Say(fmt::format("{}: round {} of {}", peer.Name(), round + 1, kRounds));
    TRY(MeasureNative(context, *image->native, native));
    TRY(MeasurePeer(peer, measured));
  }
  Row clone;
  clone.name = peer.Name() + "-create";
  clone.value = measured.clone.Median();
  clone.unit = "ms";
  clone.runs = measured.clone.Count();
  clone.spread = fmt::format("{:.0f}-{:.0f}", measured.clone.Percentile(0), measured.clone.Percentile(1));
  return std::vector<Row>{clone, Compare(peer.Name() + "-tpcb", measured.speeds.tpcb, native.tpcb, "tps", {}),
                          Compare(peer.Name() + "-read-only", measured.speeds.reads, native.reads, "tps", {}),
                          Compare(peer.Name() + "-cold-scan", measured.speeds.scan, native.scan, "MB/s", {})};
}

Result<std::vector<Row>> Measure(Context& context) {
  // The daemon must not see these mounts, nor keep them: it is started before.
  TRY(context.Pgbench().map([](PgbenchImage*) {}));
  TRY(EnterOwnMountNamespace());
  std::vector<Row> rows;
  for (const auto& make : {XfsReflink, BtrfsSnapshot, Qcow2}) {
    const std::unique_ptr<Peer> peer = make();
    if (const auto missing = MissingTools(*peer); !missing.empty()) {
      Say(fmt::format("{}: skipped, not installed: {}", peer->Name(), fmt::join(missing, ", ")));
      continue;
    }
    TRY_ASSIGN(const std::vector<Row> of_peer, MeasureOnePeer(context, *peer));
    rows.insert(rows.end(), of_peer.begin(), of_peer.end());
  }
  return rows;
}

}  // namespace

RowGroup PeersGroup(Context& context) {
  std::vector<std::string> rows;
  for (const char* peer : {"xfs-reflink", "btrfs-snapshot", "qcow2"}) {
    for (const char* what : {"-create", "-tpcb", "-read-only", "-cold-scan"}) {
      rows.push_back(std::string(peer) + what);
    }
  }
  return {"peers", "other copy-on-write storage on the same work, where its tools are installed", rows,
          [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
