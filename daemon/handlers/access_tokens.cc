/// /v1/access-tokens: everyone has tokens of his own; root sees all.
#include <ctime>
#include <utility>
#include <vector>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "api/timestamp.h"
#include "base/accounts.h"
#include "daemon/access/scope.h"
#include "daemon/access/tokens.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/handlers.h"
#include "daemon/images/builtin.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMaxPurpose = 255;  ///< bytes
constexpr size_t kMaxImages = 100;

/// As somebody would say it. Looks up a user, which may block.
std::string ScopeInWords(const std::string& scope) {
  const std::string rest = scope.substr(1);
  if (scope.starts_with('#')) return rest;
  if (scope.starts_with('=')) {
    const size_t colon = rest.find(':');
    ImageRow image;
    image.engine = rest.substr(0, colon);
    if (colon != std::string::npos) image.engine_version = rest.substr(colon + 1);
    const std::string reference = BuiltInReference(image);
    return colon == std::string::npos ? reference.substr(0, reference.find(':')) : reference;
  }
  const size_t slash = scope.find('/');
  const auto uid = static_cast<uid_t>(api::IdOf(scope.substr(0, slash)));
  return UserName(uid) + scope.substr(slash);
}

/// May block.
api::AccessToken ViewOf(const TokenRow& row) {
  api::AccessToken view{.id = row.id,
                        .purpose = row.purpose,
                        .owner = UserName(row.owner),
                        .created_at = row.created_at,
                        .last_used_at = row.last_used_at,
                        .expires_at = row.expires_at,
                        .read_only = row.read_only,
                        .images = {},
                        .token = {}};
  for (const std::string& scope : row.images) view.images.push_back(ScopeInWords(scope));
  return view;
}

bool Owns(const TokenRow& token, const Identity& who) {
  return IsRoot(who) || token.owner == who.uid;
}

Result<TokenRow> Resolve(Catalog& catalog, const Identity& who, const std::string& reference) {
  auto token = catalog.tokens.ById(api::IdOf(reference));
  if (token && Owns(*token, who)) return token;
  if (!token && token.error().code != ErrorCode::kNotFound) return token;
  return Fail(ErrorCode::kNotFound, "no access token '" + reference + "'",
              "`spawnctl get access-tokens` lists yours; a token goes by its id.");
}

Result<void> Check(const api::CreateAccessTokenRequest& wanted) {
  TRY(api::ValidateLifetime(wanted.lifetime_seconds));
  if (wanted.purpose.size() > kMaxPurpose || wanted.purpose.find('\n') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "the purpose of a token is one line of at most 255 bytes");
  }
  if (wanted.images.size() <= kMaxImages) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "a token is for " + std::to_string(kMaxImages) + " images at most, or for all");
}

/// A token makes none that is there longer than itself; without a word about it, as long. More rights it
/// cannot give: with less than all it makes none at all (CheckRights).
Result<int64_t> ExpiryOf(const http::Rights& maker, int64_t lifetime_seconds) {
  const int64_t wanted = lifetime_seconds == 0 ? 0 : std::time(nullptr) + lifetime_seconds;
  if (maker.expires_at == 0 || (wanted != 0 && wanted <= maker.expires_at)) return wanted;
  if (wanted == 0) return maker.expires_at;
  return Fail(ErrorCode::kForbidden,
              "the new token would be there longer than the one that makes it, which expires at " +
                  api::FormatTimestamp(maker.expires_at));
}

Result<std::string> ScopeFor(Services& services, const http::Caller& who, const Reference& reference) {
  TRY_ASSIGN(const ImageRow image, ResolveToShow(services, who, reference));
  const auto built_in = FindBuiltIn(reference.text);
  return built_in ? ScopeOfBuiltIn(built_in->engine->Name(), built_in->version)
                  : ScopeOf(image, reference.text);
}

void Make(Services& services, const http::Peer& peer, TokenRow row, const std::vector<Reference>& images,
          const http::Reply& reply) {
  for (const Reference& image : images) {
    auto scope = ScopeFor(services, peer.identity, image);
    if (!scope) return SendNoImage(services, peer.identity, image.text, reply, scope.error());
    row.images.push_back(std::move(*scope));
  }
  auto made = MakeToken(services.catalog, std::move(row));
  if (!made) return SendError(reply, made.error());
  NoteChange(peer, "create", "access-token", made->row.id, made->row.purpose);
  services.questions.Run({peer.identity.uid}, [reply, made = std::move(*made)](const std::stop_token&) {
    api::AccessToken view = ViewOf(made.row);
    view.token = made.token;
    StreamedAnswer(reply).Done(api::ToJson(view));
  });
}

}  // namespace

void CreateAccessToken(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto wanted = api::FromJson<api::CreateAccessTokenRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  NoteChange(request.peer, "create", "access-token", 0, wanted->purpose);
  if (const auto valid = Check(*wanted); !valid) return SendError(reply, valid.error());
  const http::Caller& who = request.peer.identity;
  const auto expiry = ExpiryOf(who.rights, wanted->lifetime_seconds);
  if (!expiry) return SendError(reply, expiry.error());
  TokenRow row;
  row.purpose = wanted->purpose;
  row.owner = who.uid;
  row.expires_at = *expiry;
  row.read_only = wanted->read_only;
  WithReferences(services, who.uid, wanted->images, reply,
                 [&services, peer = request.peer, row = std::move(row),
                  reply](const std::vector<Reference>& images) { Make(services, peer, row, images, reply); });
}

void GetAccessTokens(Services& services, const http::Request& request, const http::Reply& reply) {
  auto rows = services.catalog.tokens.List();
  if (!rows) return SendError(reply, rows.error());
  std::erase_if(*rows, [&](const TokenRow& row) { return !Owns(row, request.peer.identity); });
  services.questions.Run({request.peer.identity.uid},
                         [reply, rows = std::move(*rows)](const std::stop_token&) {
                           std::vector<api::AccessToken> views;
                           for (const TokenRow& row : rows) views.push_back(ViewOf(row));
                           SendJson(reply, api::ToJson(views));
                         });
}

void GetAccessToken(Services& services, const http::Request& request, const http::Reply& reply) {
  auto row = Resolve(services.catalog, request.peer.identity, request.parameters.at("ref"));
  if (!row) return SendError(reply, row.error());
  services.questions.Run({request.peer.identity.uid}, [reply, row = std::move(*row)](const std::stop_token&) {
    SendJson(reply, api::ToJson(ViewOf(row)));
  });
}

void DeleteAccessToken(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto row = Resolve(services.catalog, request.peer.identity, request.parameters.at("ref"));
  if (!row) return SendError(reply, row.error());
  NoteChange(request.peer, "delete", "access-token", row->id, row->purpose);
  const auto removed = WithReserve(services.reserve, [&] { return services.catalog.tokens.Remove(row->id); });
  if (!removed) return SendError(reply, removed.error());
  SendJson(reply, "{}");
}

}  // namespace spawnd::daemon
