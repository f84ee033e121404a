/// What the parts of a running daemon share. Made by serve.cc, which says in which order it is taken down;
/// lives on the loop thread for as long as the loop runs.
#pragma once

#include <sys/types.h>

#include <memory>
#include <stop_token>
#include <string>

#include "daemon/access/visibility.h"
#include "daemon/catalog/catalog.h"
#include "daemon/config.h"
#include "daemon/containers/ports.h"
#include "daemon/http/listen_socket.h"
#include "daemon/images/installations.h"
#include "daemon/keeper/launcher.h"
#include "daemon/loop/jobs.h"
#include "daemon/loop/key_guards.h"
#include "daemon/store/layout.h"
#include "daemon/store/reserve.h"
#include "daemon/store/tls_certificate.h"

typedef struct uv_loop_s uv_loop_t;

namespace spawnd::daemon {

class AccessTokens;
class Containers;
class Images;
class LogStreams;
class Reaper;
class Space;

struct EngineUser {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// How many jobs of each kind run at once; more wait in line.
inline constexpr size_t kLaunchThreads = 32;   ///< each waits for one keeper: a whole wave of creates at once
inline constexpr size_t kBuildThreads = 8;     ///< image builds
inline constexpr size_t kRemovalThreads = 8;   ///< killing keepers and removing files
inline constexpr size_t kQuestionThreads = 2;  ///< answering get: disk usage, user names

struct DaemonState {
  DaemonState(Config config, StoreLayout layout);
  DaemonState(const DaemonState&) = delete;
  DaemonState& operator=(const DaemonState&) = delete;
  ~DaemonState();

  // Any thread; the first ones never change after start.
  const Config config;
  const StoreLayout layout;
  EngineUser engine_user;
  SocketAccess socket_access;
  TlsCertificate tls;
  Ports ports;
  Installations installations;
  const TeamMembers teams;
  KeyGuards empty_images;  ///< one builder of an engine version's empty state at a time
  std::unique_ptr<KeeperLauncher> launcher;
  std::unique_ptr<Mailbox> mailbox;

  // Loop thread only.
  uv_loop_t* loop = nullptr;
  SpaceReserve reserve;
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<AccessTokens> tokens;
  std::unique_ptr<Containers> containers;
  std::unique_ptr<Images> images;
  std::unique_ptr<Space> space;
  std::unique_ptr<Reaper> reaper;

  // Run may be called from any thread. Ended before anything above goes: their jobs refer to it.
  std::unique_ptr<Jobs> launches;
  std::unique_ptr<Jobs> builds;
  std::unique_ptr<Jobs> removals;
  std::unique_ptr<Jobs> questions;
  std::unique_ptr<LogStreams> logs;  ///< null once the daemon stops, when nobody asks any more
};

}  // namespace spawnd::daemon
