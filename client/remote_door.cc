#include "client/remote_door.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/descriptors.h"
#include "client/http/connection.h"
#include "client/output/terminal.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

constexpr const char* kHere = "127.0.0.1";

}  // namespace

TcpProxy::Dial DialOf(const Endpoint& endpoint, const api::DataContainer& container) {
  const TcpAddress address{container.host, container.port};
  if (!endpoint.IsRemote()) return [address] { return BeginConnect(address); };
  return [endpoint, address]() -> Result<UniqueFd> {
    TRY_ASSIGN(Connection connection, DialContainer(endpoint, address));
    UniqueFd socket = connection.Release();
    // Both ends of every connection are served in one loop.
    TRY(SetNonBlocking(socket.Get()));
    return socket;
  };
}

Result<uint16_t> OpenRemoteDoor(const Endpoint& endpoint, const api::DataContainer& container) {
  TRY_ASSIGN(UniqueFd listener, ListenTcp({kHere, 0}));
  TRY_ASSIGN(const uint16_t port, PortOfListener(listener.Get()));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, "cannot forward a port");
  if (pid > 0) return port;
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent) ::_exit(1);
  ::signal(SIGCHLD, SIG_IGN);  // each connection's ssh is collected by itself
  // A ctrl-C is for the program in front, which may go on with its database.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGQUIT, SIG_IGN);
  TcpProxy proxy(std::move(listener), endpoint.Name(), DialOf(endpoint, container), ShowError);
  const auto ended = proxy.RunUntil(-1);
  if (!ended) ShowError(ended.error());
  ::_exit(1);
}

void PointTo(uint16_t port, const api::DataContainer& container, std::string& text) {
  const std::string there = std::to_string(container.port);
  const std::string here = std::to_string(port);
  if (text == container.host) text = kHere;
  if (text == there) text = here;
  ReplaceAll(text, AddressText({container.host, container.port}), AddressText({kHere, port}));
  ReplaceAll(text, container.host + "," + there, kHere + ("," + here));
  for (const std::string& key : {std::string("port="), std::string("Port=")}) {
    ReplaceAll(text, key + there, key + here);
  }
  ReplaceAll(text, container.host, kHere);
}

}  // namespace spawnd::client
