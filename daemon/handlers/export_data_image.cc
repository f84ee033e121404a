/// GET /v1/data-images/{ref}/export: the image as one file. Whoever may make containers of it reads the same
/// rows; but a file shows the server's own files too, which an image without superusers does not.
#include <charconv>
#include <optional>
#include <utility>

#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/handlers.h"
#include "daemon/transfer/send_export.h"

namespace spawnd::daemon {
namespace {

Result<ExportRange> RangeIn(const http::Request& request) {
  ExportRange range;
  for (const auto& [name, value] : request.query) {
    uint64_t number = 0;
    const char* end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, number);
    const bool is_number = error == std::errc() && stopped == end;
    if (is_number && name == "offset") {
      range.from = number;
    } else if (is_number && name == "bytes" && number > 0) {
      range.bytes = number;
    } else {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name + "=" + value + "' is nothing that an export understands",
                  "It takes offset=BYTES and bytes=BYTES.");
    }
  }
  return range;
}

/// A built-in image is nothing to carry to another machine: its daemon makes the same one itself.
Result<ImageRow> ResolveToExport(Services& services, const http::Caller& who, const Reference& reference) {
  if (!BuiltInFor(services, who, reference.text)) return Resolve(services, who, reference);
  return Fail(ErrorCode::kInvalidArgument,
              "data image '" + reference.text + "' is built in: every daemon makes its own",
              "An image that was graduated from a container of it can be exported.");
}

Result<void> CheckExport(const ImageRow& image, const Identity& who) {
  if (image.state == ImageState::kPending) {
    return Fail(ErrorCode::kNotReady, "data image '" + image.name + "' is still being made",
                "Try again when it is completed.");
  }
  if (image.state != ImageState::kCompleted) {
    return Fail(ErrorCode::kInvalidArgument, "data image '" + image.name + "' has failed: " + image.detail);
  }
  if (!image.superuser && !MayChange(image, who)) {
    return Fail(ErrorCode::kForbidden,
                "data image '" + image.name + "' gives no superuser, and its file would show as much as one",
                "Its owner can export it.");
  }
  return {};
}

}  // namespace

void ExportDataImage(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto range = RangeIn(request);
  if (!range) return SendError(reply, range.error());
  WithImage(services, request, reply, ResolveToExport,
            [&services, peer = request.peer, reply, range = *range](const ImageRow& image) {
              const auto may = CheckExport(image, peer.identity);
              if (!may) return SendError(reply, may.error());
              NoteChange(peer, "export", "data-image", image.id, image.name);
              services.builds.Run(
                  {.owner = {peer.identity.uid},
                   .work =
                       [&layout = services.layout, image, range, reply](const std::stop_token& stop) {
                         const auto sent = SendExport(layout, image, range, reply, stop);
                         if (!sent) SendError(reply, sent.error());
                       },
                   .gone = reply.ClientGone(),
                   .dropped = [reply](const Error& why) { SendError(reply, why); }});
            });
}

}  // namespace spawnd::daemon
