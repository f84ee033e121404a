#include "engines/postgresql/standby/conninfo.h"

#include "engines/postgresql/settings.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr const char* kPasswordFileName = "primary.pass";

/// In libpq's strings.
std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' || c == '\\' ? "\\" : "").append(1, c);
  return quoted + "'";
}

std::string FileOf(const Paths& paths, std::string_view option) {
  return paths.settings_directory + "/primary." + std::string(option);
}

}  // namespace

std::string LimitsFile(const Paths& paths) {
  return paths.socket_directory + "/standby.conf";
}

std::string ConnectionInfo(const Launch& launch) {
  const Primary& primary = *launch.primary;
  std::string info = "host=" + Quoted(primary.host) + " hostaddr='127.0.0.1' port='" +
                     std::to_string(primary.port) + "' user=" + Quoted(primary.user) +
                     " gssencmode='disable' application_name='spawnd' passfile=" +
                     Quoted(launch.paths.settings_directory + "/" + kPasswordFileName);
  for (const auto& [name, value] : primary.options) info += " " + name + "=" + Quoted(value);
  for (const auto& [name, content] : primary.files)
    info += " " + name + "=" + Quoted(FileOf(launch.paths, name));
  return info;
}

std::vector<SettingsFile> StandbyFiles(const Launch& launch) {
  const Primary& primary = *launch.primary;
  std::string password = "*:*:*:*:";
  for (const char c : primary.password) password.append(c == ':' || c == '\\' ? "\\" : "").append(1, c);
  // Where there is none, the client library finds that there is none for this server.
  std::vector<SettingsFile> files{{kPasswordFileName, primary.password.empty() ? "" : password + "\n"}};
  for (const auto& [name, content] : primary.files) files.push_back({"primary." + name, content});
  files.push_back(
      {"pg_hba.conf",
       "# Written by spawnd before every start. Nobody reaches the socket but the container itself.\n"
       "local all all trust\n"});
  files.push_back({"pg_ident.conf", "# Written by spawnd before every start.\n"});
  std::string config =
      "# Written by spawnd before every start.\ninclude " + QuotedSetting(LimitsFile(launch.paths)) + "\n";
  const Settings settings{
      {"hot_standby", "on"},
      {"primary_conninfo", ConnectionInfo(launch)},
      {"primary_slot_name", primary.slot},
      // Nobody's query but ours is there to wait for.
      {"max_standby_streaming_delay", "0"},
      // What is replayed and not written out has to be replayed once more in each image.
      {"checkpoint_timeout", "30s"},
      {"checkpoint_completion_target", "0.5"},
      {"wal_init_zero", "off"},
      {"wal_recycle", "off"},
      {"max_logical_replication_workers", "0"},
      {"jit", "off"},
  };
  for (const auto& [name, value] : settings) config += name + " = " + QuotedSetting(value) + "\n";
  files.push_back({"postgresql.conf", std::move(config)});
  return files;
}

}  // namespace spawnd::engines::postgresql
