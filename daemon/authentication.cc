#include "daemon/authentication.h"

#include <grp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <spdlog/spdlog.h>

#include <array>
#include <charconv>
#include <ctime>
#include <optional>
#include <utility>

#include "base/random.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {
namespace {

// "spawn_10007_<secret>": the number finds the row, the secret is compared.
constexpr std::string_view kPrefix = "spawn_";
constexpr std::string_view kScheme = "Bearer ";
constexpr size_t kSecretLength = 32;
constexpr size_t kAccountBuffer = 16 * 1024;
/// When a token was last used is known to the minute: writing it down costs a sync.
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

/// The id in a token's text; 0 when it is none.
int64_t IdIn(std::string_view token) {
  if (!token.starts_with(kPrefix)) return 0;
  token.remove_prefix(kPrefix.size());
  int64_t id = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), id);
  return error == std::errc() && end != token.data() + token.size() && *end == '_' && id > 0 ? id : 0;
}

Result<TokenRow> FindToken(Catalog& catalog, std::string_view header) {
  if (!header.starts_with(kScheme)) return Refused();
  const std::string_view token = header.substr(kScheme.size());
  TRY_ASSIGN(const std::string hash, HashOf(token));
  const auto row = catalog.TokenById(IdIn(token));
  if (!row && row.error().code != ErrorCode::kNotFound) return Fail(row.error());
  // How long this takes says nothing about how much of a guess was right.
  if (!row || row->hash.size() != hash.size() ||
      CRYPTO_memcmp(row->hash.data(), hash.data(), hash.size()) != 0) {
    return Refused();
  }
  return *row;
}

void NoteUse(Catalog& catalog, const TokenRow& token) {
  const int64_t now = std::time(nullptr);
  if (now >= token.last_used_at && now - token.last_used_at < kUseResolution) return;
  const auto noted = catalog.NoteTokenUse(token.id, now);
  if (!noted) spdlog::warn("cannot note that token {} was used: {}", token.id, noted.error().message);
}

/// May ask a directory service, so never on the loop. A user whom the machine no longer knows has no groups.
Identity IdentityOf(uid_t uid) {
  Identity identity;
  identity.uid = uid;
  identity.gid = static_cast<gid_t>(-1);
  std::array<char, kAccountBuffer> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return identity;
  identity.gid = found->pw_gid;
  int count = 64;
  identity.groups.resize(static_cast<size_t>(count));
  if (::getgrouplist(found->pw_name, found->pw_gid, identity.groups.data(), &count) < 0) {
    identity.groups.resize(static_cast<size_t>(count));  // it has said how many there are
    ::getgrouplist(found->pw_name, found->pw_gid, identity.groups.data(), &count);
  }
  identity.groups.resize(static_cast<size_t>(count));
  return identity;
}

}  // namespace

Result<NewToken> MakeToken(Catalog& catalog, const std::string& purpose, uid_t owner) {
  NewToken made;
  TRY_ASSIGN(made.row.id, catalog.NewId());
  made.token =
      std::string(kPrefix) + std::to_string(made.row.id) + "_" + RandomText(kSecretLength, kLettersAndDigits);
  TRY_ASSIGN(made.row.hash, HashOf(made.token));
  made.row.purpose = purpose;
  made.row.owner = owner;
  made.row.created_at = std::time(nullptr);
  TRY(catalog.InsertToken(made.row).map([](int64_t) {}));
  return made;
}

void Authenticate(DaemonState& state, http::Request request, const http::Reply& reply,
                  std::function<void(const http::Request&)> go_on) {
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end() || header->second.empty()) return go_on(request);
  const auto token = FindToken(*state.catalog, header->second);
  if (!token) return SendError(reply, token.error());
  NoteUse(*state.catalog, *token);
  if (token->owner == request.peer.identity.uid) return go_on(request);
  state.questions->Run([&state, owner = token->owner, request = std::move(request),
                        go_on = std::move(go_on)](const std::stop_token&) mutable {
    request.peer.identity = IdentityOf(owner);
    state.mailbox->Post([request = std::move(request), go_on = std::move(go_on)] { go_on(request); });
  });
}

}  // namespace spawnd::daemon
