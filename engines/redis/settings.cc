#include "engines/settings.h"

#include <algorithm>
#include <array>

#include "engines/redis/launch.h"
#include "engines/redis/redis_engine.h"

namespace spawnd::engines::redis {

namespace {

/// Places, addresses and certificates; who may log in; what a restart has to find again, and what would
/// undo the server's own protections (CONFIG SET dir, DEBUG, MODULE LOAD) or reach out.
constexpr std::array<std::string_view, 54> kRefused{"bind",
                                                    "bind_source_addr",
                                                    "port",
                                                    "unixsocket",
                                                    "unixsocketperm",
                                                    "protected_mode",
                                                    "tls_port",
                                                    "tls_cert_file",
                                                    "tls_key_file",
                                                    "tls_key_file_pass",
                                                    "tls_client_cert_file",
                                                    "tls_client_key_file",
                                                    "tls_client_key_file_pass",
                                                    "tls_ca_cert_file",
                                                    "tls_ca_cert_dir",
                                                    "tls_dh_params_file",
                                                    "tls_auth_clients",
                                                    "tls_cluster",
                                                    "tls_replication",
                                                    "requirepass",
                                                    "user",
                                                    "aclfile",
                                                    "masteruser",
                                                    "masterauth",
                                                    "primaryuser",
                                                    "primaryauth",
                                                    "rename_command",
                                                    "include",
                                                    "dir",
                                                    "dbfilename",
                                                    "appendonly",
                                                    "appendfsync",
                                                    "appendfilename",
                                                    "appenddirname",
                                                    "aof_use_rdb_preamble",
                                                    "preload_file",
                                                    "daemonize",
                                                    "supervised",
                                                    "pidfile",
                                                    "logfile",
                                                    "loglevel",
                                                    "syslog_enabled",
                                                    "syslog_ident",
                                                    "syslog_facility",
                                                    "sentinel",
                                                    "replicaof",
                                                    "slaveof",
                                                    "cluster_enabled",
                                                    "cluster_config_file",
                                                    "cluster_port",
                                                    "loadmodule",
                                                    "enable_protected_configs",
                                                    "enable_debug_command",
                                                    "enable_module_command"};

}  // namespace

std::vector<std::string_view> RefusedNames() {
  return {kRefused.begin(), kRefused.end()};
}

std::vector<std::string_view> RedisEngine::RefusedSettings() const {
  return RefusedNames();
}

std::string RedisEngine::WhyRefused(std::string_view setting) const {
  if (setting == "replicaof" || setting == "slaveof" || setting.starts_with("cluster_")) {
    return "A container has no network: it can follow no other server and be in no cluster.";
  }
  if (setting == "appendonly" || setting == "appendfsync") {
    return "`durability` decides how soon data is safe: everysec or always.";
  }
  if (setting == "requirepass" || setting == "user" || setting == "aclfile") {
    return "Each container has a password of its own; `get data-container -o env` shows it.";
  }
  if (setting == "loadmodule") return "Servers are started without modules.";
  if (setting.starts_with("tls_")) return "`tls: true` makes containers take TLS connections only.";
  return {};
}

}  // namespace spawnd::engines::redis
