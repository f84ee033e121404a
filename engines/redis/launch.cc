#include "engines/redis/launch.h"

#include <signal.h>

#include <algorithm>

#include "engines/connection_text.h"
#include "engines/redis/redis_engine.h"
#include "engines/settings.h"

namespace spawnd::engines::redis {
namespace {

constexpr const char* kForcedFile = "spawnd.conf";

/// Persistence is the append-only file alone. Snapshots beside it would write the whole data set again every
/// few minutes into the container's own blocks, and nothing would ever read them.
constexpr const char* kFirstSettings =
    R"(# Settings of this server; CONFIG REWRITE keeps what was changed with CONFIG SET here.
# spawnd decides at every start: address, port, password, folders, log, appendonly, appendfsync.
save ""
)";

/// $1: data directory, $2: redis.conf's first content.
constexpr const char* kFirstFilesScript = R"(set -eu
umask 077
printf %s "$2" >"$1/redis.conf"
)";

/// $1: data directory, $2: names of the server, best first, $3: see below, $4: the limit of memory among the
/// settings, the rest: arguments for it.
///
/// What was restored takes the place of the whole data set (placed_data.cc).
///
/// CONFIG REWRITE also writes the access list, in which `user default` would count more than requirepass
/// does; $3: which other users of it go, too.
///
/// Under a limit of memory that the data were never under, the first command would have keys evicted: the
/// first time the server starts without one, and PrepareContainer sets it when the data fit. No forks where
/// there is nothing to do: this is on the path of every create.
constexpr const char* kStartScript = R"(set -eu
data=$1 servers=$2 others=$3 limit=$4
shift 4
cd "$data"
if [ -d spawnd-restore ]; then
  rm -rf appendonlydir appendonly.aof dump.rdb
  mv spawnd-restore/* .
  rmdir spawnd-restore
fi
stale=
if [ -e redis.conf ]; then
  while IFS= read -r line; do
    case $line in 'user default '* | 'user  '* | $others) stale=1; break ;; esac
  done <redis.conf
else
  : >redis.conf
fi
if [ -n "$stale" ]; then
  grep -v -e '^user default ' -e '^user  ' -e "^${others%\*}" redis.conf >redis.conf.new || [ $? = 1 ]
  mv redis.conf.new redis.conf
fi
known=
if [ -e spawnd-maxmemory ]; then read -r known <spawnd-maxmemory || :; fi
if [ "$known" != "$limit" ]; then
  printf '%s\n' "$limit" >spawnd-maxmemory
  [ -z "$limit" ] || set -- "$@" --maxmemory 0
fi
for server in $servers; do [ ! -x "$server" ] || break; done
exec "$server" "$data/redis.conf" "$@"
)";

Command ShellCommand(const char* script, std::vector<std::string> arguments) {
  Command command;
  command.argv = {"/bin/sh", "-c", script, "redis"};
  for (std::string& argument : arguments) command.argv.push_back(std::move(argument));
  command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  command.working_directory = "/";
  return command;
}

/// Passwords of ours are letters and digits: nothing to quote.
std::string OwnersAccessList(const Launch& launch) {
  std::string text = "aclfile \"\"\nuser default on >" + launch.credentials.password + " ~* &*";
  for (const std::string_view rule : OwnerRules()) text.append(" ").append(rule);
  return text + "\nuser " + std::string(kKeeper) + " on >" + launch.keeper_password + " ~* &* +@all\n";
}

/// For the server that makes an image, and nothing of it outlasts that one. A limit of memory would have keys
/// evicted, or refused, while they are restored: whether the data fit is looked at at the end (session.cc).
/// Whoever restores may change access lists as he likes; a command that is not there he cannot give back.
std::string BuildSettings() {
  std::string text = "maxmemory 0\n";
  for (const std::string_view command : NotInBuilds()) {
    text.append("rename-command ").append(command).append(" \"\"\n");
  }
  // A revision of a replica would follow its master again, and lose what it was saved for.
  return text + "replicaof no one\n";
}

/// Empty: none. The server of a build has none in any case.
std::string LimitOfMemory(const Launch& launch) {
  std::string limit;
  if (launch.purpose == Purpose::kBuild) return limit;
  for (const auto& [name, value] : launch.settings) {
    if (SettingName(name) == "maxmemory") limit = value;
  }
  return limit;
}

std::string ForcedSettings(const Launch& launch) {
  std::string text = "# Written by spawnd before every start. First the image's and the container's own.\n";
  // As they would stand in redis.conf: several words are several arguments.
  for (const auto& [name, value] : launch.settings) {
    std::string known = SettingName(name);
    std::replace(known.begin(), known.end(), '_', '-');
    // Lines of it add up, also with those that CONFIG REWRITE made of them.
    if (known == "save") text += "save \"\"\n";
    text.append(known).append(" ").append(value.empty() ? "\"\"" : value).append("\n");
  }
  const auto set = [&text](const char* name, const std::string& value) {
    // Redis reads a quoted value with \ as C does; none of these has a control character.
    text.append(name).append(" \"");
    for (const char c : value) text.append(c == '"' || c == '\\' ? "\\" : "").append(1, c);
    text.append("\"\n");
  };
  // One value a word: each in quotes of its own.
  text += "bind " + JoinAddresses(launch.endpoint, " ") + "\n";
  const std::string port = std::to_string(launch.endpoint.port);
  set("port", launch.require_tls ? "0" : port);
  set("tls-port", launch.require_tls ? port : "0");
  if (launch.require_tls) {
    set("tls-cert-file", launch.paths.tls_certificate);
    set("tls-key-file", launch.paths.tls_key);
    set("tls-auth-clients", "no");
  }
  set("unixsocket", SocketPath(launch.paths));
  set("unixsocketperm", "700");
  if (launch.credentials.superuser) {
    set("requirepass", launch.credentials.password);
  } else {
    text += OwnersAccessList(launch);
  }
  set("protected-mode", "yes");
  set("daemonize", "no");
  set("supervised", "no");
  set("pidfile", "");
  set("logfile", "");
  set("syslog-enabled", "no");
  set("loglevel", "notice");
  set("dir", launch.paths.data_directory);
  set("appendonly", "yes");
  set("appendfilename", "appendonly.aof");
  set("aof-use-rdb-preamble", "yes");
  set("appendfsync", launch.durable ? "always" : "everysec");
  if (launch.purpose == Purpose::kBuild) text += BuildSettings();
  return text;
}

}  // namespace

std::string ServerPrograms(const Product& product, const Paths& paths) {
  std::string programs;
  for (const std::string_view one : product.server_programs) {
    programs.append(programs.empty() ? "" : " ").append(paths.engine_root).append("/").append(one);
  }
  return programs;
}

std::string SocketPath(const Paths& paths) {
  return paths.socket_directory + "/redis.sock";
}

const std::vector<std::string_view>& NotInBuilds() {
  static const std::vector<std::string_view> commands{"REPLICAOF", "SLAVEOF", "CLUSTER",
                                                      "FAILOVER",  "MIGRATE", "SHUTDOWN"};
  return commands;
}

const std::vector<std::string_view>& OwnerRules() {
  // Of what is only dangerous to data, and to the speed of who asks, he has all. 6.2 has CLIENT as one
  // command.
  static const std::vector<std::string_view> rules{"+@all",
                                                   "-@admin",
                                                   "-@dangerous",
                                                   "+keys",
                                                   "+flushall",
                                                   "+flushdb",
                                                   "+swapdb",
                                                   "+sort",
                                                   "+info",
                                                   "+role",
                                                   "+client|list",
                                                   "+client|setname",
                                                   "+client|getname",
                                                   "+client|id",
                                                   "+client|info",
                                                   "+client|reply",
                                                   "+client|tracking",
                                                   "+client|caching",
                                                   "+client|unblock",
                                                   "+client|getredir",
                                                   "+client|trackinginfo"};
  return rules;
}

Command RedisEngine::InitialiseCommand(const Launch& launch) const {
  return ShellCommand(kFirstFilesScript, {launch.paths.data_directory, kFirstSettings});
}

std::vector<SettingsFile> RedisEngine::SettingsFiles(const Launch& launch) const {
  return {{kForcedFile, ForcedSettings(launch)}};
}

Command RedisEngine::StartCommand(const Launch& launch) const {
  // A login that a superuser made is not to outlive him.
  const char* others = launch.credentials.superuser ? "none" : "user *";
  return ShellCommand(kStartScript, {launch.paths.data_directory, ServerPrograms(product_, launch.paths),
                                     others, LimitOfMemory(launch), "--include",
                                     launch.paths.settings_directory + "/" + kForcedFile});
}

int RedisEngine::StopSignal() const {
  // Writes the append-only file out and syncs it.
  return SIGTERM;
}

}  // namespace spawnd::engines::redis
