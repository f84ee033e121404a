#include "daemon/init/single_program.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/message.h"
#include "daemon/init/command_text.h"
#include "daemon/init/container_root.h"
#include "daemon/init/network.h"
#include "daemon/init/private_mounts.h"
#include "daemon/init/system_calls.h"

namespace spawnd::daemon {
namespace {

/// What the fork, the root and the answer may take beside the program itself.
constexpr std::chrono::milliseconds kAround(2000);

/// The numbers of a SingleProgram, as bytes: both ends are the same binary.
struct Numbers {
  uid_t uid;
  gid_t gid;
  int64_t deadline;
  size_t max_output;
};

/// An answer: the error's code or kRan, the exit code, and what the program printed or the error's message.
struct Answer {
  int error;
  int exit_code;
};
constexpr int kRan = -1;

Result<ProcessOutput> Run(const SingleProgram& program, int engine_tree) {
  TRY(MakePrivatePlaces(program.uid, program.gid));
  TRY(BringUpLoopback());
  TRY(EnterContainerRoot({engine_tree, program.installation, {}}));
  TRY_ASSIGN(const std::string filter, EngineSystemCalls(Asks::kNothing));
  SpawnOptions options;
  options.argv = program.command.argv;
  options.env = program.command.env;
  options.working_directory = program.command.working_directory;
  options.identity = Identity{program.uid, program.gid, {}};
  options.new_session = true;
  options.no_new_privileges = true;
  options.no_capabilities = true;
  options.system_call_filter = filter;
  options.limits = {{RLIMIT_CORE, 0, 0}};
  return RunAndCapture(options, program.deadline, program.max_output);
}

[[noreturn]] void RunAndAnswer(const SingleProgram& program, int engine_tree, int answer_fd) {
  ::signal(SIGCHLD, SIG_DFL);  // the launcher collects its own children
  const auto output = Run(program, engine_tree);
  Answer answer{kRan, 0};
  if (output) answer.exit_code = output->exit_code;
  if (!output) answer.error = static_cast<int>(output.error().code);
  std::string text(reinterpret_cast<const char*>(&answer), sizeof answer);
  text += output ? output->output : output.error().message;
  static_cast<void>(SendMessage(answer_fd, text).has_value());
  ::_exit(0);
}

}  // namespace

std::string EncodeProgram(const SingleProgram& program) {
  const Numbers numbers{program.uid, program.gid, program.deadline.count(), program.max_output};
  std::string text(reinterpret_cast<const char*>(&numbers), sizeof numbers);
  text.append(program.installation.c_str(), program.installation.size() + 1);
  return text + EncodeCommand(program.command);
}

Result<SingleProgram> DecodeProgram(std::string_view text) {
  Numbers numbers{};
  const size_t end = text.find('\0', sizeof numbers);
  if (end == std::string_view::npos)
    return Fail(ErrorCode::kInternal, "an order to run a program is cut short");
  std::memcpy(&numbers, text.data(), sizeof numbers);
  SingleProgram program;
  program.installation = text.substr(sizeof numbers, end - sizeof numbers);
  TRY_ASSIGN(program.command, DecodeCommand(text.substr(end + 1)));
  program.uid = numbers.uid;
  program.gid = numbers.gid;
  program.deadline = std::chrono::milliseconds(numbers.deadline);
  program.max_output = numbers.max_output;
  return program;
}

pid_t ForkSingleProgram(const SingleProgram& program, UniqueFd engine_tree, UniqueFd answer) {
  constexpr int kFlags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET | SIGCHLD;
  const long pid = ::syscall(SYS_clone, kFlags, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) RunAndAnswer(program, engine_tree.Get(), answer.Get());
  return pid > 0 ? static_cast<pid_t>(pid) : -errno;
}

Result<ProcessOutput> AwaitSingleProgram(const SingleProgram& program, int answer) {
  pollfd ready{answer, POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>((program.deadline + kAround).count())) <= 0) {
    return Fail(ErrorCode::kTimeout, "'" + program.command.argv.front() + "' did not answer in time");
  }
  TRY_ASSIGN(const Message message, ReceiveMessage(answer));
  Answer outcome{};
  if (message.text.size() < sizeof outcome) return Fail(ErrorCode::kInternal, "an answer is cut short");
  std::memcpy(&outcome, message.text.data(), sizeof outcome);
  std::string text = message.text.substr(sizeof outcome);
  if (outcome.error != kRan) return Fail(static_cast<ErrorCode>(outcome.error), std::move(text));
  return ProcessOutput{outcome.exit_code, std::move(text)};
}

}  // namespace spawnd::daemon
