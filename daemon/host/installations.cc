#include "daemon/host/installations.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/accounts.h"
#include "base/process.h"
#include "engines/registry.h"

namespace spawnd::daemon {

namespace {

std::string WhyUntrusted(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return "'" + path + "' cannot be looked at: " + std::strerror(errno);
  if (st.st_uid != 0 && st.st_uid != ::geteuid()) {
    return "'" + path + "' belongs to " + UserName(st.st_uid) + ", who could put anything in its place";
  }
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "others than its owner may write to '" + path + "'";
  return "";
}

}  // namespace

std::string WhyUntrusted(const std::string& root, const std::string& program) {
  std::string reason = WhyUntrusted(root);
  // Each name below the root on the way to the program, and that itself.
  for (size_t end = root.size(); reason.empty() && end < program.size();) {
    end = std::min(program.find('/', end + 1), program.size());
    reason = WhyUntrusted(program.substr(0, end));
  }
  return reason;
}

std::optional<Installations::Asked> Installations::LookAt(const std::string& program) {
  constexpr int64_t kNanoseconds = 1'000'000'000;
  struct stat st {};
  if (::stat(program.c_str(), &st) != 0) return std::nullopt;
  return Asked{st.st_dev, st.st_ino, st.st_size, st.st_mtim.tv_sec * kNanoseconds + st.st_mtim.tv_nsec,
               st.st_ctim.tv_sec * kNanoseconds + st.st_ctim.tv_nsec};
}

Result<ProcessOutput> Installations::RunOnce(const std::string& root, const engines::Command& command) {
  // Before it is run: one that is replaced meanwhile is asked once more.
  const auto is_now = LookAt(command.argv.front());
  if (is_now) {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(command.argv);
    if (found != answers_.end() && found->second.first == *is_now) return found->second.second;
  }
  auto output = run_(root, command);
  if (is_now && output && output->exit_code == 0) {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(command.argv, std::pair(*is_now, *output));
  }
  return output;
}

void Installations::Detect() {
  const engines::ServerRun run = [this](const std::string& root,
                                        const engines::Command& command) -> Result<ProcessOutput> {
    const std::string reason = WhyUntrusted(root, command.argv.front());
    if (!reason.empty()) return Fail(ErrorCode::kForbidden, "not run: " + reason);
    return RunOnce(root, command);
  };
  std::vector<engines::Installation> found;
  for (const engines::Engine* engine : engines::AllEngines()) {
    const std::string licence(engine->LicenceKey());
    const bool accepted = licence.empty() || accepted_licences_.count(licence) > 0;
    std::vector<std::string> places = usual_places_ ? engine->UsualPlaces() : std::vector<std::string>();
    places.insert(places.end(), search_paths_.begin(), search_paths_.end());
    for (engines::Installation& one : engine->Detect(places, run)) {
      if (!accepted && one.problem.empty()) {
        one.problem = "its licence is not accepted: read it, then set " + licence + ": true in spawnd.yaml";
      }
      found.push_back(std::move(one));
    }
  }
  const std::lock_guard lock(mutex_);
  found_ = std::move(found);
}

Result<engines::Installation> Installations::Choose(const engines::Engine& engine,
                                                    std::string_view wanted) const {
  return engines::ChooseInstallation(engine, All(), wanted);
}

Result<engines::Installation> Installations::ChooseOrDetect(const engines::Engine& engine,
                                                            std::string_view wanted) {
  auto chosen = Choose(engine, wanted);
  if (chosen && ::access(chosen->root.c_str(), F_OK) == 0) return chosen;
  Detect();
  return Choose(engine, wanted);
}

std::vector<engines::Installation> Installations::All() const {
  const std::lock_guard lock(mutex_);
  return found_;
}

std::vector<std::string> Installations::Describe() const {
  std::vector<std::string> lines;
  for (const engines::Installation& one : All()) {
    const std::string version = one.version.empty() ? "of unknown version" : one.version;
    const std::string problem = one.problem.empty() ? "" : ", not usable: " + one.problem;
    lines.push_back(one.engine + " " + version + " in " + one.root + problem);
  }
  return lines;
}

}  // namespace spawnd::daemon
