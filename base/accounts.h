/// The machine's users and groups, asked anew each time.
///
/// An entry may be of any size up to 16 MiB, a group of some hundred thousand members. Nobody there by that
/// name or number is no error but an empty answer. Errors, kUnavailable: the name service failed, so nobody
/// knows.
///
/// Safe from any thread; a call may block for as long as a directory service takes.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace spawnd {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;        ///< primary
  std::string home{};   ///< may be empty
  std::string shell{};  ///< may be empty
};

Result<std::optional<User>> UserNamed(const std::string& name);
Result<std::optional<User>> UserNumbered(uid_t uid);
/// The group's number.
Result<std::optional<gid_t>> GroupNamed(const std::string& name);
/// The users whom the group lists; nothing when there is no such group. Those who have it as their primary
/// group are listed nowhere.
Result<std::optional<std::vector<std::string>>> MembersOf(const std::string& group);
/// Every group that the user is in, the primary one too.
Result<std::vector<gid_t>> GroupsOf(const User& user);

/// Somebody who has one of these numbers: "user 'ann'", "group 'staff'", or "'ann' in
/// /etc/subuid". Looks at what the name services list, which a directory service may be set not to. Not to be
/// called from two threads at once.
std::optional<std::string> HolderOf(uid_t first, uid_t last);

/// The login name; the number as text when nobody knows one.
std::string UserName(uid_t uid);

}  // namespace spawnd
