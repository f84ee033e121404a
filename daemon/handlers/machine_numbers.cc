#include "daemon/handlers/machine_numbers.h"

#include <boost/filesystem/directory.hpp>
#include <sys/stat.h>

#include <algorithm>

#include "daemon/access/visibility.h"
#include "daemon/metrics/process.h"

namespace spawnd::daemon {
namespace {

using Type = MetricType;

int64_t FileBytes(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? int64_t{st.st_blocks} * 512 : 0;
}

/// The database with SQLite's log and shared memory beside it.
int64_t CatalogBytes(const StoreLayout& layout) {
  int64_t bytes = 0;
  for (const char* suffix : {"", "-wal", "-shm"}) bytes += FileBytes(layout.Catalog() + suffix);
  return bytes;
}

/// "catalog.bak.3", "catalog.pre-10": all that is called as the catalog, and is not it.
int64_t CatalogCopyBytes(const StoreLayout& layout) {
  boost::system::error_code code;
  int64_t bytes = 0;
  boost::filesystem::directory_iterator it(layout.Root(), code);
  for (const boost::filesystem::directory_iterator end; !code && it != end; it.increment(code)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with("catalog.") && !name.starts_with("catalog.db"))
      bytes += FileBytes(it->path().string());
  }
  return bytes;
}

Family Gauge(std::string_view name, std::string_view help, std::string_view unit = {}) {
  return {{name, help, Type::kGauge, unit}, {}};
}

Family One(std::string_view name, std::string_view help, double value, std::string_view unit = {}) {
  Family family = Gauge(name, help, unit);
  family.samples.push_back({{}, value});
  return family;
}

void Add(Family& family, Labels labels, double value) {
  family.samples.push_back({std::move(labels), value});
}

std::vector<Family> Queues(const Services& services) {
  Family places = Gauge("spawnd_queue_places", "Jobs of a kind that may run at once.");
  Family running = Gauge("spawnd_queue_running", "Jobs of a kind that run.");
  Family waiting = Gauge("spawnd_queue_waiting", "Jobs of a kind that wait for their turn.");
  for (const QueueName& queue : services.queues) {
    const JobCounts counts = queue.jobs.Counts();
    const Labels labels{{"queue", std::string(queue.name)}};
    Add(places, labels, static_cast<double>(counts.places));
    Add(running, labels, static_cast<double>(counts.running));
    Add(waiting, labels, static_cast<double>(counts.waiting));
  }
  return {places, running, waiting};
}

void Connections(const http::ConnectionCounts& counts, std::vector<Family>& families) {
  families.push_back(
      One("spawnd_connections_open", "Connections of clients.", static_cast<double>(counts.open)));
  families.push_back({{"spawnd_connections_accepted", "Connections that clients made.", Type::kCounter},
                      {{{}, static_cast<double>(counts.accepted)}}});
  families.push_back({{"spawnd_connections_refused", "Of these: one too many, and closed.", Type::kCounter},
                      {{{}, static_cast<double>(counts.refused)}}});
}

Result<void> DataSources(Services& services, std::vector<Family>& families) {
  TRY_ASSIGN(const auto sources, services.catalog.sources.List());
  std::map<std::pair<std::string, std::string>, int> count;
  int64_t lag = 0;
  for (const SourceRow& row : sources) {
    ++count[{row.source_type, row.state.empty() ? "-" : row.state}];
    lag = std::max(lag, row.lag_bytes);
  }
  Family all = Gauge("spawnd_data_sources", "Data sources there are.");
  for (const auto& [key, number] : count) Add(all, {{"type", key.first}, {"state", key.second}}, number);
  families.push_back(std::move(all));
  families.push_back(One("spawnd_data_source_runs_running", "Runs of data sources that go on.",
                         static_cast<double>(services.sources.Running())));
  families.push_back(One("spawnd_standby_lag_bytes",
                         "How far the standby is behind that is the furthest behind.",
                         static_cast<double>(lag), "bytes"));
  return {};
}

void ReadyBytes(const ReadyMemory& ready, std::vector<Family>& families) {
  Family held = Gauge("spawnd_ready_memory_bytes",
                      "What servers hold that are there without anybody using them, by kind.", "bytes");
  for (const auto& [kind, word] :
       {std::pair{ReadyKind::kPooled, "pooled"}, std::pair{ReadyKind::kSpares, "spares"},
        std::pair{ReadyKind::kIdle, "idle"}}) {
    Add(held, {{"kind", word}}, static_cast<double>(ready.Held(kind)));
  }
  families.push_back(std::move(held));
  families.push_back(One("spawnd_ready_memory_limit_bytes", "What they may hold together.",
                         static_cast<double>(ready.Budget()), "bytes"));
}

Family BuildInfo(const api::Version& version) {
  Family family = Gauge("spawnd_build_info", "What runs; always 1.");
  Add(family,
      {{"version", version.version}, {"commit", version.git_commit}, {"api_version", version.api_version}},
      1);
  return family;
}

}  // namespace

