/// A port of this machine behind which a data container of another one is: for programs that are run with a
/// database, and know nothing of ssh. For spawnctl's single thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "client/http/endpoint.h"
#include "client/http/tcp_proxy.h"

namespace spawnd::client {

/// How to reach the container from here: as it is, or through ssh.
TcpProxy::Dial DialOf(const Endpoint& endpoint, const api::DataContainer& container);

/// Opens the port and leaves a process behind it that goes when this one does, also when another program is
/// put in this one's place. Returns the port.
Result<uint16_t> OpenRemoteDoor(const Endpoint& endpoint, const api::DataContainer& container);

/// Puts 127.0.0.1 and `port` in the place of the container's own address wherever `text` has that.
void PointTo(uint16_t port, const api::DataContainer& container, std::string& text);

}  // namespace spawnd::client
