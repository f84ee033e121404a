#include "daemon/session/process.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "base/process.h"
#include "daemon/session/protocol.h"

namespace spawnd::daemon {
namespace {

using Op = SessionRequest::Op;

constexpr int kSocketFd = 3;
/// What a client library may take beside what this process has from its parent.
constexpr rlim_t kMemoryBytes = rlim_t{256} << 20U;
constexpr rlim_t kDescriptors = 32;

Result<void> Limit(int resource, rlim_t most, const char* what) {
  const rlimit limit{most, most};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == 0) return {};
  return FailErrno(errno, std::string("cannot limit the session's ") + what);
}

/// RLIMIT_DATA counts what the process has already (sanitizers reserve a lot): the sixth number of statm, in
/// pages.
Result<void> LimitMemory() {
  std::ifstream statm("/proc/self/statm");
  std::array<rlim_t, 6> pages{};
  for (rlim_t& number : pages) statm >> number;
  if (!statm) return Fail(ErrorCode::kIo, "cannot read /proc/self/statm");
  const auto page_size = static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
  return Limit(RLIMIT_DATA, pages.back() * page_size + kMemoryBytes, "memory");
}

/// On 3, with nothing beside it but /dev/null three times. False when there is no descriptor to be had.
bool KeepOnlySocket(int socket) {
  // First above the targets, so that none of them is overwritten while it is still needed.
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int high_null = null >= 0 ? ::fcntl(null, F_DUPFD_CLOEXEC, 10) : -1;
  const int high_socket = ::fcntl(socket, F_DUPFD_CLOEXEC, 10);
  bool ok = high_null >= 0 && high_socket >= 0;
  for (int fd = 0; fd < kSocketFd; ++fd) ok = ok && ::dup2(high_null, fd) >= 0;
  ok = ok && ::dup2(high_socket, kSocketFd) >= 0;
  ::close_range(kSocketFd + 1, ~0U, 0);
  return ok;
}

Result<void> BecomeUser(uid_t uid, gid_t gid) {
  // Groups first, user last: after setuid there is no right left to change the others, and no capability.
  if (::setgroups(0, nullptr) == 0 && ::setresgid(gid, gid, gid) == 0 && ::setresuid(uid, uid, uid) == 0)
    return {};
  return FailErrno(errno, "cannot give up the session's rights");
}

Result<void> Confine(const SessionPlan& plan, const UniqueFd& network) {
  ::prctl(PR_SET_NAME, "spawnd-session");
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (network.Valid() && ::setns(network.Get(), CLONE_NEWNET) != 0) {
    return FailErrno(errno, "the session cannot enter the server's network");
  }
  // Its like goes first when memory runs out: it is made anew. Refused where nobody may say so.
  std::ofstream("/proc/self/oom_score_adj") << "500";
  TRY(LimitMemory());
  TRY(Limit(RLIMIT_NOFILE, kDescriptors, "descriptors"));
  TRY(Limit(RLIMIT_FSIZE, 0, "files"));
  TRY(Limit(RLIMIT_CORE, 0, "core files"));
  TRY(BecomeUser(plan.uid, plan.gid));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return FailErrno(errno, "cannot give up new privileges");
  // The server has the same user. It must not reach in by ptrace or /proc: this process has the memory of a
  // keeper that was about to start.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return FailErrno(errno, "cannot close the session's memory");
  // After the switch of user, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!plan.filter.empty() && !FilterSystemCalls(plan.filter)) {
    return FailErrno(errno, "cannot limit the session's system calls");
  }
  return {};
}

/// Waits for a request; ends the process with the keeper's end of the socket.
std::string NextPacket() {
  std::string packet(kMaxSessionRequest, '\0');
  ssize_t size = 0;
  do {
    size = ::recv(kSocketFd, packet.data(), packet.size(), 0);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) ::_exit(0);
  packet.resize(static_cast<size_t>(size));
  return packet;
}

void Reply(const SessionReply& reply) {
  const std::string packet = EncodeSessionReply(reply);
  if (::send(kSocketFd, packet.data(), packet.size(), MSG_NOSIGNAL) < 0) ::_exit(1);
}

class Server {
 public:
  explicit Server(const SessionPlan& plan) : plan_(plan) {}

  SessionReply Answer(const std::string& packet) {
    SessionReply reply;
    auto request = DecodeSessionRequest(packet);
    auto done = request ? CarryOut(*request, reply) : Result<void>(Fail(std::move(request.error())));
    if (!done) reply.error = std::move(done.error());
    return reply;
  }

 private:
  engines::Credentials ImageCredentials() const {
    engines::Credentials credentials = plan_.launch.credentials;
    credentials.superuser = plan_.launch.image_superuser;
    return credentials;
  }

  Result<void> CarryOut(const SessionRequest& request, SessionReply& reply) {
    // Also by itself: an earlier process may have had the session that this one has not.
    if (request.op == Op::kProbe || !session_) {
      TRY_ASSIGN(session_, plan_.engine->Probe(plan_.launch));
    }
    switch (request.op) {
      case Op::kProbe:
        return {};
      case Op::kPrepareContainer:
        return session_->PrepareContainer(plan_.launch.credentials);
      case Op::kPrepareImage:
        return session_->PrepareImage(ImageCredentials());
      case Op::kCreateDatabase:
        return session_->CreateDatabase(request.database);
      case Op::kUserDatabases:
        return session_->UserDatabases(plan_.launch.credentials).map([&](std::vector<std::string> names) {
          reply.databases = std::move(names);
        });
      case Op::kUsedLibraries:
        return session_->UsedLibraries().map([&](const std::vector<engines::UsedLibrary>& libraries) {
          for (const engines::UsedLibrary& one : libraries) reply.libraries.push_back(engines::TextOf(one));
        });
      case Op::kMask:
        return session_->Mask(request.mask).map([&](std::vector<int64_t> rows) {
          reply.masked_rows = std::move(rows);
        });
      case Op::kKeepsSettings:
        return session_->KeepsSettings().map([&](bool keeps) { reply.keeps_settings = keeps; });
      case Op::kBeforeSave:
        return session_->BeforeSave();
      case Op::kAfterSave:
        return session_->AfterSave();
      case Op::kKeepsAwake:
        return session_->KeepsAwake().map([&](std::string words) { reply.words = std::move(words); });
      case Op::kStandBy:
        return StandBy();
      case Op::kTakeOver:
        // Once more: a worker may have come up after the first look.
        TRY(StandBy());
        return session_->TakeOver();
      case Op::kClientsOnTheirWayIn:
        return session_->ClientsOnTheirWayIn().map([&](uint32_t clients) { reply.clients = clients; });
      case Op::kUnknown:
        break;
    }
    return Fail(ErrorCode::kUnsupported, "unknown request to a session");
  }

  Result<void> StandBy() {
    TRY_ASSIGN(const std::string work, session_->WorksByItself());
    if (work.empty()) return {};
    return Fail(ErrorCode::kUnsupported, "a second server would do what this one does by itself: " + work);
  }

  const SessionPlan& plan_;
  std::unique_ptr<engines::Engine::Session> session_;
};

}  // namespace

void RunSessionProcess(const SessionPlan& plan, UniqueFd socket, UniqueFd network) {
  const auto confined = Confine(plan, network);
  [[maybe_unused]] const int closed_below = network.Release();
  if (!KeepOnlySocket(socket.Release())) ::_exit(1);
  Server server(plan);
  while (true) {
    const std::string packet = NextPacket();
    if (!confined) {
      Reply({confined.error()});
      ::_exit(1);
    }
    Reply(server.Answer(packet));
  }
}

}  // namespace spawnd::daemon
