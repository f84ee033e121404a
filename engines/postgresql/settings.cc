#include "engines/postgresql/settings.h"

#include <array>

#include "engines/connection_text.h"
#include "engines/postgresql/accounts.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/settings.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr const char* kHbaFile = "pg_hba.conf";
constexpr const char* kIdentFile = "pg_ident.conf";
constexpr const char* kConfigFile = "postgresql.conf";

/// Of places, addresses and certificates, and of the log: ForcedSettings gives them. The others run programs,
/// which a user without superuser may not, lead to other files, or have every commit wait for ever.
constexpr std::array<std::string_view, 33> kRefused{"data_directory",
                                                    "config_file",
                                                    "hba_file",
                                                    "ident_file",
                                                    "external_pid_file",
                                                    "listen_addresses",
                                                    "port",
                                                    "unix_socket_directories",
                                                    "unix_socket_group",
                                                    "unix_socket_permissions",
                                                    "bonjour",
                                                    "bonjour_name",
                                                    "ssl",
                                                    "ssl_cert_file",
                                                    "ssl_key_file",
                                                    "ssl_ca_file",
                                                    "ssl_crl_file",
                                                    "ssl_crl_dir",
                                                    "ssl_passphrase_command",
                                                    "logging_collector",
                                                    "log_destination",
                                                    "lc_messages",
                                                    "dynamic_shared_memory_type",
                                                    "recovery_init_sync_method",
                                                    "include",
                                                    "include_if_exists",
                                                    "include_dir",
                                                    "archive_command",
                                                    "archive_library",
                                                    "restore_command",
                                                    "archive_cleanup_command",
                                                    "recovery_end_command",
                                                    "synchronous_standby_names"};

/// With the method scram-sha-256 a role whose password is an MD5 hash could never log in: dumps of older
/// servers bring such roles, and servers before 14 make them. This one takes both: SCRAM, and nothing else,
/// for a role that has a SCRAM verifier (ours always has), MD5 for the others.
/// https://www.postgresql.org/docs/current/auth-password.html
constexpr const char* kPasswordMethod = "md5";

}  // namespace

std::string QuotedSetting(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) quoted.append(c == '\'' || c == '\\' ? 2 : 1, c);
  return quoted + "'";
}

std::vector<std::string_view> PostgresqlEngine::RefusedSettings() const {
  return {kRefused.begin(), kRefused.end()};
}

std::string PostgresqlEngine::WhyRefused(std::string_view setting) const {
  const auto begins = [&](std::string_view part) { return setting.starts_with(part); };
  if (setting == "port" || setting == "listen_addresses")
    return "`--port` and the daemon's `host` decide it.";
  if (begins("ssl"))
    return "Every server has a certificate of its own; `tls: true` has it take nothing else.";
  if (begins("include")) return "Name the settings themselves.";
  if (begins("log") || setting == "lc_messages") return "`spawnctl logs` has the server's log.";
  if (begins("archive") || begins("re") || setting == "synchronous_standby_names") {
    return "A container has no archive and no standby.";
  }
  return "";
}

std::vector<SettingsFile> ServerFiles(const Launch& launch) {
  const std::string method = kPasswordMethod;
  std::string hba = "# Written by spawnd before every start.\n";
  // The socket's folder is 0700 and exists in this container only: whoever can reach it is the container
  // itself.
  const std::string superuser = kSuperuser;
  std::vector<std::string> databases{"all"};
  if (launch.credentials.superuser) {
    hba += "local all all trust\nlocal replication all trust\n";
    databases.emplace_back("replication");
  } else {
    // A restore may have given the superuser a password. Replication hands out the server's files.
    hba += "local all " + superuser + " trust\nhost all " + superuser + " all reject\n";
  }
  for (const std::string& database : databases) {
    if (!launch.require_tls) {
      for (const char* loopback : {" all 127.0.0.0/8 ", " all ::1/128 "})
        hba += "host " + database + loopback + method + "\n";
    }
    // From elsewhere with TLS only. Nobody from elsewhere reaches a server that listens on loopback.
    hba += "hostssl " + database + " all all " + method + "\n";
  }
  std::vector<SettingsFile> files{{kHbaFile, hba}, {kIdentFile, "# Written by spawnd before every start.\n"}};
  if (launch.settings.empty()) return files;
  std::string config = "# Written by spawnd before every start.\ninclude_if_exists " +
                       QuotedSetting(launch.paths.data_directory + "/" + kConfigFile) + "\n";
  for (const auto& [name, value] : launch.settings) {
    config += SettingName(name) + " = " + QuotedSetting(value) + "\n";
  }
  files.push_back({kConfigFile, std::move(config)});
  return files;
}

bool HasOwnConfigFile(const Launch& launch) {
  return !launch.settings.empty() || launch.purpose == Purpose::kFollow;
}

std::string ConfigFile(const Launch& launch) {
  return (HasOwnConfigFile(launch) ? launch.paths.settings_directory : launch.paths.data_directory) + "/" +
         kConfigFile;
}

Settings ForcedSettings(const Paths& paths, const Endpoint& endpoint, std::string_view version) {
  Settings settings{
      {"data_directory", paths.data_directory},
      {"hba_file", paths.settings_directory + "/" + kHbaFile},
      {"ident_file", paths.settings_directory + "/" + kIdentFile},
      // Empty would not be "none": the server tries to open a file of that name, and complains.
      {"external_pid_file", paths.socket_directory + "/server.pid"},
      {"listen_addresses", JoinAddresses(endpoint, ",")},
      {"port", std::to_string(endpoint.port)},
      {"unix_socket_directories", paths.socket_directory},
      {"unix_socket_group", ""},
      {"unix_socket_permissions", "0700"},
      {"bonjour", "off"},
      {"ssl", "on"},
      {"ssl_cert_file", paths.tls_certificate},
      {"ssl_key_file", paths.tls_key},
      {"ssl_ca_file", ""},
      {"ssl_crl_file", ""},
      // The keeper keeps the log and reads its last lines in English (explain_exit.cc).
      {"logging_collector", "off"},
      {"log_destination", "stderr"},
      {"lc_messages", "C"},
      // Segments of the container's own IPC namespace: they go with it. The default, files in /dev/shm, would
      // stay behind on the host after a kill -9.
      {"dynamic_shared_memory_type", "sysv"},
  };
  // Before it recovers from a crash, which every reset looks like to it, the server syncs all its files one
  // by one: a thousand of them in an empty database. The volume has nothing but them, and one call does the
  // same.
  if (MajorNumberOf(version) >= 14) settings.emplace_back("recovery_init_sync_method", "syncfs");
  return settings;
}

Settings BuildSettings(std::string_view version) {
  Settings settings{
      {"fsync", "off"},
      {"full_page_writes", "off"},
      {"synchronous_commit", "off"},
      {"checkpoint_timeout", "1h"},
      // It would start in the middle of a restore and be stopped by its end; what it does is done for every
      // table at the end (Session::PrepareImage).
      {"autovacuum", "off"},
      {"maintenance_work_mem", "256MB"},
  };
  if (MajorNumberOf(version) >= 12) {
    settings.emplace_back("wal_init_zero", "off");
    settings.emplace_back("wal_recycle", "off");
  }
  return settings;
}

}  // namespace spawnd::engines::postgresql
