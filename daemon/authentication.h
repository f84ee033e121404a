/// Access tokens: making them, and finding out for whom a request with one speaks.
///
/// A token carries its owner's rights: what the owner may see and change, its bearer may. It never changes
/// whose files can be opened: that is the user at the other end of the socket (http::Peer::socket), or a
/// token would let its bearer read what the machine denies him.
///
/// Loop thread only.
#pragma once

#include <functional>
#include <string>

#include "daemon/catalog.h"
#include "daemon/http/server.h"

namespace spawnd::daemon {

struct DaemonState;

struct NewToken {
  TokenRow row;
  std::string token;  ///< shown once
};

/// A token for `owner` with 190 random bits, in the catalog when this returns.
Result<NewToken> MakeToken(Catalog& catalog, const std::string& purpose, uid_t owner);

/// Without an Authorization header: `go_on` with the request as it is. With a valid token: with its owner's
/// identity, for which names may have to be looked up, so perhaps later. Else answers kUnauthenticated.
void Authenticate(DaemonState& state, http::Request request, const http::Reply& reply,
                  std::function<void(const http::Request&)> go_on);

}  // namespace spawnd::daemon
