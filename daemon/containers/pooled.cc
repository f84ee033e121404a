/// Containers that were started before somebody asked: what Containers does beside the machine's actions when
/// one of them becomes somebody's.
#include <spdlog/spdlog.h>

#include "daemon/containers/containers.h"
#include "daemon/containers/life.h"
#include "daemon/loop/mailbox.h"

namespace spawnd::daemon {

Result<ContainerRow> Containers::HandOver(const ContainerRow& wanted) {
  const auto found = lives_.find(wanted.id);
  // The catalog may say that it runs for a moment longer than it does.
  const bool runs = found != lives_.end() && found->second->row.pooled && found->second->link &&
                    found->second->machine.State() == ContainerState::kRunning;
  if (stopping_ || !runs) return Fail(ErrorCode::kUnavailable, "the pooled container does not run");
  ContainerRow row = found->second->row;
  row.name = wanted.name;
  row.owner = wanted.owner;
  row.image_reference = wanted.image_reference;
  row.client = wanted.client;
  row.limits = wanted.limits;
  row.created_at = wanted.created_at;
  row.expires_at = wanted.expires_at;
  row.sleep_after = wanted.sleep_after;
  row.idle_delete = wanted.idle_delete;
  row.spare = wanted.spare;
  row.ready_milliseconds = wanted.ready_milliseconds;
  row.timings = wanted.timings;
  row.detail.clear();
  row.pooled = false;
  row.started_ahead = true;
  TRY(uses_.catalog.containers.HandOver(row));
  found->second->row = row;
  if (row.spare) uses_.mailbox.Post([this, id = row.id] { ConsiderSpare(id); });
  spdlog::info("container {} ('{}') of image {} was started ahead", row.id, row.name, row.image_id);
  return row;
}

}  // namespace spawnd::daemon
