/// GET /v1/data-images/{ref}/log and /v1/data-containers/{ref}/log: text, as it was written. Whoever may see
/// the resource may read its log: it shows nothing that the data does not.
#include <charconv>
#include <utility>

#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/views.h"
#include "daemon/images/builtin.h"
#include "daemon/keeper/files.h"
#include "daemon/keeper/protocol.h"
#include "daemon/logs/log_streams.h"

namespace spawnd::daemon {
namespace {

constexpr uint64_t kMaxTailLines = 10'000'000;

Result<void> ReadTail(const std::string& text, LogOrder& order) {
  uint64_t lines = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lines);
  if (error != std::errc() || end != text.data() + text.size() || lines > kMaxTailLines) {
    return Fail(ErrorCode::kInvalidArgument,
                "tail '" + text + "' is no number of lines from 0 to " + std::to_string(kMaxTailLines));
  }
  order.tail = lines;
  return {};
}

Result<LogOrder> OrderOf(const http::Request& request, bool may_follow) {
  LogOrder order;
  for (const auto& [name, value] : request.query) {
    if (name == "tail") {
      TRY(ReadTail(value, order));
    } else if (name == "follow" && may_follow && (value == "true" || value == "false")) {
      order.follow = value == "true";
    } else {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name + "=" + value + "' is nothing that a log understands",
                  may_follow ? "It takes tail=NUMBER and follow=true." : "It takes tail=NUMBER.");
    }
  }
  return order;
}

/// Whose log it is; 0: of a built-in image that has not been made.
Result<int64_t> LoggedImage(DaemonState& state, const Identity& who, const std::string& reference) {
  auto row = ResolveImage(*state.catalog, state.teams, who, reference);
  if (row) return row->id;
  const auto built_in = row.error().code == ErrorCode::kNotFound ? FindBuiltIn(reference) : std::nullopt;
  const auto view = built_in ? ViewOfBuiltIn(state, *built_in) : std::nullopt;
  if (view) return view->made_id;
  return Fail(std::move(row.error()));
}

}  // namespace

void GetDataImageLog(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto order = OrderOf(request, false);
  if (!order) return SendError(reply, order.error());
  const auto image = LoggedImage(state, request.peer.identity, request.parameters.at("ref"));
  if (!image) return SendError(reply, image.error());
  order->path = state.layout.ImageLog(*image);
  state.logs->Send(std::move(*order), reply);
}

void GetDataContainerLog(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  auto order = OrderOf(request, true);
  if (!order) return SendError(reply, order.error());
  const auto row = ResolveContainer(*state.catalog, request.peer.identity, request.parameters.at("ref"));
  if (!row) return SendError(reply, row.error());
  order->path = state.layout.Container(row->id) + "/" + kEngineLogName;
  state.logs->Send(std::move(*order), reply);
}

}  // namespace spawnd::daemon
