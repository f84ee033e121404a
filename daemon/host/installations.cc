#include "daemon/host/installations.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/accounts.h"
#include "base/process.h"
#include "engines/registry.h"
#include "engines/server_search.h"

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

/// Who has said its version is not asked again while it is the same file: everybody may ask for a list as
/// often as he likes. One that failed is asked again, because what it lacked may be there now.
Result<ProcessOutput> Installations::RunOnce(const std::string& root, const engines::Command& command) {
  // Before it is run: one that is replaced meanwhile is asked once more.
  const auto is_now = engines::IdentityOf(command.argv.front());
  if (is_now) {
    if (auto said = memory_.Recall(command.argv, *is_now)) return ProcessOutput{0, std::move(*said)};
  }
  auto output = run_(root, command);
  if (is_now && output && output->exit_code == 0) memory_.Note(command.argv, *is_now, output->output);
  return output;
}

std::vector<engines::Installation> Installations::Find(std::chrono::milliseconds patience) {
  using std::chrono::steady_clock;
  steady_clock::duration wasted{};
  const engines::ServerRun run = [&](const std::string& root,
                                     const engines::Command& command) -> Result<ProcessOutput> {
    const std::string& program = command.argv.front();
    const std::string reason = WhyUntrusted(root, program);
    if (!reason.empty()) return Fail(ErrorCode::kForbidden, "not run: " + reason);
    const auto begin = steady_clock::now();
    if (wasted >= patience) {
      const auto is_now = engines::IdentityOf(program);
      auto said = is_now ? memory_.Recall(command.argv, *is_now) : std::nullopt;
      if (said) return ProcessOutput{0, std::move(*said)};
      return Fail(ErrorCode::kTimeout, "'" + program + "' has not been asked for its version yet");
    }
    auto output = RunOnce(root, command);
    if (!output && engines::IsFailureToAsk(output.error())) wasted += steady_clock::now() - begin;
    return output;
  };
  std::vector<engines::Installation> found;
  for (const engines::Engine* engine : engines::AllEngines()) {
    const std::string licence(engine->LicenceKey());
    const bool accepted = licence.empty() || settings_.accepted_licences.count(licence) > 0;
    std::vector<std::string> places =
        settings_.usual_places ? engine->UsualPlaces() : std::vector<std::string>();
    places.insert(places.end(), settings_.search_paths.begin(), settings_.search_paths.end());
    for (engines::Installation& one : engine->Detect(places, run)) {
      if (!accepted && one.problem.empty()) {
        one.problem = "its licence is not accepted: read it, then set " + licence + ": true in spawnd.yaml";
      }
      found.push_back(std::move(one));
    }
  }
  return found;
}

void Installations::Detect(std::chrono::milliseconds patience) {
  uint64_t begun_before = 0;
  {
    const std::lock_guard lock(mutex_);
    begun_before = looks_begun_;
  }
  // One at a time: on a machine that is too busy to answer, everybody's asking makes it worse.
  const std::lock_guard look(looking_);
  {
    const std::lock_guard lock(mutex_);
    if (looks_begun_ > begun_before) return;  // somebody's, from beginning to end, while this one waited
    ++looks_begun_;
  }
  std::vector<engines::Installation> found = Find(patience);
  memory_.Keep();
  {
    const std::lock_guard lock(mutex_);
    found_ = std::move(found);
  }
  if (AnyUnanswered()) wake_.notify_all();
}

bool Installations::AnyUnanswered() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(found_.begin(), found_.end(),
                     [](const engines::Installation& one) { return one.unanswered; });
}

namespace {

bool IsReplaced(const engines::Installation& one) {
  const auto now = engines::IdentityOf(one.program);
  return !now || !(*now == one.identity);
}

}  // namespace

bool Installations::AnyReplaced() const {
  const auto all = All();
  return std::any_of(all.begin(), all.end(), IsReplaced);
}

void Installations::KeepAsking(std::function<void(const std::string&)> tell, AskingPace pace) {
  asks_ = std::jthread(
      [this, tell = std::move(tell), pace](const std::stop_token& stop) { AskAgain(stop, tell, pace); });
}

void Installations::StopAsking() {
  asks_.request_stop();
  if (asks_.joinable()) asks_.join();
}

void Installations::AskAgain(const std::stop_token& stop, const std::function<void(const std::string&)>& tell,
                             AskingPace pace) {
  auto delay = pace.first_try;
  while (!stop.stop_requested()) {
    const bool waits = AnyUnanswered();
    if (!waits) delay = pace.first_try;
    {
      // A thread that waits to look is woken when something does not answer; one that waits to ask is not.
      std::unique_lock lock(mutex_);
      const auto until = [&] {
        return !waits && std::any_of(found_.begin(), found_.end(),
                                     [](const engines::Installation& one) { return one.unanswered; });
      };
      wake_.wait_for(lock, stop, waits ? delay : pace.look, until);
    }
    if (stop.stop_requested()) return;
    if (waits) delay = std::min(delay * 2, pace.longest);
    if (!waits && !AnyReplaced()) continue;
    const auto before = Describe();
    Detect();
    for (const std::string& line : Describe()) {
      if (std::find(before.begin(), before.end(), line) == before.end()) tell(line);
    }
  }
}

Result<engines::Installation> Installations::Choose(const engines::Engine& engine,
                                                    std::string_view wanted) const {
  return engines::ChooseInstallation(engine, All(), wanted);
}

Result<engines::Installation> Installations::ChooseOrDetect(const engines::Engine& engine,
                                                            std::string_view wanted) {
  auto chosen = Choose(engine, wanted);
  if (chosen && !IsReplaced(*chosen)) return chosen;
  Detect();
  return Choose(engine, wanted);
}

Result<engines::Installation> Installations::ForData(const engines::Engine& engine,
                                                     std::string_view version) const {
  return engines::ChooseForData(engine, All(), version);
}

Result<engines::Installation> Installations::ForDataOrDetect(const engines::Engine& engine,
                                                             std::string_view version) {
  auto chosen = ForData(engine, version);
  if (chosen && !IsReplaced(*chosen)) return chosen;
  Detect();
  return ForData(engine, version);
}

std::vector<engines::Installation> Installations::All() const {
  const std::lock_guard lock(mutex_);
  return found_;
}

std::vector<std::string> Installations::Describe() const {
  std::vector<std::string> lines;
  for (const engines::Installation& one : All()) {
    const std::string version = one.version.empty() ? "of unknown version" : one.version;
    const char* const verdict = one.unanswered ? ", not known yet: " : ", not usable: ";
    const std::string problem = one.problem.empty() ? "" : verdict + one.problem;
    lines.push_back(one.engine + " " + version + " in " + one.root + problem);
  }
  return lines;
}

}  // namespace spawnd::daemon
