#include "daemon/sources/primary.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <utility>

#include "base/accounts.h"
#include "base/process.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMostFileBytes = size_t{64} << 10U;
constexpr std::chrono::seconds kReadDeadline{10};

Result<Identity> RightsOf(uid_t uid) {
  TRY_ASSIGN(const auto user, UserNumbered(uid));
  if (!user) return Fail(ErrorCode::kNotFound, "there is no user " + std::to_string(uid) + " any more");
  Identity identity{user->uid, user->gid, {}};
  TRY_ASSIGN(identity.groups, GroupsOf(*user));
  return identity;
}

/// Its standard output, whatever it says to the other one.
Result<ProcessOutput> RunAs(const Identity& identity, std::vector<std::string> argv) {
  SpawnOptions options;
  options.argv = std::move(argv);
  options.env = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
  options.identity = identity;
  options.new_session = true;
  options.no_new_privileges = true;
  options.limits = {{RLIMIT_CORE, 0, 0}};
  return RunAndCapture(options, kReadDeadline, kMostFileBytes + 1);
}

Result<std::string> ReadAs(const Identity& identity, const std::string& path, std::string_view what) {
  if (!path.starts_with('/')) {
    return Fail(ErrorCode::kInvalidArgument, std::string(what) + " '" + path + "' is no absolute path");
  }
  TRY_ASSIGN(ProcessOutput read,
             RunAs(identity, {"/usr/bin/head", "-c", std::to_string(kMostFileBytes + 1), "--", path}));
  if (read.exit_code != 0) {
    const std::string words = read.output.substr(read.output.rfind(": ") + 2, 100);
    return Fail(ErrorCode::kForbidden, "cannot read " + std::string(what) + " '" + path + "' as '" +
                                           UserName(identity.uid) +
                                           "': " + words.substr(0, words.find('\n')));
  }
  if (read.output.size() <= kMostFileBytes) return std::move(read.output);
  return Fail(ErrorCode::kInvalidArgument, std::string(what) + " '" + path + "' has more than 64 KiB");
}

/// Nothing, where there is none.
std::string ReadInHome(const Identity& identity, const std::string& name) {
  constexpr const char* kScript =
      "home=$(getent passwd \"$1\" | cut -d: -f6); [ -n \"$home\" ] && exec head -c 65536 -- \"$home/$2\" "
      "2>/dev/null";
  auto read = RunAs(identity, {"/bin/sh", "-c", kScript, "sh", std::to_string(identity.uid), name});
  return read && read->exit_code == 0 ? std::move(read->output) : std::string();
}

Result<std::vector<std::string>> Resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (failed != 0) {
    return Fail(ErrorCode::kUnavailable, "host '" + host + "' is not found: " + ::gai_strerror(failed),
                "Say a name or an address that this machine knows as `connection.host`.");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
  std::vector<std::string> addresses;
  for (const addrinfo* one = list.get(); one != nullptr; one = one->ai_next) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes =
        one->ai_family == AF_INET
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(one->ai_addr)->sin_addr)
            : &reinterpret_cast<const sockaddr_in6*>(one->ai_addr)->sin6_addr;
    if (::inet_ntop(one->ai_family, bytes, text.data(), text.size()) != nullptr)
      addresses.emplace_back(text.data());
  }
  return addresses;
}

/// Without the end of its line.
std::string FirstLineOf(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

Result<FoundPrimary> FindPrimary(const engines::StandbyRecipe& recipe, const api::Connection& connection,
                                 uid_t owner) {
  TRY_ASSIGN(const Identity identity, RightsOf(owner));
  if (connection.port < 0 || connection.port > 65535) {
    return Fail(ErrorCode::kInvalidArgument, std::to_string(connection.port) + " is no port");
  }
  FoundPrimary found;
  found.primary.host = connection.host;
  found.primary.port = static_cast<uint16_t>(connection.port);
  found.primary.user = connection.user;
  found.primary.options = connection.options;
  TRY_ASSIGN(found.primary, recipe.Complete(std::move(found.primary), UserName(owner)));
  const auto files = recipe.FileOptions();
  for (auto option = found.primary.options.begin(); option != found.primary.options.end();) {
    const bool is_file = std::find(files.begin(), files.end(), option->first) != files.end();
    if (!is_file || option->second == "system") {
      ++option;
      continue;
    }
    TRY_ASSIGN(std::string content, ReadAs(identity, option->second, option->first));
    found.primary.files.emplace_back(option->first, std::move(content));
    option = found.primary.options.erase(option);
  }
  if (!connection.password_file.empty()) {
    TRY_ASSIGN(const std::string text, ReadAs(identity, connection.password_file, "passwordFile"));
    found.primary.password = FirstLineOf(text);
  } else {
    found.primary.password = recipe.PasswordIn(ReadInHome(identity, recipe.PasswordFile()), found.primary);
  }
  TRY_ASSIGN(found.addresses, Resolve(found.primary.host));
  return found;
}

}  // namespace spawnd::daemon
