#include "engines/mysql/mysql_engine.h"

#include <utility>

#include "engines/mysql_family/dump/collations.h"
#include "engines/mysql_family/least_privilege.h"
#include "engines/version.h"

namespace spawnd::engines::mysql {
namespace {

using mysql_family::SeriesOf;

/// --initialize-insecure, ALTER USER ... ACCOUNT UNLOCK and CREATE USER IF NOT EXISTS came with it.
constexpr std::string_view kOldest = "5.7";
constexpr std::string_view kMysqlxFrom = "8.0";
constexpr std::string_view kReplicaFrom = "8.0.26";
constexpr std::string_view kIdleFrom = "8.0.18";
constexpr std::string_view kReservesFrom = "8.0.22";

/// No statement reads or writes files of the server's machine. A package has a folder for that compiled in,
/// /var/lib/mysql-files, and its server ends where that is missing; LOAD DATA LOCAL, the client's own file,
/// is another matter and goes on working.
constexpr const char* kNoServerFiles = "--secure-file-priv=NULL";

/// mysql_native_password is there and is not what new accounts get by themselves.
bool HasOldPasswords(std::string_view version) {
  return !VersionLess(version, "8.0") && VersionLess(version, "9.0");
}

const std::vector<std::string>& Servers() {
  static const std::vector<std::string> programs{"bin/mysqld", "sbin/mysqld"};
  return programs;
}

std::string VersionOf(std::string_view says) {
  return says.find("MariaDB") == std::string_view::npos ? mysql_family::VersionAfterVer(says) : "";
}

std::string ProblemOf(const Installation& installation) {
  return VersionLess(installation.version, kOldest) ? "older than MySQL " + std::string(kOldest) : "";
}

std::vector<std::string> Initialise(const Launch& launch, const std::string& data) {
  return {mysql_family::ProgramInContainer(launch, Servers()),
          "--no-defaults",
          "--initialize-insecure",
          kNoServerFiles,
          "--basedir=" + launch.paths.engine_root,
          "--datadir=" + data};
}

std::vector<std::string> Options(const Launch& launch) {
  std::vector<std::string> options;
  // Space for what grows is reserved, and not filled with zeros.
  if (!VersionLess(launch.installation.version, kReservesFrom)) {
    options.emplace_back("--innodb-extend-and-initialize=OFF");
  }
  // What is dirty stays in memory until a checkpoint wants it: a container that nobody uses writes nothing.
  if (!VersionLess(launch.installation.version, kIdleFrom)) options.emplace_back("--innodb-idle-flush-pct=0");
  // For clients of the time before 8.0, which know no other way to log in; 9.0 has it no more.
  if (HasOldPasswords(launch.installation.version)) {
    options.emplace_back("--loose-mysql-native-password=ON");
    options.emplace_back(VersionLess(launch.installation.version, "8.4")
                             ? "--default-authentication-plugin=mysql_native_password"
                             : "--authentication-policy=mysql_native_password");
  }
  return options;
}

std::vector<std::string> Forced(const Launch& launch) {
  const bool says_replica = !VersionLess(launch.installation.version, kReplicaFrom);
  // What a restore brought of a replication is not taken up again. "loose": a relative of MySQL that calls
  // itself one may not know the word.
  std::vector<std::string> options{kNoServerFiles,
                                   says_replica ? "--loose-skip-replica-start" : "--skip-slave-start"};
  // The X protocol would listen on a port of its own, the same in every container.
  if (!VersionLess(launch.installation.version, kMysqlxFrom)) options.emplace_back("--mysqlx=OFF");
  return options;
}

/// From 8.0 on there are rights with names of their own beside the table's columns, and the product's own
/// accounts can only be touched by who has SYSTEM_USER. Before, one of them is a superuser that CREATE USER
/// could rename.
std::vector<std::string> TakeRights(std::string_view version) {
  const bool before_8 = VersionLess(version, "8.0");
  std::string update = "UPDATE mysql.user SET ";
  for (const char* right : {"Select",
                            "Insert",
                            "Update",
                            "Delete",
                            "Create",
                            "Drop",
                            "Reload",
                            "Shutdown",
                            "Process",
                            "File",
                            "Grant",
                            "References",
                            "Index",
                            "Alter",
                            "Show_db",
                            "Super",
                            "Lock_tables",
                            "Execute",
                            "Create_tmp_table",
                            "Repl_slave",
                            "Repl_client",
                            "Create_view",
                            "Show_view",
                            "Create_routine",
                            "Alter_routine",
                            "Create_user",
                            "Event",
                            "Trigger"}) {
    update += std::string(right) + "_priv = 'N', ";
  }
  if (!before_8) update += "Create_role_priv = 'N', Drop_role_priv = 'N', ";
  std::string others = "(User <> 'root' OR Host <> 'localhost')";
  if (!before_8) others += " AND User NOT LIKE 'mysql.%'";
  std::vector<std::string> statements{update + "Create_tablespace_priv = 'N' WHERE " + others};
  if (!before_8) statements.push_back("DELETE FROM mysql.global_grants WHERE " + others);
  for (std::string& more : mysql_family::TakeRightsInSystemDatabases()) statements.push_back(std::move(more));
  return statements;
}

std::vector<std::string_view> LackingModes(std::string_view installed) {
  std::vector<std::string_view> modes{"EMPTY_STRING_IS_NULL", "SIMULTANEOUS_ASSIGNMENT",
                                      "TIME_ROUND_FRACTIONAL", "IGNORE_BAD_TABLE_OPTIONS"};
  if (VersionLess(installed, "8.0")) return modes;
  // Every dump of 5.7 with a trigger or a routine has the first.
  modes.insert(modes.end(), {"NO_AUTO_CREATE_USER", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS",
                             "DB2", "MAXDB", "MSSQL", "MYSQL323", "MYSQL40", "ORACLE", "POSTGRESQL"});
  return modes;
}

std::vector<std::string> TlsOptions(std::string_view mode) {
  if (mode == "disable") return {"--ssl-mode=DISABLED", "--get-server-public-key"};
  if (mode == "prefer") return {"--ssl-mode=PREFERRED"};
  if (mode == "require") return {"--ssl-mode=REQUIRED"};
  if (mode == "verify-ca") return {"--ssl-mode=VERIFY_CA"};
  if (mode == "verify-full") return {"--ssl-mode=VERIFY_IDENTITY"};
  return {};
}

bool TakesSystemTables(std::string_view dump_server, std::string_view installed) {
  return dump_server.find("MariaDB") == std::string_view::npos &&
         SeriesOf(dump_server) == SeriesOf(installed);
}

}  // namespace

const mysql_family::Product& MysqlProduct() {
  static const mysql_family::Product product{
      .name = "mysql",
      .display_name = "MySQL",
      .jdbc_scheme = "jdbc:mysql",
      .jdbc_tls = "sslMode=REQUIRED",
      .server_programs = Servers(),
      .client_programs = {"bin/mysql"},
      .dump_programs = {"bin/mysqldump"},
      // By the same name there is MariaDB's, which passes over what begins so.
      .dump_options = {"--loose-set-gtid-purged=OFF", "--loose-column-statistics=0"},
      .client_install_hint = "Install MySQL's own mysql and mysqldump, and have them in PATH.",
      .tls_options = TlsOptions,
      // Percona's; tried with nothing, because no distribution has it.
      .backup_programs = {"bin/xtrabackup"},
      .stream_programs = {"bin/xbstream"},
      .backup_install_hint =
          "Install Percona XtraBackup of the server's own version where that is; or use an SQL dump.",
      .package_folders = {"/usr", "/usr/local", "/usr/local/mysql", "/opt/mysql"},
      .version_of = VersionOf,
      .problem_of = ProblemOf,
      .initialise = Initialise,
      .options = Options,
      .forced = Forced,
      .several_addresses_since = "8.0.13",
      .initial_settings = {"lower_case_table_names", "innodb_page_size", "innodb_data_file_path"},
      .take_rights = TakeRights,
      .takes_system_tables = TakesSystemTables,
      .lacking_modes = LackingModes,
      .replace_collation = mysql_family::CollationForMysql,
      .storage_engines = {"INNODB", "MYISAM", "MRG_MYISAM", "MERGE", "MEMORY", "HEAP", "CSV", "ARCHIVE",
                          "BLACKHOLE", "PERFORMANCE_SCHEMA"},
      .engine_libraries = {},
  };
  return product;
}

std::string_view MysqlEngine::InstallHint() const {
  return "Install it with `apt install mysql-community-server-core mysql-community-client` from "
         "repo.mysql.com, or unpack a tarball of that version and name its folder under engineSearchPaths in "
         "the daemon's configuration.";
}

}  // namespace spawnd::engines::mysql