Result<MachineNumbers> MachineNumbers::Look(Services& services, const http::Caller& who,
                                            bool single_containers) {
  TRY_ASSIGN(auto account, SpaceAccount::Take(services.catalog, services.layout));
  MachineNumbers numbers(services, std::move(account));
  TRY_ASSIGN(const auto images, services.catalog.images.List(daemon::Rows::kAll));
  TRY_ASSIGN(const auto containers, services.catalog.containers.List(daemon::Rows::kAll));
  numbers.Count(containers, images);
  if (single_containers) {
    TRY_ASSIGN(const auto seen, VisibleContainers(services.catalog, who));
    const std::map<int64_t, std::string> engines(numbers.engine_of_.begin(), numbers.engine_of_.end());
    for (const ContainerRow& row : seen) {
      if (numbers.single_.size() == kMostContainerSeries) break;
      const auto engine = engines.find(row.id);
      numbers.single_.push_back({row.id, row.name, engine == engines.end() ? "" : engine->second,
                                 ControlGroups::OfContainer(row.id, row.volume)});
    }
  }
  numbers.looked_at_ = Queues(services);
  TRY(DataSources(services, numbers.looked_at_));
  Connections(services.connections(), numbers.looked_at_);
  ReadyBytes(services.ready_memory, numbers.looked_at_);
  numbers.looked_at_.push_back(BuildInfo(services.version));
  return numbers;
}

void MachineNumbers::Count(const std::vector<ContainerRow>& containers, const std::vector<ImageRow>& images) {
  std::map<int64_t, std::string> engine_of_image;
  for (const ImageRow& image : images) {
    engine_of_image[image.id] = image.engine;
    ++(image.Hidden() ? built_in_images_ : images_)[{image.engine, std::string(ImageStateName(image.state))}];
  }
  for (const ContainerRow& row : containers) {
    const std::string& engine = engine_of_image[row.image_id];
    ++(row.pooled ? pooled_ : containers_)[{engine, std::string(ContainerStateName(row.state))}];
    engine_of_.emplace_back(row.id, engine);
    groups_of_servers_.emplace_back(ControlGroups::OfContainer(row.id, row.volume), engine);
    const std::string spare = services_.containers.GroupOfSpare(row.id);
    if (!spare.empty()) groups_of_servers_.emplace_back(spare, engine);
  }
}

void MachineNumbers::Rows(std::vector<Family>& families) const {
  Family containers = Gauge("spawnd_containers", "Data containers there are.");
  for (const auto& [key, count] : containers_) {
    Add(containers, {{"engine", key.first}, {"state", key.second}}, count);
  }
  Family pooled =
      Gauge("spawnd_pool_containers", "Data containers that were started ahead and are nobody's.");
  for (const auto& [key, count] : pooled_) {
    Add(pooled, {{"engine", key.first}, {"state", key.second}}, count);
  }
  Family images = Gauge("spawnd_images", "Data images there are.");
  for (const bool built_in : {false, true}) {
    for (const auto& [key, count] : built_in ? built_in_images_ : images_) {
      Add(images, {{"engine", key.first}, {"state", key.second}, {"built_in", built_in ? "true" : "false"}},
          count);
    }
  }
  families.push_back(std::move(containers));
  families.push_back(std::move(pooled));
  families.push_back(std::move(images));
  families.push_back(One("spawnd_uploads", "Uploads that no request has used yet.",
                         static_cast<double>(services_.uploads.Count())));
}

void MachineNumbers::Bytes(std::vector<Family>& families) {
  const StoreLayout& layout = services_.layout;
  const SpaceUse layers = account_.OfLayers();
  Family bytes =
      Gauge("spawnd_store_bytes", "What the state directory holds, by kind, as du counts.", "bytes");
  const auto add = [&bytes](std::string_view kind, int64_t value) {
    Add(bytes, {{"kind", std::string(kind)}}, static_cast<double>(value));
  };
  add("layers_shared", layers.shared_bytes);
  add("layers_unique", layers.unique_bytes);
  add("indexes", AllocatedBytes(layout.Images()));
  add("deltas", AllocatedBytes(layout.Containers()));
  add("builds", AllocatedBytes(layout.Builds()));
  add("logs", AllocatedBytes(layout.Logs()) + AllocatedBytes(layout.FailedLogs()));
  add("lost_and_found", AllocatedBytes(layout.LostAndFound()));
  add("catalog", CatalogBytes(layout));
  add("catalog_copies", CatalogCopyBytes(layout));
  add("imports", AllocatedBytes(layout.Imports()));
  add("reserve", FileBytes(layout.Reserve()));
  add("uploads", services_.uploads.Bytes());
  families.push_back(std::move(bytes));
}

