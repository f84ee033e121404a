#include <fmt/format.h>
#include <unistd.h>

#include "base/accounts.h"
#include "daemon/doctor/checks.h"
#include "daemon/door/gate.h"

namespace spawnd::daemon {

Diagnoses CheckControlGroups(const DoctorSubject& subject) {
  const std::vector<std::string> missing = subject.missing_limits();
  Diagnoses found;
  for (const std::string& what : missing) {
    found.push_back(
        {"control groups", kWarning, "containers have no limits: " + what,
         "Boot with cgroup v2 (systemd.unified_cgroup_hierarchy=1) and run spawnd as the service"});
  }
  if (found.empty())
    found.push_back({"control groups", kGood, "memory, processes and processors are limited", ""});
  return found;
}

Diagnoses CheckDoors() {
  const auto works = CheckGates();
  if (works) return {{"doors", kGood, "clients wait for an engine that is not ready", ""}};
  return {{"doors", kWarning, works.error().message, works.error().hint}};
}

Diagnoses CheckConfinement(const DoctorSubject& subject) {
  if (::geteuid() != 0) {
    return {{"confinement", kWarning, "only root can try it", "sudo spawnd doctor"}};
  }
  const auto ran = subject.run_confined({{"/usr/bin/id", "-u"}, {"PATH=/usr/bin:/bin"}, "/"});
  if (!ran) {
    return {{"confinement", kBad, "no program can be started as an engine is: " + ran.error().message,
             ran.error().hint.empty() ? "In a container: --privileged; docs/security.md says what is needed"
                                      : ran.error().hint}};
  }
  const std::string& said = ran->output;
  if (ran->exit_code != 0 || said.starts_with("0\n")) {
    return {
        {"confinement", kBad, fmt::format("a program that was started as an engine is said: {}", said), ""}};
  }
  return {{"confinement", kGood, "a program runs in a root, a network and namespaces of its own", ""}};
}

Diagnoses CheckUsers(const DoctorSubject& subject) {
  const auto user = UserNamed(subject.engine_user);
  if (!user) return {{"users", kBad, user.error().message, "getent passwd " + subject.engine_user}};
  if (!*user) {
    return {{"users", kBad, fmt::format("there is no user '{}'", subject.engine_user),
             "systemd-sysusers, or name another as engineUser in spawnd.yaml"}};
  }
  const auto group = GroupNamed("spawn");
  if (!group) return {{"users", kBad, group.error().message, "getent group spawn"}};
  if (!*group) {
    return {{"users", kWarning, "there is no group 'spawn', so nobody but root may use spawnd",
             "systemd-sysusers, and usermod -aG spawn USER"}};
  }
  if (const auto holder = HolderOf(subject.first_user, subject.last_user)) {
    return {{"users", kBad,
             fmt::format("the users {}-{} are for containers, but {} has some of them", subject.first_user,
                         subject.last_user, *holder),
             "Name a range of 65536 that nobody has as userRange in spawnd.yaml"}};
  }
  return {{"users", kGood,
           fmt::format("'{}', group 'spawn', and {}-{} for containers", subject.engine_user,
                       subject.first_user, subject.last_user),
           ""}};
}

}  // namespace spawnd::daemon
