#include "engines/postgresql/launch.h"

#include "engines/postgresql/create_database.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/settings.h"

namespace spawnd::engines::postgresql {
namespace {

/// LC_ALL: what is written before postgresql.conf has been read is English too. PATH: initdb starts a shell.
std::vector<std::string> Environment() {
  return {"LC_ALL=C", "PATH=/usr/bin:/bin"};
}

}  // namespace

const char* DefaultLocale() {
  return LocaleExists("C.UTF-8") ? "C.UTF-8" : "C";
}

Command InitdbCommand(const Installation& installation, const Paths& paths) {
  Command command;
  command.argv = {paths.engine_root + "/bin/initdb", "--pgdata=" + paths.data_directory,
                  std::string("--username=") + kSuperuser, "--encoding=UTF8",
                  std::string("--locale=") + DefaultLocale(), "--auth-local=trust",
                  "--auth-host=scram-sha-256",
                  // The volume is synced as a whole when it is sealed.
                  "--no-sync"};
  // Off everywhere, as it was by default before 18 (README.md says why); older versions do not know the word.
  if (MajorNumberOf(installation.version) >= 18) command.argv.push_back("--no-data-checksums");
  command.env = Environment();
  command.working_directory = "/";
  return command;
}

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
  // There whatever the source did to its other databases.
  command.argv.emplace_back("template1");
  command.env = Environment();
  command.working_directory = "/";
  return command;
}

Command PostmasterCommand(const Installation& installation, const Paths& paths, const Endpoint& endpoint,
                          Purpose purpose) {
  Command command;
  command.argv = {paths.engine_root + "/bin/postgres", "-D", paths.data_directory};
  Settings settings = ForcedSettings(paths, endpoint, installation.version);
  if (purpose == Purpose::kBuild) {
    for (auto& setting : BuildSettings(installation.version)) settings.push_back(std::move(setting));
  }
  for (const auto& [name, value] : settings) {
    command.argv.push_back("-c");
    command.argv.push_back(name + "=" + value);
  }
  command.env = Environment();
  command.working_directory = "/";
  return command;
}

}  // namespace spawnd::engines::postgresql