void MachineNumbers::DiskUse(std::vector<Family>& families) const {
  const Disk& disk = services_.disk;
  const auto use = UseOfDisk(disk.StateDirectory());
  Family bytes = Gauge("spawnd_disk_bytes", "The disk of the state directory, as df counts.", "bytes");
  Family level =
      Gauge("spawnd_disk_level", "1 for how full it is: enough room, low, or none for anything new.");
  Family limit =
      Gauge("spawnd_disk_limit_ratio", "How full it may be before a warning, and for anything new.", "ratio");
  if (use) {
    Add(bytes, {{"state", "used"}}, static_cast<double>(use->used_bytes));
    Add(bytes, {{"state", "free"}}, static_cast<double>(use->free_bytes));
    const Disk::Level now = disk.LevelOf(use->Percent());
    Add(level, {{"level", "enough"}}, now == Disk::Level::kEnough ? 1 : 0);
    Add(level, {{"level", "low"}}, now == Disk::Level::kLow ? 1 : 0);
    Add(level, {{"level", "none"}}, now == Disk::Level::kNone ? 1 : 0);
  }
  Add(limit, {{"limit", "warn"}}, disk.WarnPercent() / 100.0);
  Add(limit, {{"limit", "refuse"}}, disk.RefusePercent() / 100.0);
  families.insert(families.end(), {bytes, level, limit});
}

void MachineNumbers::ControlGroupsUse(std::vector<Family>& families) const {
  std::map<std::string, api::Usage> by_engine;
  const bool enforced = services_.groups.Enforced();
  for (const auto& [group, engine] : groups_of_servers_) {
    if (!enforced) break;
    const api::Usage use = services_.groups.LookAt(group).usage;
    by_engine[engine].memory_bytes += use.memory_bytes;
    by_engine[engine].pids += use.pids;
  }
  Family memory = Gauge("spawnd_containers_memory_bytes",
                        "Memory of containers' servers, their page cache included.", "bytes");
  Family processes = Gauge("spawnd_containers_processes", "Processes and threads of containers' servers.");
  for (const auto& [engine, use] : by_engine) {
    Add(memory, {{"engine", engine}}, static_cast<double>(use.memory_bytes));
    Add(processes, {{"engine", engine}}, static_cast<double>(use.pids));
  }
  families.push_back(std::move(memory));
  families.push_back(std::move(processes));
  Family all = Gauge("spawnd_service_memory_bytes",
                     "Memory of spawnd with all containers and builds, their page cache included.", "bytes");
  Family cpu{{"spawnd_service_cpu_seconds", "Processor time of the same, since the service was started.",
              Type::kCounter, "seconds"},
             {}};
  Family kills{{"spawnd_service_oom_kills", "Processes of the same that the kernel killed for memory.",
                Type::kCounter},
               {}};
  if (enforced) {
    const api::Usage use = services_.groups.LookAtAll();
    Add(all, {}, static_cast<double>(use.memory_bytes));
    Add(cpu, {}, use.cpu_seconds);
    Add(kills, {}, static_cast<double>(use.oom_kills));
  }
  families.insert(families.end(), {all, cpu, kills});
}

void MachineNumbers::SingleContainers(std::vector<Family>& families) const {
  Family memory = Gauge("spawnd_container_memory_bytes", "Memory of a container's server.", "bytes");
  Family peak = Gauge("spawnd_container_memory_peak_bytes", "The most that it ever was.", "bytes");
  Family processes = Gauge("spawnd_container_processes", "Its processes and threads.");
  Family disk = Gauge("spawnd_container_disk_bytes", "What a container has written, on the disk.", "bytes");
  Family cpu{{"spawnd_container_cpu_seconds", "Processor time of its server.", Type::kCounter, "seconds"},
             {}};
  Family kills{
      {"spawnd_container_oom_kills", "Its processes that the kernel killed for memory.", Type::kCounter}, {}};
  for (const OneContainer& one : single_) {
    const Labels labels{{"container", std::to_string(one.id)}, {"name", one.name}, {"engine", one.engine}};
    Add(disk, labels, static_cast<double>(account_.OfFolder(one.id)));
    if (!services_.groups.Enforced()) continue;
    const api::Usage use = services_.groups.LookAt(one.group).usage;
    Add(memory, labels, static_cast<double>(use.memory_bytes));
    Add(peak, labels, static_cast<double>(use.memory_peak_bytes));
    Add(processes, labels, static_cast<double>(use.pids));
    Add(cpu, labels, use.cpu_seconds);
    Add(kills, labels, static_cast<double>(use.oom_kills));
  }
  families.insert(families.end(), {memory, peak, processes, disk, cpu, kills});
}

std::vector<Family> MachineNumbers::Measure() {
  std::vector<Family> families = std::move(looked_at_);
  Rows(families);
  Bytes(families);
  DiskUse(families);
  ControlGroupsUse(families);
  if (!single_.empty()) SingleContainers(families);
  for (Family& family : ReadProcess()) families.push_back(std::move(family));
  return families;
}

}  // namespace spawnd::daemon
