#include "daemon/access/tokens.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

#include "api/timestamp.h"
#include "base/accounts.h"
#include "base/random.h"

namespace spawnd::daemon {
namespace {

// "spawn_10007_<secret>": the number finds the row, the secret is compared.
constexpr std::string_view kPrefix = "spawn_";
constexpr std::string_view kScheme = "bearer";
constexpr std::string_view kBlanks = " \t";
constexpr size_t kSecretLength = 32;
/// When a token was last used is known to the minute.
constexpr int64_t kUseResolution = 60;

Result<std::string> HashOf(std::string_view token) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(token.data(), token.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1) {
    return Fail(ErrorCode::kInternal, "cannot hash a token");
  }
  std::string hex;
  for (unsigned i = 0; i < length; ++i) {
    hex += kHexDigits[digest[i] >> 4U];
    hex += kHexDigits[digest[i] & 0xfU];
  }
  return hex;
}

tl::unexpected<Error> Refused() {
  return Fail(
      ErrorCode::kUnauthenticated, "the access token is not valid: it is mistyped, or has been deleted",
      "`spawnctl create access-token` makes one; without SPAWNCTL_ACCESS_TOKEN and --accessToken you are "
      "who the socket says.");
}

tl::unexpected<Error> Expired(const TokenRow& token) {
  return Fail(ErrorCode::kUnauthenticated,
              "the access token has expired, at " + api::FormatTimestamp(token.expires_at),
              "`spawnctl create access-token` makes another one.");
}

tl::unexpected<Error> Malformed(std::string what) {
  return Fail(ErrorCode::kUnauthenticated, std::move(what),
              "Send 'Authorization: Bearer <token>', or no such header to be who the socket says.");
}

bool SameWord(std::string_view text, std::string_view lower_case) {
  return std::equal(text.begin(), text.end(), lower_case.begin(), lower_case.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

std::string_view WithoutBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// The id in a token's text; 0 when it is none.
int64_t IdIn(std::string_view token) {
  if (!token.starts_with(kPrefix)) return 0;
  token.remove_prefix(kPrefix.size());
  int64_t id = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), id);
  return error == std::errc() && end != token.data() + token.size() && *end == '_' && id > 0 ? id : 0;
}

/// Whether `then` was less than a minute ago. A clock that was set back makes it long ago.
bool WithinAMinute(int64_t then, int64_t now) {
  return now >= then && now - then < kUseResolution;
}

/// The account of a token's owner, in every group that it has now. May ask a directory service, so never on
/// the loop; asked for each request, so that nobody keeps rights that were taken away: it is a few small
/// files, or the directory service's own cache.
Result<Identity> AccountOf(uid_t uid) {
  auto found = UserNumbered(uid);
  if (!found) return Fail(found.error().Wrap("the access token's owner"));
  if (!*found) {
    return Fail(ErrorCode::kUnauthenticated, "the access token's owner, user " + std::to_string(uid) +
                                                 ", has no account on this machine any more");
  }
  TRY_ASSIGN(auto groups, GroupsOf(**found));
  return Identity{uid, (*found)->gid, std::move(groups)};
}

Error Stopping() {
  return {ErrorCode::kUnavailable, "the daemon is stopping"};
}

/// A token is worth what its owner is: nothing once he may not connect himself.
Result<Identity> OwnerOf(const TokenRow& token, const SocketAccess& access) {
  TRY_ASSIGN(Identity owner, AccountOf(token.owner));
  if (MayConnect(access, owner)) return owner;
  return Fail(ErrorCode::kUnauthenticated,
              "the access token's owner, '" + UserName(token.owner) + "', may not use spawnd any more",
              "It works again once that user is a member of the socket's group, '" +
                  std::string(kSocketGroup) + "' by default.");
}

}  // namespace

Result<NewToken> MakeToken(Catalog& catalog, TokenRow wanted) {
  TRY_ASSIGN(const auto tokens, catalog.tokens.List());
  const auto is_owners = [owner = wanted.owner](const TokenRow& row) { return row.owner == owner; };
  if (std::count_if(tokens.begin(), tokens.end(), is_owners) >= kMaxTokensOfOwner) {
    return Fail(
        ErrorCode::kForbidden,
        "cannot make another access token: there are " + std::to_string(kMaxTokensOfOwner) + " of this user",
        "`spawnctl get access-tokens` shows which are used; delete those that are not.");
  }
  NewToken made{std::move(wanted), {}};
  TRY_ASSIGN(made.row.id, catalog.NewId());
  made.token =
      std::string(kPrefix) + std::to_string(made.row.id) + "_" + RandomText(kSecretLength, kLettersAndDigits);
  TRY_ASSIGN(made.row.hash, HashOf(made.token));
  made.row.created_at = std::time(nullptr);
  TRY(catalog.tokens.Insert(made.row).map([](int64_t) {}));
  return made;
}

