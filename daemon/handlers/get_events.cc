/// GET /v1/events: what has happened to images and containers that the caller may see, as lines of JSON, and
/// with follow=true what happens.
#include <utility>

#include "daemon/events/event_streams.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/services.h"

namespace spawnd::daemon {
namespace {

Result<EventOrder> OrderOf(const http::Request& request) {
  EventOrder order{request.peer.identity, request.peer.token_id};
  for (const auto& [name, value] : request.query) {
    if (name == "since") {
      TRY_ASSIGN(order.since, EventPlace::Parse(value));
    } else if (name == "until") {
      TRY_ASSIGN(order.until, EventPlace::Parse(value));
    } else if (name == "follow" && (value == "true" || value == "false")) {
      order.follow = value == "true";
    } else if (EventFilter::IsKey(name)) {
      TRY(order.filter.AddList(name, value));
    } else {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name + "=" + value + "' is nothing that events understand",
                  "They take since, until, follow=true, type, event, id, name, image and owner.");
    }
  }
  return order;
}

}  // namespace

void GetEvents(Services& services, const http::Request& request, const http::Reply& reply) {
  auto order = OrderOf(request);
  if (!order) return SendError(reply, order.error());
  services.events.Send(std::move(*order), reply);
}

}  // namespace spawnd::daemon
