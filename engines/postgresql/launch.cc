#include <signal.h>

#include "engines/postgresql/accounts.h"
#include "engines/postgresql/create_database.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/settings.h"
#include "engines/postgresql/standby/conninfo.h"
#include "engines/postgresql/standby/recipe.h"
#include "engines/settings.h"

namespace spawnd::engines::postgresql {
namespace {

/// LC_ALL: what is written before postgresql.conf has been read is English too. PATH: initdb starts a shell.
std::vector<std::string> Environment() {
  return {"LC_ALL=C", "PATH=/usr/bin:/bin"};
}

/// The locale of new data directories: C.UTF-8, or C where the host's C library does not have that.
const char* DefaultLocale() {
  return LocaleExists("C.UTF-8") ? "C.UTF-8" : "C";
}

}  // namespace

Command PostgresqlEngine::InitialiseCommand(const Launch& launch) const {
  const Paths& paths = launch.paths;
  Command command;
  // Its files come from its primary.
  if (launch.purpose == Purpose::kFollow) return command;
  command.argv = {paths.engine_root + "/bin/initdb", "--pgdata=" + paths.data_directory,
                  std::string("--username=") + kSuperuser, "--encoding=UTF8",
                  std::string("--locale=") + DefaultLocale(), "--auth-local=trust",
                  "--auth-host=scram-sha-256",
                  // The volume is synced as a whole when it is sealed.
                  "--no-sync"};
  // Off everywhere, as it was by default before 18 (README.md says why); older versions do not know the word.
  if (MajorNumberOf(launch.installation.version) >= 18) command.argv.push_back("--no-data-checksums");
  command.env = Environment();
  command.working_directory = "/";
  return command;
}

std::vector<SettingsFile> PostgresqlEngine::SettingsFiles(const Launch& launch) const {
  return launch.primary ? StandbyFiles(launch) : ServerFiles(launch);
}

Command PostgresqlEngine::StartCommand(const Launch& launch) const {
  const Paths& paths = launch.paths;
  const std::string& version = launch.installation.version;
  Command command;
  command.argv = {paths.engine_root + "/bin/postgres", "-D", paths.data_directory};
  Settings settings = ForcedSettings(paths, launch.endpoint, version);
  if (MakesImage(launch.purpose)) {
    // The user's stand above ours, and what is on the command line would stand above all.
    const Settings ours = Overlay(launch.settings, BuildSettings(version));
    settings.insert(settings.end(), ours.begin(),
                    ours.end() - static_cast<ptrdiff_t>(launch.settings.size()));
  }
  if (HasOwnConfigFile(launch)) settings.emplace_back("config_file", ConfigFile(launch));
  for (const auto& [name, value] : settings) {
    command.argv.push_back("-c");
    command.argv.push_back(name + "=" + value);
  }
  command.env = Environment();
  command.working_directory = "/";
  return command;
}

const StandbyRecipe* PostgresqlEngine::Standby() const {
  static const Recipe recipe;
  return &recipe;
}

int PostgresqlEngine::StopSignal() const {
  // "Fast shutdown": sessions are ended, a checkpoint is written, nothing is left to recover. SIGTERM would
  // wait for clients to leave by themselves.
  return SIGINT;
}

/// What the server itself keeps there are numbers; what extensions do, pg_stat_statements first, has texts of
/// statements.
Command PostgresqlEngine::CleanAfterMask(const Paths& paths) const {
  return {{"/usr/bin/find", paths.data_directory + "/pg_stat", paths.data_directory + "/pg_stat_tmp",
           "-mindepth", "1", "!", "-name", "pgstat.stat", "!", "-name", "global.stat", "!", "-name",
           "db_[0-9]*.stat", "-delete"},
          {"LC_ALL=C", "PATH=/usr/bin:/bin"},
          "/"};
}

/// "Immediate shutdown". A fast one that comes while the server recovers from the end of one of its processes
/// waits for ever for its checkpointer (seen with 17.9).
int PostgresqlEngine::LastStopSignal() const {
  return SIGQUIT;
}

}  // namespace spawnd::engines::postgresql
