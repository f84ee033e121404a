#include "daemon/doctor_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <utility>

#include "api/doctor_text.h"
#include "api/json.h"
#include "base/accounts.h"
#include "daemon/config.h"
#include "daemon/doctor/doctor.h"
#include "daemon/host/delegation.h"
#include "daemon/host/installations.h"
#include "daemon/keeper/launcher.h"
#include "engines/engine.h"

namespace spawnd::daemon {
namespace {

/// What a daemon would be at once after its start, as far as this process may.
class Onlooker {
 public:
  Onlooker(const Config& config, const std::string& state_directory)
      // The one is as good as the other to run a program that sees nothing of it.
      : launcher_(::access(state_directory.c_str(), F_OK) == 0 ? state_directory : "/tmp"),
        installations_(
            {config.engine_search_paths, config.engine_usual_places, config.accepted_licences, ""},
            [this](const std::string& root, const engines::Command& command) { return Run(root, command); }) {
    const auto user = UserNamed(config.engine_user);
    if (user && *user) uid_ = (*user)->uid, gid_ = (*user)->gid;
  }

  Result<ProcessOutput> Run(const std::string& root, const engines::Command& command) {
    if (::geteuid() != 0) return Fail(ErrorCode::kForbidden, "only root can ask it", "sudo spawnd doctor");
    if (uid_ == 0) return Fail(ErrorCode::kNotFound, "there is no user for engines to run as");
    return launcher_.RunProgram(
        {root, command, uid_, gid_, engines::kServerRunDeadline, engines::kMaxServerRunOutput});
  }
  std::vector<engines::Installation> Look() {
    installations_.Detect();
    return installations_.All();
  }

 private:
  KeeperLauncher launcher_;  ///< started by the first program
  Installations installations_;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
};

std::vector<std::string> MissingHere() {
  struct stat folder {};
  if (::stat("/sys/fs/cgroup/cgroup.controllers", &folder) == 0) return {};
  return {"there is no cgroup v2 at /sys/fs/cgroup"};
}

}  // namespace

Result<bool> RunDoctor(const ServeOptions& options, bool json) {
  const bool named = !options.config_path.empty();
  const auto loaded = LoadConfig(named ? options.config_path : kDefaultConfigPath, named);
  Diagnoses found;
  if (::geteuid() != 0) {
    found.push_back({"account", kWarning, "only root can look at all of it: some lines below are about that",
                     "sudo spawnd doctor"});
  }
  if (loaded) {
    const std::string path = named ? options.config_path : kDefaultConfigPath;
    const bool there = ::access(path.c_str(), F_OK) == 0;
    found.push_back({"settings", kGood, there ? path : "all defaults: there is no " + path, ""});
  } else {
    found.push_back({"settings", kBad, loaded.error().message, loaded.error().hint});
  }
  const Config config = loaded ? *loaded : Config();
  Onlooker onlooker(config, options.state_directory);
  const DoctorSubject subject{
      options.state_directory,
      options.socket_path,
      config.engine_user,
      config.first_user,
      config.last_user,
      config.host,
      config.first_port,
      config.last_port,
      config.disk_warn_percent,
      config.disk_refuse_percent,
      [&onlooker] { return onlooker.Look(); },
      [&onlooker](const engines::Command& command) { return onlooker.Run("/usr", command); },
      MissingHere,
      config.also_listen};
  for (api::Diagnosis& one : Examine(subject)) found.push_back(std::move(one));
  const std::string text = json ? api::ToJson(found) + "\n" : api::DoctorText(found);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (std::fflush(stdout) != 0) return FailErrno(errno, "cannot write to standard output");
  return !AnythingBad(found);
}

}  // namespace spawnd::daemon
