/// /etc/spawnd/spawnd.yaml: what the administrator of the machine decides. Read at start, and again at SIGHUP
/// (daemon/reload.h). Functions without state, safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "daemon/access/quotas.h"
#include "daemon/access/team.h"
#include "daemon/events/webhook_setting.h"

namespace spawnd::daemon {

inline constexpr const char* kDefaultConfigPath = "/etc/spawnd/spawnd.yaml";

/// Of this machine.
api::Limits BuiltInLimits();

/// What is made ready before somebody asks, and what of it is put to sleep.
struct ReadyAhead {
  int64_t default_warm = 1;  ///< "defaultWarm": containers kept started of an image that was lately used
  /// "readyMemory": what pools, spares and what may sleep may take together; 0: an eighth of the
  /// machine's.
  uint64_t memory_bytes = 0;
  int64_t sleep_after = 0;  ///< "sleepAfter": seconds without a connection; 0: never
  bool operator==(const ReadyAhead&) const = default;
};

/// `memory_bytes`, or what stands for it on this machine.
int64_t ReadyMemoryOf(const ReadyAhead& ready);

struct Config {
  std::vector<std::string> engine_search_paths;  ///< absolute; folders that hold installations
  bool engine_usual_places = true;               ///< where packages put them is searched as well
  uint16_t first_port = 20'000;                  ///< "portRange: 20000-29999", both ends included
  uint16_t last_port = 29'999;
  std::string engine_user = "spawnd";  ///< system user that owns the files of volumes
  /// "userRange: 1879048192-1879113727": each container's engine runs as the first of them plus its port.
  uint32_t first_user = 1'879'048'192;
  uint32_t last_user = 1'879'113'727;
  uint64_t volume_bytes = uint64_t{64} << 30U;  ///< of a new image's volume; multiple of storage::kChunkSize
  std::string host = "127.0.0.1";               ///< numeric address that engines listen on
  std::vector<std::string> also_listen{};       ///< further ones: "listen:" has them all, the first is `host`
  std::string advertised_host{};                ///< name or address that clients are told; empty: `host`
  bool host_network = false;                    ///< "network: host": engines reach what the host does
  /// Of a container that says nothing else, nor its image. The built-in ones let no container take the
  /// machine down with it: three quarters of its memory, and 4096 processes.
  api::Limits limits = BuiltInLimits();
  /// How full the state directory's disk is, as `df` counts, when it is time to warn, and to refuse new work.
  int disk_warn_percent = 80;
  int disk_refuse_percent = 90;
  std::map<std::string, Team> teams;
  Publishers publishers;
  Team importers;               ///< "imports": who may import images, besides root
  bool require_masked = false;  ///< "requireMasked": images that are not masked are shared with nobody
  QuotaSettings quotas;
  std::vector<WebhookSetting> webhooks;
  /// Registry names: which engine stands in for one of which no version is installed.
  std::map<std::string, std::string> engine_fallbacks;
  /// Keys of licences (Engine::LicenceKey) that the administrator accepts.
  std::set<std::string> accepted_licences;
  ReadyAhead ready_ahead;
};

/// `name` is for messages. kInvalidArgument: "<name>, line 3: unknown key 'portrange' (did you mean
/// 'portRange'?)".
Result<Config> ParseConfig(std::string_view yaml, std::string_view name);

/// Reads `path`; a missing file is kNotFound when `must_exist`, else the defaults.
Result<Config> LoadConfig(const std::string& path, bool must_exist);

/// Names of the keys that say something else in `wanted` and take effect at the next start of the daemon
/// only: all but the teams, the publishers, who imports, requireMasked, the quotas, the webhooks and the
/// limits of the disk.
std::vector<std::string> KeysForNextStart(const Config& now, const Config& wanted);

}  // namespace spawnd::daemon
