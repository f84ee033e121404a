/// GET /v1/data-images/{ref}/log, /v1/data-containers/{ref}/log and /v1/data-sources/{ref}/log: text, as it
/// was written. Whoever may see the resource may read its log: it shows nothing that the data does not. That
/// of an image that could not be made is its owner's, and root's, for a day.
#include <charconv>
#include <utility>

#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/sources/source_views.h"
#include "daemon/keeper/files.h"
#include "daemon/keeper/protocol.h"
#include "daemon/logs/log_streams.h"
#include "daemon/loop/jobs.h"
#include "daemon/store/failed_logs.h"

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

/// Answers with the log of a build that failed, or with why there is no such image.
void SendFailedLog(Services& services, const http::Caller& who, const Reference& reference,
                   const http::Reply& reply, LogOrder order, const Error& missing) {
  const auto look = [&services, who, reference, reply, order = std::move(order),
                     missing](const std::stop_token&) mutable {
    // "ann/shop" is Ann's alone; root, who names nobody, may mean anybody's.
    std::optional<uid_t> owner = reference.owner;
    if (!owner && !IsRoot(who)) owner = who.uid;
    const bool may_see = IsRoot(who) || owner == who.uid;
    const std::string_view name = reference.owner ? reference.NamePart() : reference.text;
    auto path = may_see ? FindFailedLog(services.layout, name, owner) : std::nullopt;
    if (path) {
      order.path = std::move(*path);
      return services.logs.Send(std::move(order), reply);
    }
    services.mailbox.Post([&services, who, text = reference.text, reply, missing] {
      SendNoImage(services, who, text, reply, missing);
    });
  };
  services.questions.Run({{who.uid}, look});
}

}  // namespace

void GetDataImageLog(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto order = OrderOf(request, false);
  if (!order) return SendError(reply, order.error());
  WithReference(
      services, request.peer.identity.uid, request.parameters.at("ref"), reply,
      [&services, who = request.peer.identity, reply, order = *order](const Reference& reference) mutable {
        const auto image = ResolveToShow(services, who, reference);
        // A token that is for some images is for none that was never made.
        const bool may_have_failed =
            !image && image.error().code == ErrorCode::kNotFound && who.rights.images.empty();
        if (may_have_failed) {
          return SendFailedLog(services, who, reference, reply, std::move(order), image.error());
        }
        if (!image) return SendNoImage(services, who, reference.text, reply, image.error());
        // Tools say which line of a dump was refused, with what is masked afterwards.
        if (image->Masked() && !MayChange(*image, who)) {
          return SendError(reply,
                           {ErrorCode::kForbidden,
                            "the log of a masked image is its owner's alone: what was masked may be in it"});
        }
        // Without an id: no such file, nothing in it.
        order.path = services.layout.ImageLog(image->id);
        services.logs.Send(std::move(order), reply);
      });
}

void GetDataContainerLog(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto order = OrderOf(request, true);
  if (!order) return SendError(reply, order.error());
  WithContainer(services, request, reply,
                [&services, reply, order = *order](const ContainerRow& row) mutable {
                  order.path = services.layout.Volume(row.id, row.volume) + "/" + kEngineLogName;
                  services.logs.Send(std::move(order), reply);
                });
}

void GetDataSourceLog(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto order = OrderOf(request, true);
  if (!order) return SendError(reply, order.error());
  WithSource(services, request, reply, [&services, reply, order = *order](const SourceRow& row) mutable {
    order.path = services.layout.SourceLog(row.id);
    services.logs.Send(std::move(order), reply);
  });
}

}  // namespace spawnd::daemon