Result<std::string_view> BearerToken(std::string_view header) {
  header = WithoutBlanks(header);
  if (header.empty()) return Malformed("the Authorization header is empty");
  const size_t end = std::min(header.find_first_of(kBlanks), header.size());
  const bool is_bearer = SameWord(header.substr(0, end), kScheme);
  if (!is_bearer) return Malformed("the Authorization header does not begin with 'Bearer'");
  const std::string_view token = WithoutBlanks(header.substr(end));
  if (token.empty()) return Malformed("the Authorization header has no token after 'Bearer'");
  if (token.size() > kMaxTokenLength) {
    return Malformed("the access token has more than " + std::to_string(kMaxTokenLength) + " characters");
  }
  if (token.find_first_of(" \t,") != std::string_view::npos) {
    return Malformed("the Authorization header has more than one token");
  }
  return token;
}

Result<TokenRow> AccessTokens::Find(std::string_view header) {
  TRY_ASSIGN(const std::string_view token, BearerToken(header));
  TRY_ASSIGN(const std::string hash, HashOf(token));
  auto row = catalog_.tokens.ById(IdIn(token));
  if (!row && row.error().code != ErrorCode::kNotFound) return row;
  // How long this takes says nothing about how much of a guess was right.
  if (!row || row->hash.size() != hash.size() ||
      CRYPTO_memcmp(row->hash.data(), hash.data(), hash.size()) != 0) {
    return Refused();
  }
  if (row->expires_at != 0 && row->expires_at <= clock_()) return Expired(*row);
  return row;
}

void AccessTokens::NoteUse(const TokenRow& token) {
  const int64_t now = clock_();
  if (WithinAMinute(token.last_used_at, now) || (failed_at_ != 0 && WithinAMinute(failed_at_, now))) return;
  const auto noted = catalog_.tokens.NoteUse(token.id, now);
  failed_at_ = noted ? 0 : now;
  if (noted) return;
  spdlog::warn("cannot note that access token {} was used: {}; further ones are not noted for a minute",
               token.id, noted.error().message);
}

Result<void> CheckRights(const http::Rights& rights, Needs needs) {
  const std::string hint = "Its owner can make another one, or do it without one.";
  const bool looks = needs == Needs::kLook || needs == Needs::kLookAround;
  if (rights.read_only && !looks)
    return Fail(ErrorCode::kForbidden, "this access token is for reading only", hint);
  if (!rights.images.empty() && needs != Needs::kLook && needs != Needs::kContainers) {
    return Fail(ErrorCode::kForbidden, "this access token is for containers of some images, and nothing else",
                hint);
  }
  return {};
}

void Doorkeeper::LetIn(http::Request request, Needs needs, const http::Reply& reply, GoOn go_on) {
  if (stopping_.stop_requested()) return SendError(reply, Stopping());
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end()) return go_on(request);
  auto token = tokens_.Find(header->second);
  if (!token) return SendError(reply, token.error());
  if (request.peer.notes) request.peer.notes->For(token->owner, token->id);
  http::Rights& rights = request.peer.identity.rights;
  rights = {token->read_only, token->images, token->expires_at};
  if (const auto may = CheckRights(rights, needs); !may) return SendError(reply, may.error());
  if (token->owner != request.peer.identity.uid) {
    return LookUpOwner(std::move(*token), std::move(request), reply, std::move(go_on));
  }
  tokens_.NoteUse(*token);
  request.peer.token_id = token->id;
  go_on(request);
}

void Doorkeeper::LookUpOwner(TokenRow token, http::Request request, const http::Reply& reply, GoOn go_on) {
  // Of whoever is at the other end of the socket: the owner is what it asks for.
  const JobOwner asks{request.peer.socket.uid};
  questions_.Run(asks, [this, token = std::move(token), request = std::move(request), reply,
                        go_on = std::move(go_on)](const std::stop_token&) mutable {
    auto owner = OwnerOf(token, access_);
    if (!owner) return SendError(reply, owner.error());
    static_cast<Identity&>(request.peer.identity) = std::move(*owner);
    mailbox_.Post([this, token = std::move(token), request = std::move(request), reply,
                   go_on = std::move(go_on)]() mutable {
      // Meanwhile the daemon may have been told to stop, and then nobody does the work.
      if (stopping_.stop_requested()) return SendError(reply, Stopping());
      tokens_.NoteUse(token);
      request.peer.token_id = token.id;
      go_on(request);
    });
  });
}

}  // namespace spawnd::daemon
