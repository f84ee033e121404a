/// One request, its answer, and what bounds them. Values and handles: the classes that do the work include
/// this and not each other.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/process.h"
#include "base/unique_fd.h"

namespace spawnd::daemon::http {

class BodyStream;
class Descriptors;
struct Request;

/// Says how many descriptors come along with the request.
inline constexpr const char* kDescriptorsHeader = "spawn-descriptors";

struct Limits {
  size_t connections = 256;          ///< further ones are refused
  size_t reserved_connections = 16;  ///< of these: only root's, and as many only the others'
  /// Of one user; 0: any number. Never asked for root. Empty: no limit.
  std::function<size_t(uid_t)> connections_of_user{};
  size_t header_bytes = 16 * 1024;
  size_t target_bytes = 4 * 1024;
  size_t body_bytes = 1024 * 1024;
  uint64_t request_milliseconds = 10'000;  ///< to receive one whole request once its first byte came
  uint64_t idle_milliseconds = 60'000;     ///< between requests, and between pieces of a streamed body
  /// Asked at the end of a request's headers, of which the body is not there: that may be of any size, and
  /// the request is handed on with Request::stream in its place. Empty: no request is like that.
  std::function<bool(const Request& head)> is_streamed{};
};

/// Lines of one stream that may wait for a slow client.
inline constexpr size_t kStreamQueueBytes = 256 * 1024;

/// What a request may do of what its caller may: all, unless it has an access token that was made for less.
struct Rights {
  bool read_only = false;
  std::vector<std::string> images{};  ///< not empty: of images only these (daemon/access/scope.h)
  int64_t expires_at = 0;             ///< of the token; 0: never
};

struct Caller : Identity {
  Rights rights;
};

/// What a request is about and for whom, as far as has been found out, for whoever writes down how it ended.
/// Any thread.
class Notes {
 public:
  struct Said {
    uid_t uid = 0;  ///< whose rights counted
    int64_t token_id = 0;
    std::string verb;  ///< "create"
    std::string resource;
    int64_t id = 0;  ///< 0: it has none, or nobody has found it
    std::string name;
    bool noted = false;  ///< the handler itself has said so
  };
  /// `said`: until something is found out.
  explicit Notes(Said said) : said_(std::move(said)) {}
  Notes() = default;
  void For(uid_t uid, int64_t token_id);
  void About(std::string_view verb, std::string_view resource, int64_t id, std::string_view name);
  Said Get() const;

 private:
  mutable std::mutex mutex_;
  Said said_;
};

/// Who is on the other end, from SO_PEERCRED and SO_PEERGROUPS.
struct Peer {
  Caller
      identity;  ///< whose rights count: the socket's, or those of a token's owner (daemon/access/tokens.h)
  Identity socket;  ///< whose files may be opened: always the process's at the other end
  pid_t pid = 0;
  /// A pidfd of the process that connected; null when that is gone. Never reused for another one.
  std::shared_ptr<const UniqueFd> process{};
  int64_t token_id = 0;            ///< with which it came; 0: none
  std::shared_ptr<Notes> notes{};  ///< null: nobody writes anything down
};

struct Request {
  std::string method;             ///< "GET"
  std::vector<std::string> path;  ///< decoded segments: "/v1/data-images/a%2Fb" is {"v1","data-images","a/b"}
  std::map<std::string, std::string> query;       ///< decoded; a name given twice is refused
  std::map<std::string, std::string> parameters;  ///< set by the Router: what "{ref}" of the pattern matched
  std::map<std::string, std::string> headers;     ///< names in lower case
  std::string body;
  std::shared_ptr<BodyStream> stream{};        ///< set: the body comes here, later (Limits::is_streamed)
  std::shared_ptr<Descriptors> descriptors{};  ///< set: what kDescriptorsHeader says has come
  Peer peer;
};

/// How a request ended, as its handler says: whether its client still heard of it is another matter.
struct Outcome {
  int status = 200;            ///< of a stream 200, whatever its last line says
  std::optional<Error> error;  ///< what was answered; not set: it was done
};

/// The answer to one request. A copyable handle (a connection's number and the server's mailbox, no pointer
/// into the loop); every method may be called from any thread, and does nothing once the client is gone.
/// Exactly one of Send, or Begin ... Line ... End, is called. When the last copy goes without that, the
/// client gets a 500, or sees its stream break.
///
/// A client that reads slowly costs bounded memory: once kStreamQueueBytes of lines wait, each further line
/// takes the place of the newest one. So lines in the middle (progress) may be lost, the last before End
/// never is.
class Reply {
 public:
  class Channel;
  explicit Reply(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}

  /// `headers`: further ones, such as {"Allow", "GET"}.
  void Send(int status, std::string json,
            std::vector<std::pair<std::string, std::string>> headers = {}) const;
  /// 200 with something else than JSON. `content_type` is a literal.
  void SendText(std::string text, std::string_view content_type) const;
  /// Starts a chunked application/x-ndjson response with status 200.
  void Begin() const;
  /// The same as text/plain, for bytes that all have to arrive: the caller gives Line no more than HasRoom
  /// allows.
  void BeginText() const;
  /// The same as application/octet-stream.
  void BeginBytes() const;
  void Line(std::string line) const;
  /// True when so many more bytes may wait without taking the place of others; false once the client is gone.
  bool HasRoom(size_t bytes) const;
  /// Waits for that, as long as the client goes on reading within `patience`. False when it does not, when it
  /// is gone or when `stop` says so. Not on the loop thread.
  bool WaitForRoom(size_t bytes, std::chrono::milliseconds patience, const std::stop_token& stop) const;
  void End() const;
  /// Says when the client closed its connection, or its sending half of it, before the answer was complete:
  /// it wants no more than to hear how its request ended.
  std::stop_token ClientGone() const;
  /// `take_back` is called, on the loop thread, should the connection end before the kernel has the whole
  /// answer: the client can never have read it. At once when it has ended already.
  void IfUndelivered(std::function<void()> take_back) const;
  /// What is answered next is that error.
  void Failed(const Error& error) const;
  /// `tell` is called once, on whichever thread, before the end of the answer goes to the client; when nobody
  /// answers, as the last copy goes. To be set before a handler has the reply.
  void WhenEnded(std::function<void(const Outcome&)> tell) const;

 private:
  std::shared_ptr<Channel> channel_;
};

using Handler = std::function<void(Request request, Reply reply)>;

/// Answers with an error, in the form of docs/openapi.yaml. Any thread.
void SendError(const Reply& reply, const Error& error);

}  // namespace spawnd::daemon::http
