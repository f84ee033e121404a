/// The binary `spawnd`: the daemon, and with the argument `keeper` the process beside each container.
#include "daemon/keeper/main.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <exception>

#include "api/error_codes.h"
#include "daemon/doctor_command.h"
#include "daemon/fsck/fsck.h"
#include "daemon/keeper/launcher_process.h"
#include "daemon/removal.h"
#include "daemon/serve.h"
#include "daemon/version.h"

namespace {

using spawnd::daemon::ServeOptions;

int Report(const spawnd::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.message.c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "hint: %s\n", error.hint.c_str());
  return spawnd::api::ExitCode(error.code);
}

void PrintVersion() {
  const auto version = spawnd::daemon::BuildVersion();
  std::printf("spawnd %s (%s)\n", version.version.c_str(), version.git_commit.c_str());
}

/// A relative state directory would move with whoever changes the working directory.
std::string Absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  char* here = ::getcwd(nullptr, 0);
  const std::string absolute = std::string(here != nullptr ? here : "") + "/" + path;
  ::free(here);
  return absolute;
}

void AddStateDirectory(CLI::App& command, ServeOptions& options) {
  command.add_option("--state-dir", options.state_directory, "Where images and containers are kept")
      ->capture_default_str();
}

/// Where a daemon finds its things.
void AddPlaces(CLI::App& command, ServeOptions& options) {
  AddStateDirectory(command, options);
  command.add_option("--socket", options.socket_path, "Unix socket to listen on")->capture_default_str();
  command.add_option("--config", options.config_path,
                     "Configuration file (default: /etc/spawnd/spawnd.yaml, if it is there)");
}

int Check(const spawnd::daemon::FsckOptions& options) {
  const auto left = spawnd::daemon::Fsck(options);
  if (!left) return Report(left.error());
  return *left == 0 ? 0 : 1;
}

int Examine(const ServeOptions& options, bool json) {
  const auto fit = spawnd::daemon::RunDoctor(options, json);
  if (!fit) return Report(fit.error());
  return *fit ? 0 : 1;
}

int ReportOf(const spawnd::Result<void>& done) {
  return done ? 0 : Report(done.error());
}

int Run(int argc, char** argv) {
  CLI::App app("spawnd hands out database containers. `spawnctl` is its client.", "spawnd");
  app.require_subcommand(1);
  ServeOptions options;
  CLI::App* serve = app.add_subcommand("serve", "Run the daemon until SIGTERM or SIGINT");
  AddPlaces(*serve, options);
  spawnd::daemon::FsckOptions fsck_options;
  std::string format;
  CLI::App* fsck = app.add_subcommand("fsck", "Check the state directory while no daemon serves it");
  AddStateDirectory(*fsck, options);
  CLI::Option* repair =
      fsck->add_flag("--repair", fsck_options.repair, "Repair what is found; without it nothing is changed");
  bool accept = false;
  fsck->add_flag("--accept-older-catalog", accept,
                 "Go on with a catalog that was put back from a copy, and check nothing")
      ->excludes(repair);
  fsck->add_option("-o,--output", format, "json: one array of findings")->check(CLI::IsMember({"json"}));
  CLI::App* doctor =
      app.add_subcommand("doctor", "Say whether this machine is fit for spawnd, and what mends it");
  AddPlaces(*doctor, options);
  doctor->add_option("-o,--output", format, "json: one array of what was found")
      ->check(CLI::IsMember({"json"}));
  CLI::App* inventory =
      app.add_subcommand("inventory", "Print what the state directory holds, and its sizes");
  CLI::App* stop = app.add_subcommand("stop-containers", "Stop all containers while no daemon serves them");
  for (CLI::App* command : {inventory, stop}) AddStateDirectory(*command, options);
  const CLI::App* version = app.add_subcommand("version", "Print the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Prints help, or what is wrong, itself; anything wrong is bad usage.
    return app.exit(error) == 0 ? 0 : 64;
  }
  if (version->parsed()) {
    PrintVersion();
    return 0;
  }
  options.state_directory = Absolute(options.state_directory);
  if (accept) {
    const auto accepted = spawnd::daemon::AcceptCatalog(options.state_directory);
    return accepted ? 0 : Report(accepted.error());
  }
  if (fsck->parsed()) {
    fsck_options.state_directory = options.state_directory;
    fsck_options.json = !format.empty();
    return Check(fsck_options);
  }
  if (inventory->parsed()) return ReportOf(spawnd::daemon::PrintInventory(options.state_directory));
  if (stop->parsed()) {
    return ReportOf(spawnd::daemon::StopContainers(options.state_directory, spawnd::daemon::kStopPatience));
  }
  options.socket_path = Absolute(options.socket_path);
  if (doctor->parsed()) return Examine(options, !format.empty());
  return ReportOf(spawnd::daemon::Serve(options));
}

}  // namespace

int main(int argc, char** argv) {
  // First of all, before any other initialisation: creates wait for these processes.
  if (argc >= 2 && std::strcmp(argv[1], "keeper") == 0) return spawnd::daemon::KeeperMain(argc, argv);
  if (argc >= 2 && std::strcmp(argv[1], "keeper-launcher") == 0)
    return spawnd::daemon::KeeperLauncherMain(argc, argv);
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {
    return Report({spawnd::ErrorCode::kInternal, std::string("unexpected: ") + error.what()});
  }
}
