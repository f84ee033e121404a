#include "base/accounts.h"

#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <cerrno>

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
  return {.name = entry.pw_name, .uid = entry.pw_uid, .gid = entry.pw_gid};
}

}  // namespace

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
