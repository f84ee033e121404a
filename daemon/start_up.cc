#include "daemon/start_up.h"

#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/accounts.h"
#include "daemon/log.h"

namespace spawnd::daemon {
namespace {

/// Threads of ours are many and idle; without this each could claim a heap of its own.
constexpr int kHeaps = 2;

Result<void> CheckUserRange(const Config& config) {
  const auto holder = spawnd::HolderOf(config.first_user, config.last_user);
  if (!holder) return {};
  return Fail(ErrorCode::kInUse,
              fmt::format("the users {}-{} are for engines, but {} has some of them", config.first_user,
                          config.last_user, *holder),
              "Name a range of 65536 that nobody has as userRange in spawnd.yaml.");
}

}  // namespace

void HoldReload(bool hold) {
  sigset_t hang_up;
  ::sigemptyset(&hang_up);
  ::sigaddset(&hang_up, SIGHUP);
  ::pthread_sigmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &hang_up, nullptr);
}

void SetUpProcess() {
  StartLogging();
  ::signal(SIGPIPE, SIG_IGN);
  HoldReload(true);
  // Whatever is made without an explicit mode is nobody else's business.
  ::umask(0077);
  ::mallopt(M_ARENA_MAX, kHeaps);
  // One descriptor watches each container, and every connection is one.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

Result<void> CheckRoot() {
  if (::geteuid() == 0) return {};
  return Fail(ErrorCode::kForbidden, "spawnd needs root to mount volumes and to start engines",
              "Start it with sudo, or as the systemd service spawnd.service.");
}

Result<EngineHost> FindEngineHost(const Config& config) {
  const std::string& name = config.engine_user;
  TRY_ASSIGN(const auto user, UserNamed(name));
  if (!user) {
    return Fail(ErrorCode::kNotFound, "there is no user '" + name + "' for engines to run as",
                "Make it with `sudo useradd --system --shell /usr/sbin/nologin " + name +
                    "`, or name another one as engineUser in spawnd.yaml.");
  }
  if (user->uid == 0) {
    return Fail(ErrorCode::kInvalidArgument, "engines cannot run as root",
                "Name an unprivileged user as engineUser in spawnd.yaml.");
  }
  TRY(CheckUserRange(config));
  return EngineHost{config.host, user->uid, user->gid, config.first_user, config.advertised_host};
}

ConfigFile ConfigFileOf(const std::string& named) {
  return named.empty() ? ConfigFile{kDefaultConfigPath, false} : ConfigFile{named, true};
}

}  // namespace spawnd::daemon
