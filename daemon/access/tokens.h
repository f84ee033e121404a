/// Access tokens: making them, and finding out for whom a request with one speaks.
///
/// A token carries its owner's rights, or what of them it was made for: what the owner may see and change,
/// its bearer may, making tokens included. It never changes whose files can be opened: that is the user at
/// the other end of the socket (http::Peer::socket), or a token would let its bearer read what the machine
/// denies him. It works until it expires or is deleted, and only while its owner could connect himself.
///
/// Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/catalog/catalog.h"
#include "daemon/http/listen_socket.h"
#include "daemon/http/message.h"
#include "daemon/loop/jobs.h"

namespace spawnd::daemon {

/// Bounds what a caller may send as a token. Real tokens are half as long.
inline constexpr size_t kMaxTokenLength = 128;

inline constexpr int64_t kMaxTokensOfOwner = 1000;

struct NewToken {
  TokenRow row;
  std::string token;  ///< shown once
};

/// How long an expired token is still known, so that whoever has it is told what is the matter.
inline constexpr int64_t kExpiredTokenSeconds = int64_t{24} * 3600;

/// A token as `wanted` says (whose, what for, until when), with 190 random bits, in the catalog when this
/// returns. kForbidden when its owner has kMaxTokensOfOwner.
Result<NewToken> MakeToken(Catalog& catalog, TokenRow wanted);

/// What a request does, as far as tokens that are for less than all are concerned.
enum class Needs {
  kLook,        ///< at images, containers, or the daemon
  kLookAround,  ///< at what has to do with no image: tokens
  kContainers,  ///< makes, changes or deletes containers
  kAll,         ///< makes images or tokens, changes or deletes these, or shares them
};
/// kForbidden for what the token is not for.
Result<void> CheckRights(const http::Rights& rights, Needs needs);

/// The token in the value of an Authorization header: `Bearer <token>`, the scheme in any case (RFC 9110
/// section 11.1), blanks around the token. kUnauthenticated, with what is wrong, for anything else. Messages
/// never show the value: a token sent without its scheme would end in somebody's log.
Result<std::string_view> BearerToken(std::string_view header);

/// Tells the catalog's tokens from others, and writes down when they are used.
class AccessTokens {
 public:
  /// Seconds since the epoch; may jump.
  using Clock = std::function<int64_t()>;

  /// `catalog` outlives this.
  AccessTokens(Catalog& catalog, Clock clock) : catalog_(catalog), clock_(std::move(clock)) {}

  /// Finds the token that a header carries. kUnauthenticated when it carries none that is valid, or one that
  /// has expired.
  Result<TokenRow> Find(std::string_view header);

  /// Writes the time down, at most once a minute for a token, because that costs a sync. What cannot be
  /// written is no reason to refuse a request: it is logged, and not tried again for a minute, by any token.
  void NoteUse(const TokenRow& token);

 private:
  Catalog& catalog_;
  Clock clock_;
  int64_t failed_at_ = 0;  ///< 0: the last note succeeded
};

/// Lets requests in: as who the socket says, or as the owner of the token that they carry; nobody any more
/// once the daemon stops.
class Doorkeeper {
 public:
  /// All outlive this. Owners are looked up on `questions`, because a directory service may take its time.
  Doorkeeper(AccessTokens& tokens, const SocketAccess& access, Jobs& questions, Mailbox& mailbox,
             std::stop_token stopping)
      : tokens_(tokens),
        access_(access),
        questions_(questions),
        mailbox_(mailbox),
        stopping_(std::move(stopping)) {}

  using GoOn = std::function<void(const http::Request&)>;

  /// Without an Authorization header: `go_on` with the request as it is. With a valid token, if it is for
  /// what the request `needs`: with its owner's identity and the token's rights, for which names may have to
  /// be looked up, so perhaps later. Else answers kUnauthenticated, kForbidden or kUnavailable.
  void LetIn(http::Request request, Needs needs, const http::Reply& reply, GoOn go_on);

 private:
  void LookUpOwner(TokenRow token, http::Request request, const http::Reply& reply, GoOn go_on);

  AccessTokens& tokens_;
  const SocketAccess access_;
  Jobs& questions_;
  Mailbox& mailbox_;
  const std::stop_token stopping_;
};

}  // namespace spawnd::daemon
