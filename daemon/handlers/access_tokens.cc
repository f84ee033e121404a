/// /v1/access-tokens: everyone has tokens of his own; root sees all.
#include <utility>
#include <vector>

#include "api/image_reference.h"
#include "api/json.h"
#include "base/accounts.h"
#include "daemon/access/tokens.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answer.h"
#include "daemon/handlers/handlers.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMaxPurpose = 255;  ///< bytes

api::AccessToken ViewOf(const TokenRow& row) {
  return {.id = row.id,
          .purpose = row.purpose,
          .owner = UserName(row.owner),
          .created_at = row.created_at,
          .last_used_at = row.last_used_at,
          .token = {}};
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

Result<NewToken> Make(Services& services, const http::Request& request) {
  TRY_ASSIGN(const auto wanted, api::FromJson<api::CreateAccessTokenRequest>(request.body));
  if (wanted.purpose.size() > kMaxPurpose || wanted.purpose.find('\n') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "the purpose of a token is one line of at most 255 bytes");
  }
  return MakeToken(services.catalog, wanted.purpose, request.peer.identity.uid);
}

}  // namespace

void CreateAccessToken(Services& services, const http::Request& request, const http::Reply& reply) {
  auto made = Make(services, request);
  if (!made) return SendError(reply, made.error());
  NoteChange(request.peer, "create", "access-token", made->row.id, made->row.purpose);
  services.questions.Run({request.peer.identity.uid},
                         [reply, made = std::move(*made)](const std::stop_token&) {
                           api::AccessToken view = ViewOf(made.row);
                           view.token = made.token;
                           StreamedAnswer(reply).Done(api::ToJson(view));
                         });
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
  const auto removed = WithReserve(services.reserve, [&] { return services.catalog.tokens.Remove(row->id); });
  if (!removed) return SendError(reply, removed.error());
  NoteChange(request.peer, "delete", "access-token", row->id, row->purpose);
  SendJson(reply, "{}");
}

}  // namespace spawnd::daemon
