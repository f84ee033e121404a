#include "engines/mysql_family/launch.h"

#include <signal.h>

#include <algorithm>
#include <cctype>

#include "engines/connection_text.h"
#include "engines/mysql_family/family_engine.h"
#include "engines/settings.h"
#include "engines/version.h"

namespace spawnd::engines::mysql_family {
namespace {

constexpr const char* kInitFile = "init.sql";

/// Beside the temporary files, because every folder in a data directory is a database.
std::string DatabaseDirectory(const Paths& paths) {
  return paths.data_directory + "/db";
}

std::vector<std::string> Environment() {
  return {"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/nonexistent"};
}

/// README.md says why of each.
std::vector<std::string> FootprintOptions() {
  return {"--skip-log-bin",
          "--performance-schema=OFF",
          "--character-set-server=utf8mb4",
          "--innodb-flush-method=fsync",
          "--innodb-buffer-pool-load-at-startup=OFF",
          "--innodb-buffer-pool-dump-at-shutdown=OFF",
          "--key-buffer-size=8M",
          "--table-open-cache=400",
          "--event-scheduler=OFF",
          "--innodb-use-native-aio=OFF"};
}

/// A start reads as much of the log at once as this buffer holds, 16 MiB by default.
std::vector<std::string> ServeOptions() {
  return {"--innodb-log-buffer-size=2M"};
}

/// What a crash leaves of a build is thrown away, and what a restore brings is not to run yet.
std::vector<std::string> BuildOptions() {
  return {"--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF", "--innodb-flush-method=nosync",
          "--innodb-buffer-pool-size=256M"};
}

/// What makes it a build, whatever settings its containers have: events do not run, nothing is closed to
/// writing, and what the image has not asked for stays out of it.
std::vector<std::string> ForcedInBuilds() {
  return {"--innodb-fast-shutdown=0",   "--max-allowed-packet=1G", "--event-scheduler=OFF",
          "--local-infile=OFF",         "--skip-log-bin",          "--read-only=OFF",
          "--loose-super-read-only=OFF"};
}

void Append(std::vector<std::string>& argv, std::vector<std::string> more) {
  for (std::string& one : more) argv.push_back(std::move(one));
}

/// Older ones take one address alone, and none takes one that stands for all beside others: clients who come
/// to the others are passed on.
std::string BindAddress(const Product& product, const Launch& launch) {
  const std::string all = "," + JoinAddresses(launch.endpoint, ",") + ",";
  const bool has_any = all.find(",0.0.0.0,") != std::string::npos || all.find(",::,") != std::string::npos;
  if (has_any || VersionLess(launch.installation.version, product.several_addresses_since)) {
    return launch.endpoint.host;
  }
  return all.substr(1, all.size() - 2);
}

/// What a container rests on, so that nothing else may decide it.
std::vector<std::string> ForcedOptions(const Product& product, const Launch& launch) {
  const Paths& paths = launch.paths;
  std::vector<std::string> options{
      "--basedir=" + paths.engine_root, "--datadir=" + DatabaseDirectory(paths),
      "--tmpdir=" + TemporaryDirectory(paths), "--socket=" + SocketPath(paths),
      "--pid-file=" + paths.socket_directory + "/server.pid",
      "--bind-address=" + BindAddress(product, launch), "--port=" + std::to_string(launch.endpoint.port),
      // Accounts are for addresses; a look-up of the caller's name could take seconds. It also makes
      // 'localhost' the private socket and nothing else.
      "--skip-name-resolve", "--ssl-cert=" + paths.tls_certificate, "--ssl-key=" + paths.tls_key,
      "--init-file=" + paths.settings_directory + "/" + kInitFile};
  // The private socket counts as secure.
  if (launch.require_tls) options.emplace_back("--require-secure-transport=ON");
  // A build's own, whatever its containers are to have.
  if (launch.purpose == Purpose::kBuild) Append(options, ForcedInBuilds());
  // Nor are they to run twice; the session switches them on.
  if (launch.stands_by && RunsEvents(launch.settings)) options.emplace_back("--event-scheduler=OFF");
  // Else DATA DIRECTORY of a table is a way to write anywhere. Where it is off by default, the name may go.
  if (!launch.credentials.superuser) options.emplace_back("--loose-symbolic-links=OFF");
  return options;
}

/// The user's own. Those of `only`, by SettingName, when it is not empty.
std::vector<std::string> SettingOptions(const Settings& settings, const std::vector<std::string_view>* only) {
  std::vector<std::string> options;
  for (const auto& [name, value] : settings) {
    const std::string common = SettingName(name);
    if (only != nullptr && std::find(only->begin(), only->end(), common) == only->end()) continue;
    std::string option = "--" + common;
    options.push_back(option + "=" + value);
  }
  return options;
}

/// The image that a build begins from was made with the product's own values. Where one of these is another,
/// its files are made anew before anything is in them, and what they were made with is noted. $1: the data
/// directory, $2: the settings, $3: how files are made; then the server.
constexpr const char* kInitialiseAnew = R"sh(
set -eu
data=$1 settings=$2 make=$3; shift 3
if [ "$(cat "$data/made-with" 2>/dev/null || :)" != "$settings" ]; then
  again=yes
  for folder in "$data"/db/*/; do
    case ${folder#"$data/db/"} in mysql/ | performance_schema/ | sys/ | '#innodb_redo/' | '#innodb_temp/') ;; *) again=no ;; esac
  done
  if [ $again = yes ]; then
    rm -rf "$data/db"; mkdir -m 0700 "$data/db"
    eval "$make"
    printf %s "$settings" >"$data/made-with"
  fi
fi
exec "$@"
)sh";

/// $1: the data directory. A dump names the files of the general and the slow log itself, as many as it
/// likes: they are known by their first line. Plugins have others, which have the ending of a log.
constexpr const char* kRemoveLogs = R"sh(
set -eu
cd "$1"
find . -xdev -type f \( -name '*.log' -o -name '*.log.[0-9]*' -o -name '*.err' -o -name '*.err.[0-9]*' -o -name 'innodb_status.*' \) \
  ! -name 'ddl_recovery*.log' ! -name 'ddl-recovery*.log' ! -name tc.log -exec rm -f -- {} +
find . -xdev -type f -exec sh -c '
  for file; do
    if head -c 1000 -- "$file" | head -n 1 | grep -qa "^/[^ ]*, Version: .* started with:$"; then rm -f -- "$file"; fi
  done' sh {} +
)sh";

std::string Joined(const std::vector<std::string>& words, bool for_shell) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ' ';
    if (!for_shell) {
      joined += word;
      continue;
    }
    joined += '\'';
    for (const char c : word) joined += c == '\'' ? std::string("'\\''") : std::string(1, c);
    joined += '\'';
  }
  return joined;
}

}  // namespace

bool RunsEvents(const Settings& settings) {
  const auto set = std::find_if(settings.begin(), settings.end(), [](const auto& setting) {
    return SettingName(setting.first) == "event_scheduler";
  });
  if (set == settings.end()) return false;
  std::string value = set->second;
  std::transform(value.begin(), value.end(), value.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return value == "ON" || value == "1";
}

std::string TemporaryDirectory(const Paths& paths) {
  return paths.data_directory + "/tmp";
}

std::string SocketPath(const Paths& paths) {
  return paths.socket_directory + "/server.sock";
}

Command FamilyEngine::InitialiseCommand(const Launch& launch) const {
  Command command;
  command.argv = {"/bin/sh", "-c", R"(mkdir -m 0700 "$1/tmp" "$1/db" && shift && exec "$@")", "initialise",
                  launch.paths.data_directory};
  Append(command.argv, product_.initialise(launch, DatabaseDirectory(launch.paths)));
  command.env = Environment();
  command.working_directory = "/";
  return command;
}

Command FamilyEngine::StartCommand(const Launch& launch) const {
  Command command;
  // First, or it does not count: files of the host are not for containers.
  command.argv = {ProgramInContainer(launch, product_.server_programs), "--no-defaults"};
  Append(command.argv, FootprintOptions());
  Append(command.argv, launch.purpose == Purpose::kBuild ? BuildOptions() : ServeOptions());
  Append(command.argv, product_.options(launch));
  Append(command.argv, SettingOptions(launch.settings, nullptr));
  // Last: of an option that is there twice, the second counts.
  Append(command.argv, product_.forced(launch));
  Append(command.argv, ForcedOptions(product_, launch));
  const std::vector<std::string> initial = SettingOptions(launch.settings, &product_.initial_settings);
  if (launch.purpose == Purpose::kBuild && !initial.empty()) {
    std::vector<std::string> make = product_.initialise(launch, DatabaseDirectory(launch.paths));
    Append(make, initial);
    std::vector<std::string> server = std::move(command.argv);
    command.argv = {
        "/bin/sh",         "-c", kInitialiseAnew, "sh", launch.paths.data_directory, Joined(initial, false),
        Joined(make, true)};
    Append(command.argv, std::move(server));
  }
  command.env = Environment();
  command.working_directory = "/";
  return command;
}

/// What the server runs at every start, before it listens: the superuser of the private socket exists and
/// needs no password there, whatever a restore or a user did to it.
std::vector<SettingsFile> FamilyEngine::SettingsFiles(const Launch& launch) const {
  std::string text =
      "CREATE USER IF NOT EXISTS 'root'@'localhost';\n"
      "ALTER USER 'root'@'localhost' IDENTIFIED BY '' REQUIRE NONE WITH MAX_QUERIES_PER_HOUR 0 "
      "MAX_UPDATES_PER_HOUR 0 MAX_CONNECTIONS_PER_HOUR 0 MAX_USER_CONNECTIONS 0 PASSWORD EXPIRE NEVER "
      "ACCOUNT "
      "UNLOCK;\n"
      "GRANT ALL PRIVILEGES ON *.* TO 'root'@'localhost' WITH GRANT OPTION;\n";
  if (!launch.credentials.superuser) {
    for (const std::string& statement : product_.take_rights(launch.installation.version)) {
      text += statement + ";\n";
    }
  }
  return {{kInitFile, text}};
}

Command FamilyEngine::CleanAfterMask(const Paths& paths) const {
  return {{"/bin/sh", "-c", kRemoveLogs, "sh", paths.data_directory}, Environment(), "/"};
}

int FamilyEngine::StopSignal() const {
  return SIGTERM;
}

}  // namespace spawnd::engines::mysql_family
