/// GET /v1/data-images/{ref}/log and /v1/data-containers/{ref}/log: text, as it was written. Whoever may see
/// the resource may read its log: it shows nothing that the data does not.
#include <charconv>
#include <utility>

#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/handlers.h"
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

}  // namespace

void GetDataImageLog(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto order = OrderOf(request, false);
  if (!order) return SendError(reply, order.error());
  WithImage(services, request, reply, ResolveToShow,
            [&services, reply, order = *order](const ImageRow& row) mutable {
              order.path = services.layout.ImageLog(row.id);  // without an id: no such file, nothing in it
              services.logs.Send(std::move(order), reply);
            });
}

void GetDataContainerLog(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto order = OrderOf(request, true);
  if (!order) return SendError(reply, order.error());
  WithContainer(services, request, reply,
                [&services, reply, order = *order](const ContainerRow& row) mutable {
                  order.path = services.layout.Container(row.id) + "/" + kEngineLogName;
                  services.logs.Send(std::move(order), reply);
                });
}

}  // namespace spawnd::daemon
