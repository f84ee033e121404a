#include "daemon/init/init_client.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/descriptors.h"
#include "base/message.h"

namespace spawnd::daemon {

Result<std::unique_ptr<ContainerInit>> ContainerInit::Fork(const InitPlan& plan) {
  TRY_ASSIGN(SocketPair sockets, MakeSocketPair(SOCK_SEQPACKET));
  // Like fork, with namespaces. A raw call: glibc's clone wants a stack of its own.
  const int flags =
      CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | (plan.own_network ? CLONE_NEWNET : 0) | SIGCHLD;
  const long pid = ::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr);
  if (pid < 0) return FailErrno(errno, "cannot make the container's namespaces");
  if (pid == 0) {
    CloseAllBut({sockets.theirs.Get(), plan.log_fd, plan.lock_fd, plan.root.engine_tree, plan.filters_fd,
                 plan.owner_mapping_fd, plan.control_group_fd});
    RunInitProcess(plan, std::move(sockets.theirs));
  }
  return std::unique_ptr<ContainerInit>(new ContainerInit(static_cast<pid_t>(pid), std::move(sockets.ours)));
}

ContainerInit::~ContainerInit() {
  Kill();
}

void ContainerInit::Kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

bool ContainerInit::Receive(InitMessage& message, std::chrono::milliseconds wait) {
  pollfd poll_fd{socket_.Get(), POLLIN, 0};
  const int ready = ::poll(&poll_fd, 1, static_cast<int>(wait.count()));
  if (ready <= 0) return false;
  if (::recv(socket_.Get(), &message, sizeof message, 0) != static_cast<ssize_t>(sizeof message)) {
    engine_exit_ = -1;
    return false;
  }
  if (message.kind == InitMessage::Kind::kEngineExit) engine_exit_ = message.engine_status;
  return true;
}

Result<InitTimings> ContainerInit::Do(InitOrder order, std::chrono::milliseconds deadline) {
  TRY(SendMessage(socket_.Get(), EncodeOrder(order)));
  return Await(deadline);
}

Result<InitTimings> ContainerInit::Await(std::chrono::milliseconds deadline) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (true) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0)
      return Fail(ErrorCode::kTimeout, "the container's process 1 did not answer in time");
    InitMessage message;
    if (!Receive(message, left)) {
      if (engine_exit_ == -1)
        return Fail(ErrorCode::kUnavailable, "the container's process 1 ended unexpectedly");
      continue;
    }
    if (message.kind == InitMessage::Kind::kEngineExit) continue;
    if (message.kind == InitMessage::Kind::kFailed) {
      return Fail(message.code, std::string(message.text.data()), std::string(message.hint.data()));
    }
    engine_user_ = message.engine;
    room_ = message.room;
    return message.timings;
  }
}

Result<VolumeRoom> ContainerInit::MeasureVolume(std::chrono::milliseconds deadline) {
  TRY(Do(InitOrder::kMeasureVolume, deadline));
  return room_;
}

Result<void> ContainerInit::StopEngine(std::chrono::milliseconds patience,
                                       std::chrono::milliseconds deadline) {
  TRY(SendMessage(socket_.Get(), EncodeStop(patience)));
  return Await(deadline).map([](InitTimings) {});
}

Result<void> ContainerInit::RunProgram(ProgramOrder order, ProgramDescriptors descriptors,
                                       std::chrono::milliseconds deadline) {
  NoteDescriptors(descriptors, order);
  std::string packet = EncodeOrder(InitOrder::kRunProgram);
  AppendProgramOrder(order, packet);
  TRY(SendWithDescriptors(socket_.Get(), packet, descriptors));
  return Await(deadline).map([](InitTimings) {});
}

Result<UniqueFd> ContainerInit::StartSession(int network, std::chrono::milliseconds deadline) {
  TRY_ASSIGN(SocketPair sockets, MakeSocketPair(SOCK_SEQPACKET));
  TRY(SendMessage(socket_.Get(), EncodeOrder(InitOrder::kStartSession), {sockets.theirs.Get(), network}));
  // So that the session's end is the only one, and its death is heard here.
  sockets.theirs.Reset();
  TRY(Await(deadline).map([](InitTimings) {}));
  return std::move(sockets.ours);
}

std::optional<int> ContainerInit::EngineExit() {
  InitMessage message;
  while (!engine_exit_ && Receive(message, std::chrono::milliseconds(0))) {
  }
  return engine_exit_;
}

}  // namespace spawnd::daemon
