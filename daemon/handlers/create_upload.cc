/// POST /v1/uploads: a request's body of any size, on its way to the disk. The loop hands over one piece
/// after the other, each is written by a job, and only then the next is asked for: a client is never read
/// faster than the disk takes it, and nothing waits on the loop.
#include <memory>
#include <optional>
#include <utility>

#include "api/json.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/room.h"
#include "daemon/handlers/handlers.h"
#include "daemon/http/body_stream.h"
#include "daemon/store/spool_file.h"
#include "daemon/store/uploads.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMaxName = 255;  ///< bytes

/// One upload. Lives in the callback or the job that goes on with it; used by one of them at a time.
class Receiver : public std::enable_shared_from_this<Receiver> {
 public:
  Receiver(Services& services, const http::Request& request, http::Reply reply, std::string name)
      : services_(services),
        stream_(request.stream),
        owner_(request.peer.identity.uid),
        file_owner_(request.peer.socket.uid),
        reply_(std::move(reply)) {
    upload_.name = std::move(name);
  }

  void Begin() {
    services_.questions.Run({owner_}, [self = shared_from_this()](const std::stop_token&) {
      auto file = SpoolFile::Make(self->services_.layout.Builds(), self->file_owner_, self->services_.disk);
      if (!file) return SendError(self->reply_, file.error());
      self->file_.emplace(std::move(*file));
      self->PostNext();
    });
  }

 private:
  void PostNext() {
    services_.mailbox.Post([self = shared_from_this()] {
      self->stream_->Next([self](http::BodyStream::Piece piece) { self->Take(std::move(piece)); });
    });
  }

  void Take(http::BodyStream::Piece piece) {
    services_.questions.Run({owner_},
                            [self = shared_from_this(), piece = std::move(piece)](const std::stop_token&) {
                              if (piece.error) return SendError(self->reply_, *piece.error);
                              auto written = self->file_->Append(piece.bytes);
                              if (!written)
                                return SendError(self->reply_, Explained(written.error(), self->services_));
                              if (!piece.last) return self->PostNext();
                              const auto finished = self->Finish();
                              if (!finished) SendError(self->reply_, finished.error());
                            });
  }

  static Error Explained(const Error& error, const Services& services) {
    return ExplainSpace(error, services.layout.Root());
  }

  Result<void> Finish() {
    upload_.size_bytes = static_cast<int64_t>(file_->Size());
    TRY_ASSIGN(UniqueFd file, file_->Take());
    TRY_ASSIGN(upload_.id, services_.uploads.Add(owner_, std::move(file)));
    // Nobody will ever use what nobody has heard of.
    reply_.IfUndelivered([&uploads = services_.uploads, id = upload_.id, owner = owner_] {
      static_cast<void>(uploads.Take(id, owner));
    });
    reply_.Send(200, api::ToJson(upload_));
    return {};
  }

  Services& services_;
  const std::shared_ptr<http::BodyStream> stream_;
  const uid_t owner_;
  const uid_t file_owner_;  ///< who may open it: tools run as the user of the socket
  const http::Reply reply_;
  api::Upload upload_;
  std::optional<SpoolFile> file_;
};

/// The only parameter that there is.
Result<std::string> NameIn(const http::Request& request) {
  std::string name = "upload";
  for (const auto& [key, value] : request.query) {
    if (key != "name") {
      return Fail(ErrorCode::kInvalidArgument, "unknown query parameter '" + key + "'", "There is `name`.");
    }
    if (value.empty() || value.size() > kMaxName) {
      return Fail(ErrorCode::kInvalidArgument, "the name of an upload has 1 to 255 bytes");
    }
    name = value;
  }
  return name;
}

}  // namespace

bool HasStreamedBody(const http::Request& head) {
  return IsImportBody(head) ||
         (head.method == "POST" && head.path == std::vector<std::string>{"v1", "uploads"});
}

void CreateUpload(Services& services, const http::Request& request, const http::Reply& reply) {
  auto name = NameIn(request);
  if (!name) return SendError(reply, name.error());
  NoteChange(request.peer, "create", "upload", 0, *name);
  if (const auto few = services.uploads.CheckCount(request.peer.identity.uid); !few) {
    return SendError(reply, few.error());
  }
  const auto room = CheckRoom(services.disk);
  if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
  std::make_shared<Receiver>(services, request, reply, std::move(*name))->Begin();
}

}  // namespace spawnd::daemon
