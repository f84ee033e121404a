#include "engines/postgresql/physical/base_recovery.h"

#include <algorithm>

#include "engines/postgresql/detect.h"
#include "engines/postgresql/physical/collations.h"
#include "engines/postgresql/physical/recovery_scripts.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/settings.h"

namespace spawnd::engines::postgresql {
namespace {

Command HostCommand(std::vector<std::string> argv) {
  return {std::move(argv), {"LC_ALL=C", "PATH=/usr/bin:/bin"}, "/"};
}

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

/// What stands behind the last `mark`, to the end of its line.
std::string LastOf(std::string_view mark, std::string_view output) {
  const size_t at = output.rfind(mark);
  if (at == std::string_view::npos) return {};
  output.remove_prefix(at + mark.size());
  return std::string(output.substr(0, output.find('\n')));
}

/// The point in time as the user said it, or as the files do.
std::string PointInWords(const std::string& at) {
  if (at.empty()) return "the point that its own settings name";
  return at == kImmediate ? "the end of the backup" : at;
}

/// The points that there are, as far as they are known.
std::string RangeInWords(std::string_view output) {
  const std::string from = LastOf("spawnd_from ", output);
  const std::string to = LastOf("spawnd_to ", output);
  if (from.empty()) return {};
  std::string words = "A time from " + from + " on can be had, the end of the backup";
  if (!to.empty()) words += ", up to " + to + ", the last transaction in the log";
  return words + ". ";
}

/// Why the server did not come to the point in time. Its message is empty when it was something else.
Error WhyNotAtPoint(const std::string& name, const std::string& at, std::string_view output) {
  const auto says = [&](std::string_view words) { return output.find(words) != std::string_view::npos; };
  const std::string cannot = "'" + name + "' cannot be recovered to " + PointInWords(at) + ": ";
  if (says("before consistent recovery point") || says("spawnd_refused that is before")) {
    return {ErrorCode::kInvalidArgument, cannot + "that is before the end of the backup",
            RangeInWords(output) + "For an earlier one take an earlier backup."};
  }
  if (!says("recovery ended before configured recovery target was reached"))
    return {ErrorCode::kInternal, ""};
  std::string why = "its log ends before that";
  const std::string gap = LastOf("spawnd_gap ", output);
  const std::string last = LastOf("last completed transaction was at log time ", output);
  if (!last.empty()) why += ", with a transaction of " + last;
  if (!gap.empty()) why += "; segment " + gap + " is missing, and there are later ones";
  return {ErrorCode::kInvalidArgument, cannot + why,
          RangeInWords(output) + (gap.empty()
                                      ? "Without `at:` all of the log is taken; more of it may be named as "
                                        "`walFolder:`."
                                      : "Put the segment into the `walFolder:`.")};
}

Error WhyNotRecovered(const std::string& name, const std::string& at, std::string_view output) {
  Error point = WhyNotAtPoint(name, at, output);
  if (!point.message.empty()) return point;
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

/// Puts the files in order. `at`: RestoreOptions::at.
ContainerCommand Tidy(const std::string& name, const Paths& paths, const std::string& at) {
  ContainerCommand tidy;
  tidy.title = "preparing " + name;
  tidy.command = HostCommand({"/bin/sh", "-c", kTidyScript, "sh", paths.data_directory, at});
  tidy.explain = [name, at](std::string_view output) {
    Error point = WhyNotAtPoint(name, at, output);
    if (!point.message.empty()) return point;
    while (!output.empty() && output.back() == '\n') output.remove_suffix(1);
    return Error(ErrorCode::kInvalidArgument, "'" + name + "' is no whole base backup: " +
                                                  std::string(output.substr(output.rfind('\n') + 1)));
  };
  return tidy;
}

ContainerCommand Recover(const std::string& name, const Paths& paths, const std::string& version,
                         const std::string& at) {
  ContainerCommand recover;
  recover.title = "recovering";
  recover.command = HostCommand(
      {"/bin/sh", "-c", kRecoverScript, "sh", paths.data_directory, paths.engine_root + "/bin/pg_waldump"});
  Command server = SingleUserCommand(paths, version);
  // There whatever the source did to its other databases.
  server.argv.emplace_back("template1");
  recover.command.argv.insert(recover.command.argv.end(), server.argv.begin(), server.argv.end());
  recover.input = PreparationScript();
  recover.explain = [name, at](std::string_view output) { return WhyNotRecovered(name, at, output); };
  return recover;
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
                                                const std::string& version, const std::string& at) {
  std::vector<ContainerCommand> commands{Tidy(name, paths, at), Recover(name, paths, version, at)};
  for (ContainerCommand& command : commands) {
    command.warn = [name](std::string_view output) { return WarningsIn(name, output); };
  }
  commands.push_back(LookAtCollations(name, paths, version));
  return commands;
}

}  // namespace spawnd::engines::postgresql
