/// What image builds use of the daemon. Made by serve.cc, outlives every build.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace spawnd::daemon {

class Catalog;
class ControlGroups;
class Disk;
class Images;
class Installations;
class KeeperLauncher;
class KeyGuards;
class Mailbox;
class Metrics;
class Ports;
class StoreLayout;
struct EngineHost;

struct BuildHost {
  // Loop thread only: builds ask it by the mailbox.
  Catalog& catalog;
  Images& images;

  // Any thread.
  Mailbox& mailbox;
  const StoreLayout& layout;
  const Disk& disk;
  const EngineHost& engine_host;
  const ControlGroups& groups;
  Ports& ports;
  Installations& installations;
  KeeperLauncher& launcher;
  KeyGuards& empty_images;  ///< one builder of an engine version's empty state at a time
  uint64_t volume_bytes;    ///< of a new image's volume
  /// Registry names: which engine stands in for one of which no version is installed.
  std::map<std::string, std::string> engine_fallbacks;
  Metrics& metrics;
};

}  // namespace spawnd::daemon
