/// What the verbs work with. References only: serve.cc makes the parts, and says in which order they go.
/// Handlers alone know this struct; whatever they call is given what it uses.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "daemon/access/quotas.h"
#include "daemon/access/tokens.h"
#include "daemon/access/visibility.h"
#include "daemon/build/host.h"
#include "daemon/catalog/catalog.h"
#include "daemon/containers/bound_clients.h"
#include "daemon/containers/containers.h"
#include "daemon/doctor/doctor.h"
#include "daemon/events/event_streams.h"
#include "daemon/host/control_groups.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/ready_memory.h"
#include "daemon/http/server.h"
#include "daemon/images/builtin.h"
#include "daemon/images/images.h"
#include "daemon/logs/log_streams.h"
#include "daemon/loop/jobs.h"
#include "daemon/metrics/metrics.h"
#include "daemon/pool/pool.h"
#include "daemon/sources/sources.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "daemon/store/reserve.h"
#include "daemon/store/uploads.h"
#include "daemon/transfer/imports.h"

namespace spawnd::daemon {

struct QueueName {
  std::string_view name;
  Jobs& jobs;
};

struct Services {
  // Any thread.
  const StoreLayout& layout;
  const TeamMembers& teams;
  const Quotas& quotas;
  const Disk& disk;
  const EngineHost& engine_host;
  const ControlGroups& groups;
  BuildHost& build;  ///< for build jobs; with the ports and the installations
  Mailbox& mailbox;
  Jobs& builds;
  Jobs& launches;
  Jobs& questions;  ///< what may block for a moment: user names, disk usage
  LogStreams& logs;
  EventStreams& events;
  Uploads& uploads;
  Imports& imports;
  const DoctorSubject& doctor;
  const api::Version version;
  Metrics& metrics;
  const std::vector<QueueName> queues;  ///< all there are

  // Loop thread only.
  Catalog& catalog;
  SpaceReserve& reserve;
  Doorkeeper& doorkeeper;
  Containers& containers;
  BoundClients& bound_clients;
  Images& images;
  BuiltIns& built_ins;
  Pool& pool;
  Sources& sources;
  const ReadyMemory& ready_memory;
  const std::function<size_t(uid_t)> connections_of;
  const std::function<http::ConnectionCounts()> connections;
  /// To be called whenever an expiry has come into being or moved.
  const std::function<void()> expiries_changed;
};

}  // namespace spawnd::daemon
