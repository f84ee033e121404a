#include "daemon/session/client.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

namespace spawnd::daemon {
namespace {

using std::chrono::steady_clock;
using Op = SessionRequest::Op;

/// None of these is kUnavailable, for which a start tries again.
tl::unexpected<Error> FailEnded() {
  return Fail(
      ErrorCode::kInternal, "the session with the server ended unexpectedly",
      "The server sent what the product's client library cannot take, or far too much of it. The next "
      "call begins a new session.");
}

Result<void> AwaitReadable(int fd, steady_clock::time_point end, std::chrono::milliseconds deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
    pollfd poll_fd{fd, POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&poll_fd, 1, static_cast<int>(left.count())) : 0;
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return FailErrno(errno, "cannot wait for the session with the server");
    if (ready == 0) {
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(deadline).count();
      return Fail(ErrorCode::kTimeout,
                  "the server did not answer spawnd within " + std::to_string(seconds) + " s");
    }
  }
}

}  // namespace

Result<void> SessionClient::Begin() {
  if (socket_.Valid()) return {};
  TRY_ASSIGN(socket_, source_.begin());
  return {};
}

void SessionClient::End() {
  if (!socket_.Valid()) return;
  socket_.Reset();
  source_.end();
}

Result<std::string> SessionClient::Exchange(const std::string& packet,
                                            std::chrono::milliseconds deadline) const {
  const auto end = steady_clock::now() + deadline;
  // A process that answers and does not read must not be waited for.
  if (::send(socket_.Get(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    return FailEnded();
  TRY(AwaitReadable(socket_.Get(), end, deadline));
  // No room for descriptors, so that none can be sent.
  std::string answer(kMaxSessionPacket, '\0');
  const ssize_t size = ::recv(socket_.Get(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_TRUNC);
  if (size <= 0) return FailEnded();
  if (static_cast<size_t>(size) > answer.size()) {
    return Fail(ErrorCode::kInternal, "the session with the server sent an answer that is too long");
  }
  answer.resize(static_cast<size_t>(size));
  return answer;
}

Result<SessionReply> SessionClient::Ask(const SessionRequest& request, std::chrono::milliseconds deadline) {
  TRY(Begin());
  auto answer = Exchange(EncodeSessionRequest(request), deadline);
  if (!answer) {
    End();
    return Fail(std::move(answer.error()));
  }
  auto reply = DecodeSessionReply(*answer);
  if (!reply) {
    End();
    return Fail(ErrorCode::kInternal, "the session with the server sent what is no answer");
  }
  if (reply->error) return Fail(std::move(*reply->error));
  return reply;
}

Result<void> SessionClient::Do(Op op, std::chrono::milliseconds deadline) {
  return Ask({op, "", {}}, deadline).map([](const SessionReply&) {});
}

Result<void> SessionClient::Probe() {
  return Do(Op::kProbe, deadlines_.probe);
}
Result<void> SessionClient::PrepareContainer() {
  return Do(Op::kPrepareContainer, deadlines_.prepare_container);
}
Result<void> SessionClient::PrepareImage() {
  return Do(Op::kPrepareImage, deadlines_.prepare_image);
}
Result<void> SessionClient::CreateDatabase(const std::string& database) {
  return Ask({Op::kCreateDatabase, database, {}}, deadlines_.create_database).map([](const SessionReply&) {});
}
Result<std::vector<std::string>> SessionClient::UserDatabases() {
  TRY_ASSIGN(SessionReply reply, Ask({Op::kUserDatabases, "", {}}, deadlines_.question));
  return std::move(reply.databases);
}
Result<std::vector<std::string>> SessionClient::UsedLibraries() {
  TRY_ASSIGN(SessionReply reply, Ask({Op::kUsedLibraries, "", {}}, deadlines_.question));
  return std::move(reply.libraries);
}
Result<std::vector<int64_t>> SessionClient::Mask(const std::vector<engines::MaskRule>& rules) {
  TRY_ASSIGN(SessionReply reply, Ask({Op::kMask, "", rules}, deadlines_.mask));
  if (reply.masked_rows.size() == rules.size()) return std::move(reply.masked_rows);
  End();
  return Fail(ErrorCode::kInternal, "the session with the server does not say what it has masked");
}
Result<bool> SessionClient::KeepsSettings() {
  TRY_ASSIGN(const SessionReply reply, Ask({Op::kKeepsSettings, "", {}}, deadlines_.question));
  return reply.keeps_settings;
}
Result<void> SessionClient::BeforeSave() {
  return Do(Op::kBeforeSave, deadlines_.before_save);
}
Result<void> SessionClient::AfterSave() {
  return Do(Op::kAfterSave, deadlines_.question);
}
Result<std::string> SessionClient::KeepsAwake() {
  TRY_ASSIGN(SessionReply reply, Ask({Op::kKeepsAwake, "", {}}, deadlines_.question));
  return std::move(reply.words);
}

Result<void> SessionClient::StandBy() {
  return Do(Op::kStandBy, deadlines_.question);
}
Result<void> SessionClient::TakeOver() {
  return Do(Op::kTakeOver, deadlines_.question);
}

Result<uint32_t> SessionClient::ClientsOnTheirWayIn() {
  TRY_ASSIGN(const SessionReply reply, Ask({Op::kClientsOnTheirWayIn, "", {}}, deadlines_.clients));
  return static_cast<uint32_t>(reply.clients);
}

}  // namespace spawnd::daemon
