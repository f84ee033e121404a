#include "engines/postgresql/physical/base_recovery.h"

#include <algorithm>

#include "engines/postgresql/detect.h"
#include "engines/postgresql/physical/collations.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/settings.h"

namespace spawnd::engines::postgresql {
namespace {

Command HostCommand(std::vector<std::string> argv) {
  return {std::move(argv), {"LC_ALL=C", "PATH=/usr/bin:/bin"}, "/"};
}

/// Run in the container. What a source has of configuration and recovery settings may keep the server from
/// starting: folders and libraries of another machine, an archive, a primary to follow. It is put aside.
/// Only settings of the language of sessions are taken over.
///
/// A tablespace becomes a folder of the data directory, behind the link that the server expects.
///
/// With a backup_label the server has to recover up to the backup's end. Only as an archive recovery does it
/// insist on reaching that; the archive is one that has nothing, so that it takes what is in pg_wal.
constexpr const char* kTidyScript = R"sh(
set -eu
cd "$1"
# A tar archive of the folder, and not of what is in it.
inner=$(find . -maxdepth 8 -path '*/global/pg_control' | head -n 1); inner=${inner#./}; inner=${inner%/global/pg_control}
if [ ! -e PG_VERSION ] && [ -n "$inner" ] && [ -d "$inner/global" ]; then
  find "$inner" -mindepth 1 -maxdepth 1 -exec mv -t . -- {} +
  rmdir -p --ignore-fail-on-non-empty -- "$inner"
fi
for file in PG_VERSION global/pg_control; do
  [ -f "$file" ] || { echo "it has no $file"; exit 1; }
done
if [ -s tablespace_map ]; then
  while read -r oid path; do
    [ -d "pg_tblspc/$oid" ] || { echo "tablespace $oid ($path) is missing: name the folder that has $oid.tar"; exit 1; }
  done <tablespace_map
fi
for link in pg_tblspc/*; do
  if [ -L "$link" ]; then echo "tablespace ${link#pg_tblspc/} is a link to another folder"; exit 1; fi
  [ -d "$link" ] || continue
  mkdir -p tablespaces
  mv "$link" tablespaces/
  ln -s "$1/tablespaces/${link#pg_tblspc/}" "$link"
done
rm -rf postmaster.pid postmaster.opts recovery.signal standby.signal recovery.conf tablespace_map pg_replslot
for folder in pg_wal/archive_status pg_commit_ts pg_dynshmem pg_logical/mappings pg_logical/snapshots pg_notify \
  pg_replslot pg_serial pg_snapshots pg_stat pg_stat_tmp pg_subtrans pg_tblspc pg_twophase; do
  mkdir -p "$folder"
done
for file in postgresql.conf postgresql.auto.conf; do
  if [ -e "$file" ] || [ -L "$file" ]; then mv "$file" "$file.source"; fi
done
: >postgresql.auto.conf
echo '# Made by spawnd. What the source had is in postgresql.conf.source and postgresql.auto.conf.source.' >postgresql.conf
# Minimum and maximum of the log are counted in segments, whose size the source chose. It stands in pg_control behind
# the number by which a server knows its own kind of floats (1234567.0), as the fourth word; before that number stand
# the most transactions that may be prepared, of which some are, perhaps.
control=$(od -An -v -tx1 global/pg_control | tr -d ' \n')
segment=$(echo "$control" |
  sed -n 's/^.*0000000087d63241.\{24\}\(..\)\(..\)\(..\)\(..\).*$/0x\4\3\2\1/p')
prepared=$(echo "$control" |
  sed -n 's/^.*\(..\)\(..\)\(..\)\(..\).\{8\}0[01]00000008000000\(00000000\)\{0,1\}0000000087d63241.*$/0x\4\3\2\1/p')
if [ "$((${prepared:-0}))" -gt 0 ]; then echo "max_prepared_transactions = $((prepared))" >>postgresql.conf; fi
megabytes=$((${segment:-0x1000000} / 1048576))
if [ "$megabytes" -gt 16 ]; then
  echo "min_wal_size = $((2 * megabytes))MB" >>postgresql.conf
  echo "max_wal_size = $((megabytes > 256 ? 4 * megabytes : 1024))MB" >>postgresql.conf
fi
# 1 and 2: a server, or a standby, that was stopped. Anything else without a label was copied on the way.
state=$(od -An -tu4 -j16 -N4 global/pg_control | tr -d ' ')
if [ ! -f backup_label ] && [ "$state" != 1 ] && [ "$state" != 2 ]; then
  echo 'spawnd_warning = "the files are those of a server that ran or crashed, and no base backup: unless they are a snapshot of one moment, some of the data may be damaged. Make it with `pg_basebackup`, or stop the server first."	(typeid'
fi
for file in postgresql.conf.source postgresql.auto.conf.source; do
  [ -f "$file" ] || continue
  grep -iE "^[[:space:]]*(timezone|datestyle|intervalstyle|default_text_search_config|bytea_output|search_path)[[:space:]]*=[[:space:]]*('[^']*'|[a-z0-9_/.+-]+)[[:space:]]*(#.*)?$" "$file" >>postgresql.conf || true
done
if [ -f backup_label ]; then
  case $(cat PG_VERSION) in
    10 | 11) echo "restore_command = 'false'" >recovery.conf ;;
    *) : >recovery.signal ;;
  esac
fi
)sh";

/// The server of a build on its own, without a network or a postmaster: recovers, takes one statement a line
/// from standard input, ends cleanly. It recovers from the log in the data directory alone. The database is
/// the argument that is missing.
Command SingleUserCommand(const Paths& paths, const std::string& version) {
  Command command;
  command.argv = {paths.engine_root + "/bin/postgres", "--single", "-D", paths.data_directory};
  Settings settings = BuildSettings(version);
  settings.emplace_back("config_file", paths.data_directory + "/postgresql.conf");
  // A server that answers queries while it recovers would insist on the source's limits.
  settings.emplace_back("hot_standby", "off");
  settings.emplace_back("archive_mode", "off");
  settings.emplace_back("dynamic_shared_memory_type", "sysv");
  settings.emplace_back("lc_messages", "C");
  // An archive that has nothing; before 12 this is said in recovery.conf.
  if (MajorNumberOf(version) >= 12) settings.emplace_back("restore_command", "false");
  for (const auto& [name, value] : settings) {
    command.argv.push_back("-c");
    command.argv.push_back(name + "=" + value);
  }
  command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  command.working_directory = "/";
  return command;
}

/// For SingleUserCommand. What exists already is an error of that line alone, which nobody has to see.
constexpr const char* kSuperuserScript =
    "SET log_min_messages = panic\n"
    "CREATE ROLE postgres\n"
    "RESET log_min_messages\n"
    "ALTER ROLE postgres SUPERUSER LOGIN CONNECTION LIMIT -1 VALID UNTIL 'infinity'\n"
    "ALTER ROLE postgres RESET ALL\n";

/// Printed as a column's name, so that it can be found in what a server without clients prints.
constexpr std::string_view kSubscriptions = "spawnd_subscriptions_switched_off";

/// For SingleUserCommand. A library that a role loads when it logs in, and that is not here, keeps it out.
/// (That of a whole database ends the build: Session::PrepareImage.)
constexpr std::string_view kPreloads =
    R"sql(SELECT 'role ''' || r.rolname || ''' cannot log in: its setting ' || pg_catalog.split_part(c, '=', 1) ||
 ' names ''' || l || ''', which is not installed here. Install it, or say `preScript: alter role ' ||
 pg_catalog.quote_ident(r.rolname) || ' reset ' || pg_catalog.split_part(c, '=', 1) || '`.' AS spawnd_warning
 FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole,
 pg_catalog.unnest(s.setconfig) c, pg_catalog.regexp_split_to_table(pg_catalog.split_part(c, '=', 2), ',') p,
 pg_catalog.btrim(p, ' "') l, (SELECT setting AS dir FROM pg_catalog.pg_config() WHERE name = 'PKGLIBDIR') k
 WHERE pg_catalog.split_part(c, '=', 1) IN ('session_preload_libraries', 'local_preload_libraries') AND l <> ''
 AND l !~ '/' AND (pg_catalog.pg_stat_file(k.dir || CASE WHEN c LIKE 'local%' THEN '/plugins/' ELSE '/' END || l ||
 CASE WHEN l LIKE '%.so' THEN '' ELSE '.so' END, true)).size IS NULL LIMIT 20)sql";

/// For SingleUserCommand. A subscription connects to the source and takes its slot along as soon as a server
/// starts. Without the slot's name it can be dropped without connecting, too.
std::string PreparationScript() {
  return std::string(kSuperuserScript) + InOneLine(kPreloads) + "\nSELECT subname AS " +
         std::string(kSubscriptions) +
         " FROM pg_catalog.pg_subscription WHERE subenabled\n"
         "UPDATE pg_catalog.pg_subscription SET subenabled = false, subslotname = NULL\n";
}

/// Values of columns of this name, in lines like `\t 1: NAME = "value"\t(typeid = 19, ...)`.
std::vector<std::string> ValuesOf(std::string_view column, std::string_view output) {
  const std::string mark = std::string(column) + " = \"";
  std::vector<std::string> values;
  for (size_t at = 0; (at = output.find(mark, at)) != std::string_view::npos;) {
    at += mark.size();
    values.emplace_back(
        output.substr(at, std::min(output.find("\"\t(typeid", at), output.find('\n', at)) - at));
  }
  return values;
}

Error WhyNotRecovered(const std::string& name, std::string_view output) {
  Error error = PostgresqlEngine().ExplainExit(output, {});
  error.message = "'" + name + "' cannot be recovered: " + error.message;
  const auto says = [&](std::string_view words) { return output.find(words) != std::string_view::npos; };
  if (says("required checkpoint record") || says("WAL ends before") || says("valid checkpoint record")) {
    error.code = ErrorCode::kInvalidArgument;
    error.hint =
        "It lacks write-ahead log. Name the folder that has it as `walFolder:` (of pgBackRest, WAL-G or "
        "Barman "
        "the archive; pgBackRest's `--archive-copy` and `wal-g wal-fetch` put it into pg_wal), or make the "
        "backup with `pg_basebackup --wal-method=stream` and name its folder, which has base.tar and "
        "pg_wal.tar.";
  } else if (says("locale is incompatible")) {
    error.hint = "Install the locale on this machine: `apt install locales-all`.";
  }
  return error;
}

/// What the databases and their indexes sort by. Whatever goes wrong here, the backup is as good as before.
ContainerCommand LookAtCollations(const std::string& name, const Paths& paths, const std::string& version) {
  const CollationQueries queries = QueriesForCollations(MajorNumberOf(version));
  ContainerCommand look;
  look.title = "looking at the collations of " + name;
  look.command = SingleUserCommand(paths, version);
  std::vector<std::string>& argv = look.command.argv;
  argv.insert(argv.begin(),
              {"/bin/sh", "-c", kCollationScript, "sh", queries.of_databases, queries.of_indexes});
  look.warn = [name](std::string_view output) { return WarningsIn(name, output); };
  return look;
}

}  // namespace

std::string WarningsIn(const std::string& backup_name, std::string_view output) {
  std::string names;
  for (const std::string& subscription : ValuesOf(kSubscriptions, output)) {
    names += (names.empty() ? "'" : ", '") + subscription + "'";
  }
  std::vector<std::string> warnings = ValuesOf(kWarningColumn, output);
  if (!names.empty()) {
    warnings.push_back("switched off, so that nothing connects to the source: subscription " + names);
  }
  std::string text;
  for (const std::string& warning : warnings) {
    text += (text.empty() ? "'" : "; '") + backup_name + "': " + warning;
  }
  return text;
}

std::vector<ContainerCommand> RecoverBaseBackup(const std::string& name, const Paths& paths,
                                                const std::string& version) {
  const auto warn = [name](std::string_view output) { return WarningsIn(name, output); };
  ContainerCommand tidy;
  tidy.title = "preparing " + name;
  tidy.command = HostCommand({"/bin/sh", "-c", kTidyScript, "sh", paths.data_directory});
  tidy.warn = warn;
  tidy.explain = [name](std::string_view output) {
    while (!output.empty() && output.back() == '\n') output.remove_suffix(1);
    return Error(ErrorCode::kInvalidArgument, "'" + name + "' is no whole base backup: " +
                                                  std::string(output.substr(output.rfind('\n') + 1)));
  };
  ContainerCommand recover;
  recover.title = "recovering";
  recover.command = SingleUserCommand(paths, version);
  // There whatever the source did to its other databases.
  recover.command.argv.emplace_back("template1");
  recover.input = PreparationScript();
  recover.warn = warn;
  recover.explain = [name](std::string_view output) { return WhyNotRecovered(name, output); };
  std::vector<ContainerCommand> commands;
  commands.push_back(std::move(tidy));
  commands.push_back(std::move(recover));
  commands.push_back(LookAtCollations(name, paths, version));
  return commands;
}

}  // namespace spawnd::engines::postgresql
