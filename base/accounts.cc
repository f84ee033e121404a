#include "base/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>

namespace spawnd {
namespace {

constexpr size_t kFirstRoom = size_t{4} * 1024;
constexpr size_t kMostRoom = size_t{16} * 1024 * 1024;
constexpr int kFirstGroups = 64;
constexpr int kMostGroups = 65536;  ///< the kernel's own limit for a process

/// Runs one of the get..._r functions, `call(buffer, size, found)`, with more room until the entry fits. Its
/// texts are in the buffer, so `take` copies what is wanted of it.
template <typename Entry, typename Call, typename Take>
auto LookUp(const std::string& what, Call call, Take take)
    -> Result<std::optional<decltype(take(std::declval<const Entry&>()))>> {
  std::vector<char> buffer(kFirstRoom);
  while (true) {
    Entry entry{};
    Entry* found = nullptr;
    const int error = call(&entry, buffer.data(), buffer.size(), &found);
    if (error == 0 && found != nullptr) return std::optional(take(entry));
    // Some name services report the missing entry as a missing file or process.
    if (error == 0 || error == ENOENT || error == ESRCH) return std::nullopt;
    if (error == EINTR) continue;
    if (error != ERANGE || buffer.size() >= kMostRoom) {
      return Fail(ErrorCode::kUnavailable, ErrnoError(error, "cannot look up " + what).message);
    }
    buffer.resize(buffer.size() * 4);
  }
}

User UserOf(const passwd& entry) {
  return {.name = entry.pw_name,
          .uid = entry.pw_uid,
          .gid = entry.pw_gid,
          .home = entry.pw_dir == nullptr ? "" : entry.pw_dir,
          .shell = entry.pw_shell == nullptr ? "" : entry.pw_shell};
}

bool Within(uint64_t number, uid_t first, uid_t last) {
  return number >= first && number <= last;
}

/// Of /etc/subuid and /etc/subgid, "name:first:count" a line. What is root's is kept for nobody, which is how
/// a range is kept free of everybody else.
std::optional<std::string> HolderIn(const std::string& path, uid_t first, uid_t last) {
  std::ifstream file(path);
  for (std::string name, begin, count;
       std::getline(file, name, ':') && std::getline(file, begin, ':') && std::getline(file, count);) {
    const uint64_t low = std::strtoull(begin.c_str(), nullptr, 10);
    const uint64_t high = low + std::strtoull(count.c_str(), nullptr, 10);
    if (name != "root" && low <= last && high > first) return "'" + name + "' in " + path;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> HolderOf(uid_t first, uid_t last) {
  std::optional<std::string> holder;
  ::setpwent();
  while (const passwd* entry = holder ? nullptr : ::getpwent()) {
    if (Within(entry->pw_uid, first, last)) holder = "user '" + std::string(entry->pw_name) + "'";
  }
  ::endpwent();
  ::setgrent();
  while (const group* entry = holder ? nullptr : ::getgrent()) {
    if (Within(entry->gr_gid, first, last)) holder = "group '" + std::string(entry->gr_name) + "'";
  }
  ::endgrent();
  if (!holder) holder = HolderIn("/etc/subuid", first, last);
  if (!holder) holder = HolderIn("/etc/subgid", first, last);
  return holder;
}

Result<std::optional<User>> UserNamed(const std::string& name) {
  return LookUp<passwd>(
      "user '" + name + "'",
      [&name](passwd* entry, char* buffer, size_t size, passwd** found) {
        return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
      },
      UserOf);
}

Result<std::optional<User>> UserNumbered(uid_t uid) {
  return LookUp<passwd>(
      "user " + std::to_string(uid),
      [uid](passwd* entry, char* buffer, size_t size, passwd** found) {
        return ::getpwuid_r(uid, entry, buffer, size, found);
      },
      UserOf);
}

Result<std::optional<gid_t>> GroupNamed(const std::string& name) {
  return LookUp<group>(
      "group '" + name + "'",
      [&name](group* entry, char* buffer, size_t size, group** found) {
        return ::getgrnam_r(name.c_str(), entry, buffer, size, found);
      },
      [](const group& entry) { return entry.gr_gid; });
}

Result<std::optional<std::vector<std::string>>> MembersOf(const std::string& group_name) {
  return LookUp<group>(
      "group '" + group_name + "'",
      [&group_name](group* entry, char* buffer, size_t size, group** found) {
        return ::getgrnam_r(group_name.c_str(), entry, buffer, size, found);
      },
      [](const group& entry) {
        std::vector<std::string> members;
        for (char** name = entry.gr_mem; *name != nullptr; ++name) members.emplace_back(*name);
        return members;
      });
}

Result<std::vector<gid_t>> GroupsOf(const User& user) {
  std::vector<gid_t> groups;
  for (int room = kFirstGroups; room <= kMostGroups;) {
    groups.resize(static_cast<size_t>(room));
    int count = room;
    if (::getgrouplist(user.name.c_str(), user.gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<size_t>(count));
      return groups;
    }
    // It says how many there are, and by the next call there may be more. What it did not fill stays zero,
    // which is root's group: never a part of the answer.
    room = std::max(count, room * 2);
  }
  return Fail(ErrorCode::kUnavailable, "cannot look up the groups of user '" + user.name +
                                           "': there are more than " + std::to_string(kMostGroups));
}

std::string UserName(uid_t uid) {
  const auto user = UserNumbered(uid);
  return user && *user ? (*user)->name : std::to_string(uid);
}

}  // namespace spawnd
