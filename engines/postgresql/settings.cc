#include "engines/postgresql/settings.h"

#include "engines/postgresql/accounts.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/postgresql_engine.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr const char* kHbaFile = "pg_hba.conf";
constexpr const char* kIdentFile = "pg_ident.conf";

/// Before 14, password_encryption is md5 unless somebody changed it, so that a role which a user creates
/// there gets an MD5 hash, with which the method scram-sha-256 would never let it in. The method md5 takes
/// both: SCRAM for a role that has a SCRAM verifier (ours always has), MD5 for the others.
/// https://www.postgresql.org/docs/current/auth-password.html
const char* PasswordMethod(std::string_view version) {
  return MajorNumberOf(version) < 14 ? "md5" : "scram-sha-256";
}

}  // namespace

std::vector<SettingsFile> PostgresqlEngine::SettingsFiles(const Launch& launch) const {
  const std::string method = PasswordMethod(launch.installation.version);
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
  return {{kHbaFile, hba}, {kIdentFile, "# Written by spawnd before every start.\n"}};
}

Settings ForcedSettings(const Paths& paths, const Endpoint& endpoint, std::string_view version) {
  Settings settings{
      {"data_directory", paths.data_directory},
      {"hba_file", paths.settings_directory + "/" + kHbaFile},
      {"ident_file", paths.settings_directory + "/" + kIdentFile},
      // Empty would not be "none": the server tries to open a file of that name, and complains.
      {"external_pid_file", paths.socket_directory + "/server.pid"},
      {"listen_addresses", endpoint.host},
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
      {"min_wal_size", "32MB"},
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
