/// What can be looked at on this machine, as metrics: rows of the catalog, files, control groups, queues,
/// connections, the disk.
///
/// Look on the loop thread, which takes what is the loop's; then Measure on a job thread, because it reads
/// many files.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/rows.h"
#include "daemon/handlers/services.h"
#include "daemon/http/message.h"
#include "daemon/metrics/exposition.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {

/// Series of single containers: more than that are left out, those with the lowest numbers first.
inline constexpr size_t kMostContainerSeries = 500;

class MachineNumbers {
 public:
  /// Of single containers only those that `who` may see, and only when he wants them: the rest names nobody's
  /// things. `services` outlives this.
  static Result<MachineNumbers> Look(Services& services, const http::Caller& who, bool single_containers);
  std::vector<Family> Measure();

 private:
  struct OneContainer {
    int64_t id = 0;
    std::string name;
    std::string engine;
    std::string group;
  };
  /// (engine, state) and so on, to how many.
  using Tally = std::map<std::pair<std::string, std::string>, int>;

  explicit MachineNumbers(Services& services, SpaceAccount account)
      : services_(services), account_(std::move(account)) {}
  void Count(const std::vector<ContainerRow>& containers, const std::vector<ImageRow>& images);

  void Rows(std::vector<Family>& families) const;
  void Bytes(std::vector<Family>& families);
  void DiskUse(std::vector<Family>& families) const;
  void ControlGroupsUse(std::vector<Family>& families) const;
  void SingleContainers(std::vector<Family>& families) const;

  Services& services_;
  SpaceAccount account_;
  Tally containers_;
  Tally pooled_;
  Tally images_;
  Tally built_in_images_;
  std::vector<std::pair<int64_t, std::string>> engine_of_;  ///< of all containers
  /// Groups of all servers there are of containers, spares too, with their engine.
  std::vector<std::pair<std::string, std::string>> groups_of_servers_;
  std::vector<OneContainer> single_;
  std::vector<Family> looked_at_;  ///< what was there at once
};

}  // namespace spawnd::daemon
