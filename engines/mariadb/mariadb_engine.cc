#include "engines/mariadb/mariadb_engine.h"

#include <utility>

#include "engines/mysql_family/dump/collations.h"
#include "engines/mysql_family/launch.h"
#include "engines/mysql_family/least_privilege.h"
#include "engines/version.h"

namespace spawnd::engines::mariadb {
namespace {

using mysql_family::FindProgram;
using mysql_family::SeriesOf;

/// Accounts are in mysql.global_priv from there on, and ALTER USER knows all that is needed.
constexpr std::string_view kOldest = "10.4";

const std::vector<std::string>& Installers() {
  static const std::vector<std::string> programs{"bin/mariadb-install-db", "scripts/mariadb-install-db",
                                                 "bin/mysql_install_db", "scripts/mysql_install_db"};
  return programs;
}

std::string VersionOf(std::string_view says) {
  return says.find("MariaDB") == std::string_view::npos ? "" : mysql_family::VersionAfterVer(says);
}

std::string ProblemOf(const Installation& installation) {
  if (VersionLess(installation.version, kOldest)) return "older than MariaDB " + std::string(kOldest);
  return FindProgram(installation.root, Installers()).empty()
             ? "'" + installation.root + "/" + Installers().front() + "' is missing"
             : "";
}

std::vector<std::string> Initialise(const Launch& launch, const std::string& data) {
  return {mysql_family::ProgramInContainer(launch, Installers()), "--no-defaults",
          "--basedir=" + launch.paths.engine_root, "--datadir=" + data,
          // One superuser, of the private socket, in place of one for each name that this host has.
          "--auth-root-authentication-method=socket", "--auth-root-socket-user=root", "--skip-test-db",
          "--skip-name-resolve", "--innodb-flush-method=nosync"};
}

std::vector<std::string> Options(const Launch& /*launch*/) {
  // The file of temporary tables is written in full at every start, 12 MiB by default.
  std::vector<std::string> options{"--aria-pagecache-buffer-size=16M",
                                   "--innodb-temp-data-file-path=ibtmp1:1M:autoextend"};
  return options;
}

std::vector<std::string> Forced(const Launch& launch) {
  // What a restore brought of a replication is not taken up again.
  std::vector<std::string> options{"--skip-slave-start"};
  // While a backup is restored, its statements read and write no files but there. It has no NULL for nowhere.
  if (launch.purpose == Purpose::kBuild) {
    options.push_back("--secure-file-priv=" + mysql_family::TemporaryDirectory(launch.paths));
  }
  return options;
}

std::vector<std::string> TakeRights(std::string_view /*version*/) {
  std::vector<std::string> statements{
      "UPDATE mysql.global_priv SET Priv = JSON_SET(Priv, '$.access', 0) WHERE User <> 'root' OR Host <> "
      "'localhost'"};
  for (std::string& more : mysql_family::TakeRightsInSystemDatabases()) statements.push_back(std::move(more));
  return statements;
}

std::vector<std::string_view> LackingModes(std::string_view /*installed*/) {
  return {"TIME_TRUNCATE_FRACTIONAL"};
}

std::vector<std::string> TlsOptions(std::string_view mode) {
  if (mode == "disable") return {"--skip-ssl"};
  if (mode == "require") return {"--ssl"};
  if (mode == "verify-ca" || mode == "verify-full") return {"--ssl", "--ssl-verify-server-cert"};
  return {};
}

bool TakesSystemTables(std::string_view dump_server, std::string_view installed) {
  return dump_server.find("MariaDB") != std::string_view::npos && !VersionLess(dump_server, kOldest) &&
         !VersionLess(SeriesOf(installed), SeriesOf(dump_server));
}

}  // namespace

const mysql_family::Product& MariadbProduct() {
  static const mysql_family::Product product{
      .name = "mariadb",
      .display_name = "MariaDB",
      .jdbc_scheme = "jdbc:mariadb",
      .jdbc_tls = "sslMode=trust",
      .server_programs = {"bin/mariadbd", "sbin/mariadbd", "bin/mysqld", "sbin/mysqld"},
      .client_programs = {"bin/mariadb", "bin/mysql"},
      .dump_programs = {"bin/mariadb-dump", "bin/mysqldump"},
      .dump_options = {},
      .client_install_hint = "Install it: apt install mariadb-client mariadb-backup.",
      .tls_options = TlsOptions,
      .backup_programs = {"bin/mariadb-backup", "bin/mariabackup"},
      .stream_programs = {"bin/mbstream"},
      .backup_install_hint = "Install it with `apt install mariadb-backup`.",
      .package_folders = {"/usr", "/usr/local", "/usr/local/mysql", "/usr/local/mariadb", "/opt/mariadb"},
      .version_of = VersionOf,
      .problem_of = ProblemOf,
      .initialise = Initialise,
      .options = Options,
      .forced = Forced,
      .several_addresses_since = "10.11",
      .initial_settings = {"innodb_page_size", "innodb_data_file_path", "innodb_undo_tablespaces"},
      .take_rights = TakeRights,
      .takes_system_tables = TakesSystemTables,
      .lacking_modes = LackingModes,
      .replace_collation = mysql_family::CollationForMariadb,
      .storage_engines = {"INNODB", "MYISAM", "MRG_MYISAM", "MERGE", "MEMORY", "HEAP", "CSV", "ARIA",
                          "SEQUENCE", "PERFORMANCE_SCHEMA"},
      .engine_libraries = {{"ARCHIVE", "ha_archive.so"},
                           {"BLACKHOLE", "ha_blackhole.so"},
                           {"FEDERATED", "ha_federatedx.so"},
                           {"ROCKSDB", "ha_rocksdb.so"},
                           {"SPIDER", "ha_spider.so"},
                           {"CONNECT", "ha_connect.so"},
                           {"MROONGA", "ha_mroonga.so"},
                           {"OQGRAPH", "ha_oqgraph.so"},
                           {"SPHINX", "ha_sphinx.so"},
                           {"S3", "ha_s3.so"},
                           {"COLUMNSTORE", "ha_columnstore.so"}},
  };
  return product;
}

std::string_view MariadbEngine::InstallHint() const {
  return "Install it with `apt install mariadb-server-core mariadb-client-core mariadb-backup`, or unpack a "
         "tarball of that version and name its folder under engineSearchPaths in the daemon's configuration.";
}

}  // namespace spawnd::engines::mariadb
