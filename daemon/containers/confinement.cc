#include "daemon/containers/confinement.h"

#include "api/resource_limits.h"

namespace spawnd::daemon {

api::Limits LimitsOf(const ContainerRow& container, const ImageRow& image, const EngineHost& host) {
  return api::Overlay(container.limits, api::Overlay(image.limits, host.limits));
}

int64_t SleepAfterOf(const ContainerRow& container, const ImageRow& image, const EngineHost& host) {
  if (container.sleep_after >= 0) return container.sleep_after;
  return image.sleep_after >= 0 ? image.sleep_after : host.sleep_after;
}

api::Confinement ConfinementFrom(const KeeperStarted& started, const EngineHost& host) {
  api::Confinement confinement;
  confinement.user = started.engine_uid == host.uid ? "shared" : "own";
  confinement.user_id = started.engine_uid;
  confinement.limits = started.limited ? "enforced" : "none";
  confinement.oom_score = started.oom_score ? "set" : "none";
  confinement.io_flusher = started.io_flusher ? "set" : "none";
  return confinement;
}

std::vector<std::string> MissingOf(const api::Confinement& confinement) {
  std::vector<std::string> missing;
  if (confinement.user == "shared") {
    missing.emplace_back(
        "all containers run as one user: this kernel cannot show a volume's files as another user's");
  }
  if (confinement.oom_score == "none") {
    missing.emplace_back(
        "keepers are killed like others when memory runs out: their OOM score cannot be set");
  }
  if (confinement.io_flusher == "none") {
    missing.emplace_back(
        "keepers may wait for memory that only their own writes free: PR_SET_IO_FLUSHER is refused");
  }
  return missing;
}

}  // namespace spawnd::daemon
