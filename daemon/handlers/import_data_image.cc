/// POST /v1/imports, /v1/imports/{id} and /v1/data-images/import: an export file's head, then all the rest of
/// it, as far as it is missing, then an image of it. What is received stays when the client or the daemon
/// goes, so that the same file goes on where it was.
#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/labels.h"
#include "daemon/handlers/answers/room.h"
#include "daemon/handlers/handlers.h"
#include "daemon/http/body_stream.h"
#include "daemon/transfer/import_image.h"
#include "daemon/transfer/imports.h"

namespace spawnd::daemon {
namespace {

/// A damaged file is bad input, and no fault of the daemon's.
Error OfTheFile(Error error) {
  if (error.code == ErrorCode::kCorrupt) error.code = ErrorCode::kInvalidArgument;
  return error;
}

constexpr uint64_t kBytesBetweenLooks = uint64_t{16} << 20U;

Result<void> CheckImporter(const Services& services, const Identity& who) {
  if (services.teams.MayImport(who)) return {};
  return Fail(ErrorCode::kForbidden,
              "you may not import data images: the file system in one is mounted as root",
              "The administrator names who may as `imports: {users: [...], groups: [...]}` in spawnd.yaml.");
}

/// One stream. Lives in the callback or the job that goes on with it; used by one of them at a time.
class Receiving : public std::enable_shared_from_this<Receiving> {
 public:
  Receiving(Services& services, const http::Request& request, http::Reply reply, std::string id,
            uint64_t offset)
      : services_(services),
        stream_(request.stream),
        user_(request.peer.identity.uid),
        reply_(std::move(reply)),
        id_(std::move(id)),
        offset_(offset) {}

  void Begin() {
    services_.questions.Run({user_}, [self = shared_from_this()](const std::stop_token&) {
      if (const auto opened = self->Open(); !opened) return SendError(self->reply_, opened.error());
      self->PostNext();
    });
  }

 private:
  Result<void> Open() {
    TRY_ASSIGN(held_, services_.imports.Open(user_, id_));
    if (held_.receiver->Offset() == offset_) return {};
    return Fail(ErrorCode::kInvalidArgument, "the import goes on at byte " +
                                                 std::to_string(held_.receiver->Offset()) + " and not at " +
                                                 std::to_string(offset_));
  }

  void PostNext() {
    services_.mailbox.Post([self = shared_from_this()] {
      self->stream_->Next([self](http::BodyStream::Piece piece) { self->Take(std::move(piece)); });
    });
  }

  void Take(http::BodyStream::Piece piece) {
    services_.questions.Run({user_},
                            [self = shared_from_this(), piece = std::move(piece)](const std::stop_token&) {
                              const auto kept = self->Keep(piece);
                              if (!kept) return self->Failed(kept.error());
                              if (!piece.last) return self->PostNext();
                              const auto view = Imports::View(self->id_, self->held_);
                              self->held_ = {};  // its client may come back at once
                              self->reply_.Send(200, api::ToJson(view));
                            });
  }

  Result<void> Keep(const http::BodyStream::Piece& piece) {
    if (piece.error) return Fail(*piece.error);
    TRY(held_.receiver->Append(std::as_bytes(std::span(piece.bytes))));
    if (held_.receiver->Offset() - looked_at_ < kBytesBetweenLooks) return {};
    looked_at_ = held_.receiver->Offset();
    return services_.imports.CheckRoom();
  }

  void Failed(const Error& error) {
    held_ = {};
    SendError(reply_, ExplainSpace(OfTheFile(error), services_.layout.Root()));
  }

