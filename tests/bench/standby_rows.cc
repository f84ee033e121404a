/// `./dev bench standby`: what images cost that are cut from a standby of a server with 1 GB: seconds and
/// bytes of the first, with its copy, and of the next two, with a hundredth of the rows changed before each.
#include <boost/filesystem.hpp>
#include <fmt/core.h>

#include <chrono>
#include <thread>

#include "api/json.h"
#include "api/source/mapping.h"
#include "tests/bench/groups.h"
#include "tests/bench/native_server.h"
#include "tests/bench/stopwatch.h"

namespace spawnd::bench {
namespace {

namespace fs = boost::filesystem;

/// 1.0 GB with its indexes.
constexpr int kStandbyScale = 68;
constexpr int kAccounts = kStandbyScale * 100'000;
/// Of the first image's.
constexpr double kMost = 0.03;
constexpr std::chrono::seconds kLongestCopy{900};
constexpr char kSource[] = "standby";

struct Cost {
  double seconds = 0;
  double bytes = 0;
};

Result<double> StoreBytes(PrivateDaemon& daemon) {
  double bytes = 0;
  boost::system::error_code error;
  for (fs::recursive_directory_iterator it(daemon.Directory() + "/state/store", error), end; it != end;
       it.increment(error)) {
    if (error) break;
    if (fs::is_regular_file(it->path(), error))
      bytes += static_cast<double>(fs::file_size(it->path(), error));
  }
  if (error) return Fail(ErrorCode::kIo, "cannot measure the store: " + error.message());
  return bytes;
}

Result<void> BeginFollowing(PrivateDaemon& daemon, const std::string& port) {
  api::CreateDataSourceRequest request;
  request.name = kSource;
  request.source_type = "standby";
  request.engine = "postgresql";
  request.version = "15";
  request.definition = "name: standby\nsourceType: standby\nengine: postgresql\n";
  request.folder = "/";
  request.connection.emplace();
  request.connection->host = "127.0.0.1";
  request.connection->port = std::stoi(port);
  request.connection->user = "postgres";
  client::CreateEvents events;
  TRY(daemon.Client().Create("/v1/data-sources", api::ToJson(request), events).map([](const std::string&) {
  }));
  const auto end = std::chrono::steady_clock::now() + kLongestCopy;
  while (std::chrono::steady_clock::now() < end) {
    TRY_ASSIGN(const std::string json,
               daemon.Client().Get(client::DaemonClient::Target("/v1/data-sources", kSource)));
    TRY_ASSIGN(const auto source, api::FromJson<api::DataSource>(json));
    if (source.status == "Following") return {};
    if (source.status == "Failed")
      return Fail(ErrorCode::kUnavailable, "the standby has failed: " + source.detail);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return Fail(ErrorCode::kTimeout, "the standby does not follow");
}

Result<Cost> Cut(PrivateDaemon& daemon, const std::string& name, double bytes_before) {
  api::CreateDataImageRequest request;
  request.name = name;
  request.engine = "postgresql";
  request.source_type = api::SourceType::kStandby;
  request.source = kSource;
  client::CreateEvents events;
  const Stopwatch watch;
  TRY(daemon.Client().Create("/v1/data-images", api::ToJson(request), events).map([](const std::string&) {}));
  Cost cost;
  cost.seconds = watch.Seconds();
  TRY_ASSIGN(const double after, StoreBytes(daemon));
  cost.bytes = after - bytes_before;
  Say(fmt::format("{}: {:.2f} s, {:.2f} MB", name, cost.seconds, cost.bytes / 1e6));
  return cost;
}

Row RowFor(const std::string& name, double value, const std::string& unit) {
  Row row;
  row.name = name;
  row.value = value;
  row.unit = unit;
  row.runs = 1;
  row.spread = "-";
  return row;
}

Row RatioRow(const std::string& name, double value, const std::string& unit, double first) {
  Row row = RowFor(name, value, unit);
  row.baseline = "the first image";
  row.ratio = value / first;
  row.target = fmt::format("<= {:.2f}x", kMost);
  row.met = *row.ratio <= kMost;
  return row;
}

/// A hundredth of the rows, one beside the other: what a day's work changes is mostly what is young.
std::string Update(int round) {
  constexpr int kPart = kAccounts / 100;
  return fmt::format("UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid > {} AND aid <= {}",
                     round * kPart, (round + 1) * kPart);
}

Result<std::vector<Row>> MeasureFrom(Context& context, NativeServer& primary) {
  TRY(primary.Start());
  const std::string url = primary.Url();
  TRY_ASSIGN(const std::string port, Query(url, "SHOW port"));
  TRY(Query(url, "CREATE DATABASE bench").map([](const std::string&) {}));
  Say("filling 1 GB");
  TRY(RunProgram({"pgbench", "-q", "-i", "-s", std::to_string(kStandbyScale), primary.Url("bench")})
          .map([](const std::string&) {}));
  TRY(Query(url, "CHECKPOINT").map([](const std::string&) {}));
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY_ASSIGN(const double empty, StoreBytes(*daemon));
  const Stopwatch watch;
  TRY(BeginFollowing(*daemon, port));
  const double copied = watch.Seconds();
  TRY_ASSIGN(Cost first, Cut(*daemon, "standby-1", empty));
  first.seconds += copied;
  std::vector<Row> rows{RowFor("standby-copy", copied, "s"),
                        RowFor("standby-image-1-time", first.seconds, "s"),
                        RowFor("standby-image-1-bytes", first.bytes / 1e6, "MB")};
  for (int round = 2; round <= 3; ++round) {
    TRY(Query(primary.Url("bench"), Update(round)).map([](const std::string&) {}));
    TRY_ASSIGN(const double before, StoreBytes(*daemon));
    TRY_ASSIGN(const Cost cost, Cut(*daemon, "standby-" + std::to_string(round), before));
    const std::string name = "standby-image-" + std::to_string(round);
    rows.push_back(RatioRow(name + "-time", cost.seconds, "s", first.seconds));
    rows.push_back(RatioRow(name + "-bytes", cost.bytes / 1e6, "MB", first.bytes / 1e6));
  }
  TRY(daemon->Client()
          .Delete(client::DaemonClient::Target("/v1/data-sources", kSource))
          .map([](const std::string&) {}));
  return rows;
}

Result<std::vector<Row>> Measure(Context& context) {
  TRY_ASSIGN(const std::string directory, context.Scratch("primary"));
  TRY_ASSIGN(const auto primary, NativeServer::Initialise(directory));
  auto rows = MeasureFrom(context, *primary);
  TRY(primary->Stop());
  return rows;
}

}  // namespace

RowGroup StandbyGroup(Context& context) {
  return {"standby",
          "images cut from a standby of 1 GB: the first, and two with 1 % of the rows changed before",
          {"standby-copy", "standby-image-1-time", "standby-image-1-bytes", "standby-image-2-time",
           "standby-image-2-bytes", "standby-image-3-time", "standby-image-3-bytes"},
          [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
