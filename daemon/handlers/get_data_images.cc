/// GET /v1/data-images and /v1/data-images/{ref}. Rows are read on the loop; user names, which may ask a
/// directory service, and files on a job thread.
#include <optional>

#include "api/json.h"
#include "daemon/access/caller.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/views.h"
#include "daemon/images/builtin.h"

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

/// With what it takes on the disk: a built-in image that has not been made takes nothing.
api::DataImage WithSpace(BuiltInView view, SpaceAccount& account) {
  if (view.made_id != 0) {
    const SpaceUse use = account.OfImage(view.made_id);
    view.image.unique_bytes = use.unique_bytes;
    view.image.shared_bytes = use.shared_bytes;
  }
  return std::move(view.image);
}

/// The built-in image that `ref` means, when `row` is what else was found for it; nothing when it means none.
std::optional<BuiltInView> BuiltInFor(DaemonState& state, const Result<ImageRow>& row,
                                      const std::string& ref) {
  if (row) return row->Hidden() ? std::optional(ViewOfBuiltIn(*row)) : std::nullopt;
  // What went wrong otherwise says nothing about whether there is an image of that name.
  const auto built_in = row.error().code == ErrorCode::kNotFound ? FindBuiltIn(ref) : std::nullopt;
  return built_in ? ViewOfBuiltIn(state, *built_in) : std::nullopt;
}

}  // namespace

void GetDataImages(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto only_public = OnlyPublic(request);
  if (!only_public) return SendError(reply, only_public.error());
  auto rows = VisibleImages(*state.catalog, state.teams, request.peer.identity);
  if (!rows) return SendError(reply, rows.error());
  auto account = SpaceAccount::Take(*state.catalog, state.layout);
  if (!account) return SendError(reply, account.error());
  if (*only_public) std::erase_if(*rows, [](const ImageRow& row) { return !IsPublic(row); });
  state.questions->Run([reply, rows = std::move(*rows), account = std::move(*account),
                        built_in = *only_public ? BuiltInViews(state) : std::vector<BuiltInView>()](
                           const std::stop_token&) mutable {
    std::vector<api::DataImage> views;
    for (BuiltInView& one : built_in) views.push_back(WithSpace(std::move(one), account));
    for (const ImageRow& row : rows) {
      views.push_back(ViewOfImage(row, UserName(row.owner), account.OfImage(row.id)));
    }
    SendJson(reply, api::ToJson(views));
  });
}

void GetDataImage(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const std::string& ref = request.parameters.at("ref");
  auto row = ResolveImage(*state.catalog, state.teams, request.peer.identity, ref);
  auto built_in = BuiltInFor(state, row, ref);
  if (!row && !built_in) return SendError(reply, row.error());
  auto account = SpaceAccount::Take(*state.catalog, state.layout);
  if (!account) return SendError(reply, account.error());
  state.questions->Run([reply, row = row ? std::move(*row) : ImageRow(), built_in = std::move(built_in),
                        account = std::move(*account)](const std::stop_token&) mutable {
    SendJson(reply, api::ToJson(built_in ? WithSpace(std::move(*built_in), account)
                                         : ViewOfImage(row, UserName(row.owner), account.OfImage(row.id))));
  });
}

}  // namespace spawnd::daemon
