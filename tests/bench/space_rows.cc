/// `./dev bench space`: what images and containers take on disk, and how long an image takes to build.
#include <boost/filesystem.hpp>
#include <fmt/core.h>

#include <cstdlib>
#include <cstring>
#include <fstream>

#include "tests/bench/groups.h"

namespace spawnd::bench {
namespace {

namespace fs = boost::filesystem;

constexpr size_t kPage = 8192;
/// One row of a hundred, spread over the whole table.
constexpr char kUpdate[] = "UPDATE pgbench_accounts SET abalance = abalance + 1 WHERE aid % 100 = 0";

Result<double> DirectoryBytes(const std::string& directory) {
  boost::system::error_code error;
  double bytes = 0;
  for (fs::recursive_directory_iterator it(directory, error), end; it != end; it.increment(error)) {
    if (error) break;
    if (fs::is_regular_file(it->path(), error))
      bytes += static_cast<double>(fs::file_size(it->path(), error));
  }
  if (error) return Fail(ErrorCode::kIo, "cannot measure '" + directory + "': " + error.message());
  return bytes;
}

/// Bytes of the 8 KiB pages of `file` that differ from those of `before`, or that `before` does not have.
double ChangedBytes(const fs::path& file, const fs::path& before) {
  std::ifstream now(file.string(), std::ios::binary);
  std::ifstream old(before.string(), std::ios::binary);
  std::vector<char> a(kPage);
  std::vector<char> b(kPage);
  double changed = 0;
  while (now.read(a.data(), kPage) || now.gcount() > 0) {
    const auto got = static_cast<size_t>(now.gcount());
    old.read(b.data(), kPage);
    if (static_cast<size_t>(old.gcount()) < got || std::memcmp(a.data(), b.data(), got) != 0)
      changed += kPage;
  }
  return changed;
}

/// What the same update makes a native server write: the pages that differ afterwards, and the log.
Result<double> NativeChange(Context& context, NativeServer& original) {
  TRY_ASSIGN(const std::string directory, context.Scratch("updated"));
  TRY_ASSIGN(const auto server, original.Clone(directory));
  TRY(server->Start());
  TRY_ASSIGN(const std::string before, Query(server->Url(), "SELECT pg_current_wal_insert_lsn()"));
  TRY(Query(server->Url("bench"), kUpdate).map([](const std::string&) {}));
  TRY(Query(server->Url(), "CHECKPOINT").map([](const std::string&) {}));
  TRY_ASSIGN(const std::string wal,
             Query(server->Url(), "SELECT pg_current_wal_insert_lsn() - '" + before + "'::pg_lsn"));
  TRY(server->Stop());
  double bytes = std::strtod(wal.c_str(), nullptr);
  for (fs::recursive_directory_iterator it(directory + "/base"), end; it != end; ++it) {
    if (!fs::is_regular_file(it->path())) continue;
    bytes += ChangedBytes(it->path(), original.Directory() / fs::relative(it->path(), directory));
  }
  return bytes;
}

/// `disk_bytes` of a container after its current epoch was committed.
Result<double> ContainerBytes(PrivateDaemon& daemon, const std::string& name) {
  TRY_ASSIGN(const api::DataContainer now, daemon.GetContainer(name));
  return static_cast<double>(now.disk_bytes);
}

Row RowFor(const std::string& name, double value, const std::string& unit, const std::string& target,
           bool met) {
  Row row;
  row.name = name;
  row.value = value;
  row.unit = unit;
  row.target = target;
  row.met = met;
  row.runs = 1;
  row.spread = "-";
  return row;
}

Row RatioRow(const std::string& name, double value, const std::string& unit, double baseline_value,
             const std::string& baseline, double target) {
  const double ratio = value / baseline_value;
  Row row = RowFor(name, value, unit, fmt::format("<= {:.1f}x", target), ratio <= target);
  row.baseline = baseline;
  row.ratio = ratio;
  return row;
}

Result<std::vector<Row>> Measure(Context& context) {
  TRY_ASSIGN(PgbenchImage* const image, context.Pgbench());
  TRY_ASSIGN(PrivateDaemon* const daemon, context.Daemon());
  TRY_ASSIGN(const api::DataContainer container, daemon->CreateContainer(kPgbenchImage));
  TRY_ASSIGN(const double fresh, ContainerBytes(*daemon, container.name));
  TRY(Query(container.url, kUpdate).map([](const std::string&) {}));
  TRY(Query(container.url, "CHECKPOINT").map([](const std::string&) {}));
  TRY(daemon->WaitForCommits());
  TRY_ASSIGN(const double updated, ContainerBytes(*daemon, container.name));
  TRY(daemon->DeleteContainer(container.name));
  TRY_ASSIGN(const double native_change, NativeChange(context, *image->native));
  TRY_ASSIGN(const double native_bytes, DirectoryBytes(image->native->Directory() + "/base"));
  return std::vector<Row>{
      RowFor("space-fresh", fresh / 1024, "KiB", "<= 1024 KiB", fresh <= 1 << 20),
      RatioRow("space-1%-updated", updated / 1e6, "MB", native_change / 1e6, "pages and WAL written", 1.1),
      RatioRow("image-size", static_cast<double>(image->image.disk_bytes) / 1e6, "MB", native_bytes / 1e6,
               "data directory", 0.5),
      RatioRow("image-build", image->build_seconds, "s", image->native_seconds, "restore+vacuum native", 1.1),
      RatioRow("image-build-to-restore", image->build_seconds, "s", image->restore_seconds,
               "pg_restore, native", 1.1),
  };
}

}  // namespace

RowGroup SpaceGroup(Context& context) {
  return {"space",
          "bytes of images and containers; building an image",
          {"space-fresh", "space-1%-updated", "image-size", "image-build", "image-build-to-restore"},
          [&context] { return Measure(context); }};
}

}  // namespace spawnd::bench
