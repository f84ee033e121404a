/// The binary `spawnd`: the daemon, and with the argument `keeper` the process beside each container.
#include "daemon/keeper/main.h"

#include <CLI/CLI.hpp>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "api/error_codes.h"
#include "base/nearest.h"
#include "daemon/doctor_command.h"
#include "daemon/fsck/fsck.h"
#include "daemon/fsck/lost.h"
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

int ReportOf(const spawnd::Result<void>& done) {
  return done ? 0 : Report(done.error());
}

/// The commands, each with its flags and what it does: of one that was given, `run` returns the exit code.
class CommandLine {
 public:
  CommandLine() : app_("spawnd hands out database containers. `spawnctl` is its client.", "spawnd") {
    app_.require_subcommand(1);
    AddServe();
    AddFsck();
    AddLostAndFound();
    AddDoctor();
    AddPackageCommands();
    Add("version", "Print the version", [] {
      PrintVersion();
      return 0;
    });
  }

  int Run(int argc, char** argv) {
    const std::vector<std::string> commands = Commands();
    if (argc > 1 && argv[1][0] != '-' &&
        std::find(commands.begin(), commands.end(), argv[1]) == commands.end()) {
      return Unknown(argv[1], commands);
    }
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      // Prints help, or what is wrong, itself; anything wrong is bad usage.
      return app_.exit(error) == 0 ? 0 : 64;
    }
    options_.state_directory = Absolute(options_.state_directory);
    options_.socket_path = Absolute(options_.socket_path);
    return run_();
  }

 private:
  std::vector<std::string> Commands() const {
    std::vector<std::string> names;
    const auto all = [](const CLI::App* /*command*/) { return true; };
    for (const CLI::App* command : app_.get_subcommands(all)) names.push_back(command->get_name());
    return names;
  }

  static int Unknown(std::string_view word, const std::vector<std::string>& commands) {
    const std::vector<std::string_view> candidates(commands.begin(), commands.end());
    const std::string_view meant = spawnd::Nearest(word, candidates);
    return Report({spawnd::ErrorCode::kInvalidArgument,
                   "spawnd has no command '" + std::string(word.substr(0, 100)) + "'",
                   meant.empty() ? "`spawnd --help` lists them; what users do, `spawnctl` does."
                                 : "Did you mean '" + std::string(meant) + "'?"});
  }

  CLI::App* Add(const char* name, const char* summary, std::function<int()> run) {
    CLI::App* command = app_.add_subcommand(name, summary);
    command->callback([this, run = std::move(run)] { run_ = run; });
    return command;
  }

  void AddServe() {
    AddPlaces(*Add("serve", "Run the daemon until SIGTERM or SIGINT",
                   [this] { return ReportOf(spawnd::daemon::Serve(options_)); }),
              options_);
  }

  void AddFsck() {
    CLI::App* fsck =
        Add("fsck", "Check the state directory while no daemon serves it", [this] { return Check(); });
    AddStateDirectory(*fsck, options_);
    CLI::Option* repair =
        fsck->add_flag("--repair", fsck_.repair, "Repair what is found; without it nothing is changed");
    CLI::Option* accept =
        fsck->add_flag("--accept-older-catalog", accept_older_catalog_,
                       "Go on with a catalog that was put back from a copy, and check nothing");
    CLI::Option* rebuild =
        fsck->add_flag("--rebuild-catalog", rebuild_catalog_,
                       "Make a catalog of the manifests where there is none, and check nothing");
    accept->excludes(repair);
    rebuild->excludes(repair)->excludes(accept);
    AddFormat(*fsck, "json: one array of findings");
  }

  void AddLostAndFound() {
    CLI::App* lost = app_.add_subcommand("lost-and-found", "What is kept that the catalog does not know");
    lost->require_subcommand(1);
    const auto add = [&](const char* name, const char* summary, std::function<spawnd::Result<void>()> run) {
      CLI::App* command = lost->add_subcommand(name, summary);
      command->callback([this, run = std::move(run)] { run_ = [run] { return ReportOf(run()); }; });
      AddStateDirectory(*command, options_);
      return command;
    };
    AddFormat(*add("list", "Show it, and how long it stays",
                   [this] { return spawnd::daemon::PrintLost(options_.state_directory, !format_.empty()); }),
              "json: one array");
    add("restore", "Take a data image or data container back",
        [this] { return spawnd::daemon::TakeBackLost(options_.state_directory, lost_thing_); })
        ->add_option("id", lost_thing_, "Its number")
        ->required();
    add("delete", "Throw one thing, or all of a date, away",
        [this] { return spawnd::daemon::ThrowAwayLost(options_.state_directory, lost_thing_); })
        ->add_option("id-or-date", lost_thing_, "As list shows it")
        ->required();
  }

  void AddDoctor() {
    CLI::App* doctor = Add("doctor", "Say whether this machine is fit for spawnd, and what mends it", [this] {
      const auto fit = spawnd::daemon::RunDoctor(options_, !format_.empty());
      if (!fit) return Report(fit.error());
      return *fit ? 0 : 1;
    });
    AddPlaces(*doctor, options_);
    AddFormat(*doctor, "json: one array of what was found");
  }

  void AddPackageCommands() {
    AddStateDirectory(
        *Add("inventory", "Print what the state directory holds, and its sizes",
             [this] { return ReportOf(spawnd::daemon::PrintInventory(options_.state_directory)); }),
        options_);
    CLI::App* stop = Add("stop-containers", "Stop all containers while no daemon serves them", [this] {
      return ReportOf(
          spawnd::daemon::StopContainers(options_.state_directory, std::chrono::seconds(patience_seconds_)));
    });
    AddStateDirectory(*stop, options_);
    stop->add_option("--wait", patience_seconds_, "Seconds until what has not stopped is killed")
        ->check(CLI::Range(0, 3600))
        ->capture_default_str();
  }

  void AddFormat(CLI::App& command, const char* help) {
    command.add_option("-o,--output", format_, help)->check(CLI::IsMember({"json"}));
  }

  int Check() {
    if (rebuild_catalog_) return ReportOf(spawnd::daemon::RebuildCatalog(options_.state_directory));
    if (accept_older_catalog_) return ReportOf(spawnd::daemon::AcceptCatalog(options_.state_directory));
    fsck_.state_directory = options_.state_directory;
    fsck_.json = !format_.empty();
    const auto left = spawnd::daemon::Fsck(fsck_);
    if (!left) return Report(left.error());
    return *left == 0 ? 0 : 1;
  }

  CLI::App app_;
  ServeOptions options_;
  spawnd::daemon::FsckOptions fsck_;
  bool accept_older_catalog_ = false;
  bool rebuild_catalog_ = false;
  std::string lost_thing_;
  std::string format_;
  int64_t patience_seconds_ = spawnd::daemon::kStopPatience.count();
  std::function<int()> run_;
};

}  // namespace

int main(int argc, char** argv) {
  // First of all, before any other initialisation: creates wait for these processes.
  if (argc >= 2 && std::strcmp(argv[1], "keeper") == 0) return spawnd::daemon::KeeperMain(argc, argv);
  if (argc >= 2 && std::strcmp(argv[1], "keeper-launcher") == 0)
    return spawnd::daemon::KeeperLauncherMain(argc, argv);
  try {
    return CommandLine().Run(argc, argv);
  } catch (const std::exception& error) {
    return Report({spawnd::ErrorCode::kInternal, std::string("unexpected: ") + error.what()});
  }
}
