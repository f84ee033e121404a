#include "daemon/keeper/control_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "daemon/keeper/files.h"

namespace spawnd::daemon {
namespace {

/// A Unix socket address holds 107 characters, a state directory may be longer: the address goes through an
/// open descriptor of the folder, which has to stay open while the address is used.
struct Address {
  sockaddr_un name{};
  UniqueFd folder;

  const sockaddr* Get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

Result<Address> AddressIn(const std::string& directory) {
  Address address;
  address.folder.Reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!address.folder.Valid()) return FailErrno(errno, "cannot open '" + directory + "'");
  const std::string path = "/proc/self/fd/" + std::to_string(address.folder.Get()) + "/" + kControlSocketName;
  address.name.sun_family = AF_UNIX;
  std::memcpy(address.name.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<UniqueFd> MakeSocket(int flags = 0) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!fd.Valid()) return FailErrno(errno, "cannot make a socket");
  return fd;
}

}  // namespace

Result<UniqueFd> BindControlSocket(const std::string& directory) {
  const std::string path = directory + "/" + kControlSocketName;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return FailErrno(errno, "cannot remove '" + path + "'");
  ::unlink((directory + "/" + kLastWordsName).c_str());
  TRY_ASSIGN(const Address address, AddressIn(directory));
  TRY_ASSIGN(UniqueFd fd, MakeSocket());
  if (::bind(fd.Get(), address.Get(), sizeof address.name) != 0) {
    return FailErrno(errno, "cannot bind '" + path + "'");
  }
  if (::chmod(path.c_str(), 0600) != 0) return FailErrno(errno, "cannot set the mode of '" + path + "'");
  return fd;
}

Result<UniqueFd> ConnectToKeeper(const std::string& directory, Connect how) {
  TRY_ASSIGN(const Address address, AddressIn(directory));
  TRY_ASSIGN(UniqueFd fd, MakeSocket(how == Connect::kAtOnce ? SOCK_NONBLOCK : 0));
  if (::connect(fd.Get(), address.Get(), sizeof address.name) != 0) {
    if (errno == EAGAIN)
      return Fail(ErrorCode::kNotReady, "the keeper in '" + directory + "' takes nobody on");
    return Fail(ErrorCode::kUnavailable,
                ErrnoError(errno, "no keeper answers in '" + directory + "'").message);
  }
  return fd;
}

}  // namespace spawnd::daemon