  Services& services_;
  const std::shared_ptr<http::BodyStream> stream_;
  const uid_t user_;
  const http::Reply reply_;
  const std::string id_;
  const uint64_t offset_;
  uint64_t looked_at_ = 0;
  Imports::Held held_;
};

Result<uint64_t> OffsetIn(const http::Request& request) {
  uint64_t offset = 0;
  const auto found = request.query.find("offset");
  const bool only = request.query.size() == 1 && found != request.query.end();
  if (only) {
    const char* end = found->second.data() + found->second.size();
    const auto [stopped, error] = std::from_chars(found->second.data(), end, offset);
    if (error == std::errc() && stopped == end) return offset;
  }
  return Fail(ErrorCode::kInvalidArgument, "an import needs offset=BYTES, and nothing else",
              "POST /v1/imports says where it goes on.");
}

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= text.size() && !text.empty();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

/// What the image is to be called, and with whom it is shared: said before gigabytes came for nothing. The
/// import itself checks that again.
Result<void> CheckWishes(const Services& services, const http::Request& request) {
  api::ImportDataImageRequest wanted;
  for (const auto& [name, value] : request.query) {
    if (name == "name") {
      wanted.name = value;
    } else if (name == "tags") {
      wanted.tags = SplitAtCommas(value);
    } else if (name == "teams") {
      wanted.teams = SplitAtCommas(value);
    } else {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name + "=" + value + "' is nothing that the beginning of an import understands",
                  "It takes name=NAME, tags=TAG,... and teams=TEAM,...");
    }
  }
  TRY(CheckImageName(wanted.name, wanted.tags));
  // What a file says of its masks, root alone takes over; whether it says so is seen when it is there.
  TRY(ShareWith(services.teams, request.peer.identity, wanted.teams, IsRoot(request.peer.identity)));
  return {};
}

Result<void> CheckRequest(const api::ImportDataImageRequest& wanted) {
  if (wanted.import.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the request names no import",
                "POST /v1/imports begins one, and says its id.");
  }
  if (!wanted.name.empty()) TRY(api::ValidateName(wanted.name, "data image"));
  TRY(CheckImageName(wanted.name, wanted.tags));
  return api::ValidateLifetime(wanted.lifetime_seconds);
}

}  // namespace

bool IsImportBody(const http::Request& head) {
  return head.method == "POST" && head.path.size() == 3 && head.path[0] == "v1" && head.path[1] == "imports";
}

void BeginImport(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto may = CheckImporter(services, request.peer.identity);
  if (!may) return SendError(reply, may.error());
  const auto wishes = CheckWishes(services, request);
  if (!wishes) return SendError(reply, wishes.error());
  const auto room = CheckRoom(services.disk);
  if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
  services.questions.Run({request.peer.identity.uid}, [&services, user = request.peer.identity.uid,
                                                       head = request.body, reply](const std::stop_token&) {
    const auto import = services.imports.Begin(user, head);
    import ? SendJson(reply, api::ToJson(*import)) : SendError(reply, OfTheFile(import.error()));
  });
}

void ReceiveImport(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto may = CheckImporter(services, request.peer.identity);
  if (!may) return SendError(reply, may.error());
  const std::string& id = request.parameters.at("id");
  const auto is_id = Imports::CheckId(id);
  if (!is_id) return SendError(reply, is_id.error());
  const auto offset = OffsetIn(request);
  if (!offset) return SendError(reply, offset.error());
  std::make_shared<Receiving>(services, request, reply, id, *offset)->Begin();
}

void ImportDataImage(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto may = CheckImporter(services, request.peer.identity);
  if (!may) return SendError(reply, may.error());
  auto wanted = api::FromJson<api::ImportDataImageRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  const auto checked = CheckRequest(*wanted);
  if (!checked) return SendError(reply, checked.error());
  auto shared =
      ShareWith(services.teams, request.peer.identity, wanted->teams, IsRoot(request.peer.identity));
  if (!shared) return SendError(reply, shared.error());
  const auto room = CheckRoom(services.disk);
  if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
  std::vector<std::string> warnings = std::move(shared->warnings);
  warnings.insert(warnings.end(), room->begin(), room->end());
  wanted->teams = std::move(shared->teams);
  NoteChange(request.peer, "import", "data-image", 0, wanted->name.empty() ? wanted->import : wanted->name);
  const StreamedAnswer answer(reply);
  ImportOrder order{std::move(*wanted),
                    request.peer.identity.uid,
                    reply.ClientGone(),
                    std::move(shared->idle_teams),
                    CauseOf(request.peer),
                    IsRoot(request.peer.identity),
                    services.teams.RequiresMasked()};
  services.builds.Run(
      {.owner = {request.peer.identity.uid},
       .work =
           [&services, order = std::move(order), answer, peer = request.peer,
            warnings = std::move(warnings)](const std::stop_token& stop) mutable {
             BuildProgress progress([&answer](const api::Progress& line) { answer.Progress(line); });
             auto imported = ImportImage(services.build, services.imports, order, progress, stop);
             Result<ImageRow> row =
                 imported ? Result<ImageRow>(imported->row) : Fail(OfTheFile(imported.error()));
             if (imported) {
               NoteChange(peer, "import", "data-image", imported->row.id, imported->row.name);
               warnings.insert(warnings.end(), imported->warnings.begin(), imported->warnings.end());
             }
             services.mailbox.Post([&services, row = std::move(row), answer, warnings] {
               AnswerWithImage(services, row, answer, warnings);
             });
           },
       .gone = reply.ClientGone(),
       .dropped = [answer](const Error& why) { answer.Failed(why); },
       .queued = TellQueued(answer, "build")});
}

}  // namespace spawnd::daemon
