#include "daemon/transfer/send_export.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <string>
#include <utility>

#include "base/file.h"
#include "daemon/transfer/description.h"
#include "storage/transfer/image_export.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;
static_assert(kPieceBytes * 2 <= http::kStreamQueueBytes);
/// A client that reads nothing for so long keeps a job from others of its user; it can go on later.
constexpr std::chrono::minutes kPatience{10};

Result<void> SendPieces(const http::Reply& reply, std::span<const std::byte> bytes,
                        const std::stop_token& stop) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(kPieceBytes, bytes.size()));
    if (reply.ClientGone().stop_requested() || !reply.WaitForRoom(piece.size(), kPatience, stop)) {
      const bool stopping = stop.stop_requested() && !reply.ClientGone().stop_requested();
      return stopping ? Fail(ErrorCode::kUnavailable, "the daemon is stopping")
                      : Fail(ErrorCode::kCancelled, "its client reads no more");
    }
    reply.Line(std::string(reinterpret_cast<const char*>(piece.data()), piece.size()));
    bytes = bytes.subspan(piece.size());
  }
  return {};
}

}  // namespace

Result<void> SendExport(const StoreLayout& layout, const ImageRow& image, const ExportRange& range,
                        const http::Reply& reply, const std::stop_token& stop) {
  TRY_ASSIGN(const auto file, storage::ImageExport::Open(PosixFileSystem(), layout.ImageIndex(image.id),
                                                         layout.Layers(), DescriptionOf(image)));
  if (range.from > file->FileBytes()) {
    return Fail(ErrorCode::kInvalidArgument, "the export of data image '" + image.name + "' has " +
                                                 std::to_string(file->FileBytes()) + " bytes, and offset " +
                                                 std::to_string(range.from) + " is behind its end");
  }
  reply.BeginBytes();
  uint64_t left = range.bytes;
  const auto sent = file->Write(range.from, [&](std::span<const std::byte> bytes) -> Result<void> {
    const auto wanted = bytes.first(std::min<uint64_t>(left, bytes.size()));
    TRY(SendPieces(reply, wanted, stop));
    left -= wanted.size();
    if (left > 0) return {};
    return Fail(ErrorCode::kCancelled, "no more is wanted");
  });
  if (sent || left == 0) {
    reply.End();
  } else {
    // The last of the reply's copies goes without an end: the client sees that it is not all.
    reply.Failed(sent.error());
    const bool given_up =
        sent.error().code == ErrorCode::kCancelled || sent.error().code == ErrorCode::kUnavailable;
    spdlog::log(given_up ? spdlog::level::info : spdlog::level::warn, "export of image {} broke off: {}",
                image.id, sent.error().message);
  }
  return {};
}

}  // namespace spawnd::daemon
