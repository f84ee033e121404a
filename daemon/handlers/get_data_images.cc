/// GET /v1/data-images and /v1/data-images/{ref}. Rows are read on the loop; user names, which may ask a
/// directory service, and files on a job thread.
#include <algorithm>
#include <iterator>
#include <utility>

#include "api/json.h"
#include "base/accounts.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/answers/views.h"
#include "daemon/handlers/handlers.h"
#include "daemon/images/builtin.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {
namespace {

/// Whether the list is of public images only.
Result<bool> OnlyPublic(const http::Request& request) {
  bool only_public = false;
  for (const auto& [name, value] : request.query) {
    if (name != "public" || (value != "true" && value != "false")) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name + "=" + value + "' is nothing that the list of data images understands",
                  "It takes public=true.");
    }
    only_public = value == "true";
  }
  return only_public;
}

Result<std::vector<ImageRow>> RowsFor(Services& services, const http::Caller& who, bool only_public) {
  TRY_ASSIGN(std::vector<ImageRow> visible, VisibleImages(services.catalog, services.teams, who));
  if (!only_public) return visible;
  std::vector<ImageRow> rows = services.built_ins.Rows();
  std::erase_if(rows, [&](const ImageRow& row) { return !MaySee(services.teams, row, who); });
  std::copy_if(visible.begin(), visible.end(), std::back_inserter(rows), IsPublic);
  return rows;
}

}  // namespace

void GetDataImages(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto only_public = OnlyPublic(request);
  if (!only_public) return SendError(reply, only_public.error());
  auto rows = RowsFor(services, request.peer.identity, *only_public);
  if (!rows) return SendError(reply, rows.error());
  auto account = SpaceAccount::Take(services.catalog, services.layout);
  if (!account) return SendError(reply, account.error());
  auto ready = services.pool.ReadyByImage();
  if (!ready) return SendError(reply, ready.error());
  services.questions.Run({request.peer.identity.uid},
                         [reply, rows = std::move(*rows), account = std::move(*account),
                          ready = std::move(*ready)](const std::stop_token&) mutable {
                           std::vector<api::DataImage> views;
                           for (const ImageRow& row : rows) {
                             views.push_back(ViewOfImage(row, UserName(row.owner), account.OfImage(row.id)));
                             views.back().pooled = ready[row.id];
                           }
                           SendJson(reply, api::ToJson(views));
                         });
}

void GetDataImage(Services& services, const http::Request& request, const http::Reply& reply) {
  WithImage(services, request, reply, ResolveToShow,
            [&services, who = request.peer.identity.uid, reply](const ImageRow& row) {
              ViewImage(services, who, row, [reply](const Result<api::DataImage>& view) {
                view ? SendJson(reply, api::ToJson(*view)) : SendError(reply, view.error());
              });
            });
}

}  // namespace spawnd::daemon
