/// run, connect and proxy: working with a container from the command line.
#include <fmt/core.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <functional>
#include <utility>

#include "api/error_codes.h"
#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "base/descriptors.h"
#include "client/http/tcp_proxy.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/program.h"
#include "client/remote_door.h"
#include "client/verbs/container_creation.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"
#include "client/version.h"

namespace spawnd::client {
namespace {

/// The daemon deletes the container when spawnctl itself gets SIGKILL; this is for a daemon that cannot see
/// it end, because it is on another machine, and of what is kept.
constexpr int64_t kRunLifetimeSeconds = 24 * 3600;

Result<api::DataContainer> FindContainer(const Invocation& invocation, const std::string& ref) {
  TRY(api::ParseContainerReference(ref));
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const std::string json, daemon.Get(DaemonClient::Target(kContainersPath, ref)));
  return api::FromJson<api::DataContainer>(json);
}

/// The same, for a connection to its server.
Result<api::DataContainer> FindServer(const Invocation& invocation) {
  const std::string& ref = invocation.Arguments().front();
  TRY_ASSIGN(api::DataContainer container, FindContainer(invocation, ref));
  const bool failed = container.status == api::Status::kFailed;
  if (!failed && container.status != api::Status::kStopped) return container;
  return Fail(ErrorCode::kUnavailable,
              fmt::format("data container '{}' {}", OneLine(container.name),
                          failed ? "has failed: " + OneLine(container.detail) : "is stopped"),
              fmt::format("`spawnctl start data-container {}` {}.", OneLine(container.name),
                          failed ? "tries it again" : "starts it"));
}

Result<void> Delete(const Invocation& invocation, int64_t id) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY(daemon.Delete(DaemonClient::Target(kContainersPath, std::to_string(id))));
  return {};
}

/// Deletes the container. The exit code counts, but for a failure to delete after a success.
Result<int> DeleteAfter(const Invocation& invocation, int64_t id, int exit_code) {
  auto deleted = Delete(invocation, id);
  if (!deleted && deleted.error().code != ErrorCode::kNotFound) {
    if (exit_code == 0) return Fail(std::move(deleted.error()));
    ShowError(deleted.error());
  }
  return exit_code;
}

/// Its own lifetime counts from now on, and not that of this process.
void Unbind(const Invocation& invocation, const api::DataContainer& container) {
  api::UpdateDataContainerRequest keep;
  keep.lifetime_seconds = kRunLifetimeSeconds;
  const auto daemon = FindDaemon(invocation);
  const auto kept =
      daemon ? daemon->Post(DaemonClient::Target(kContainersPath, std::to_string(container.id)) + "/update",
                            api::ToJson(keep))
             : Fail(daemon.error());
  if (!kept) ShowError(kept.error());
}

/// Deletes the container, or keeps it after a failure of the command where that is asked for.
Result<int> EndRun(const Invocation& invocation, const api::DataContainer& container, int exit_code) {
  if (exit_code != 0 && invocation.Has("--keep-on-failure")) {
    if (invocation.Text("--lifetime").empty()) Unbind(invocation, container);
    const std::string until = container.expires_at == 0
                                  ? "until it is deleted"
                                  : "expires " + RelativeTime(container.expires_at, std::time(nullptr));
    WriteError(
        fmt::format("kept: data container '{}' at {} ({})\n", container.name, OneLine(container.url), until));
    return exit_code;
  }
  return DeleteAfter(invocation, container.id, exit_code);
}

/// Repeats what was typed, with the dashes that were forgotten.
Error NoCommand(const Invocation& invocation) {
  const std::string image = invocation.Text("--image");
  const std::string argument = invocation.Arguments().empty() ? "" : invocation.Arguments().front();
  std::string line = "spawnctl run <image> -- <command> [argument...]";
  if (!image.empty()) {
    line = fmt::format("spawnctl run --image {} -- {}", image,
                       argument.empty() ? "<command> [argument...]" : argument);
  } else if (!argument.empty()) {
    line = fmt::format("spawnctl run {} -- <command> [argument...]", argument);
  }
  return {ErrorCode::kInvalidArgument, "the command to run is missing",
          "Write it behind two dashes: " + line};
}

void InEachText(Program& program, const std::function<void(std::string&)>& change) {
  for (std::string& word : program.argv) change(word);
  for (auto& [name, value] : program.environment) change(value);
}

/// In another mount namespace, a job's container, the authority's file is not there, and on another machine
/// it is another's. Then the program gets the same certificate as an open file, in its place.
Result<void> BringAuthority(const DaemonClient& daemon, const std::string& path, Program& program) {
  if (path.empty()) return {};
  if (!daemon.Where().IsRemote() && ::access(path.c_str(), R_OK) == 0) return {};
  TRY_ASSIGN(const std::string json, daemon.Get("/v1/ca"));
  TRY_ASSIGN(const auto authority, api::FromJson<api::CaCertificate>(json));
  const int fd = ::memfd_create("spawnd-ca", 0);
  if (fd < 0 || WriteAll(fd, authority.certificate) != 0) {
    return FailErrno(errno, "cannot keep the certificate of the server's authority");
  }
  const std::string here = "/proc/self/fd/" + std::to_string(fd);
  InEachText(program, [&](std::string& text) { ReplaceAll(text, path, here); });
  return {};
}

/// The program's words and environment as they are good for this machine.
Result<void> BringHere(const Invocation& invocation, const api::DataContainer& container, Program& program) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY(BringAuthority(daemon, container.ca_certificate, program));
  if (!daemon.Where().IsRemote()) return {};
  TRY_ASSIGN(const uint16_t port, OpenRemoteDoor(daemon.Where(), container));
  InEachText(program, [&](std::string& text) { PointTo(port, container, text); });
  return {};
}

/// The command is the user's own: only the environment is brought here.
Result<ProgramEnd> RunWith(const Invocation& invocation, const api::DataContainer& container,
                           const SignalWatch& signals) {
  Program program{{}, container.environment};
  TRY(BringHere(invocation, container, program));
  program.argv = invocation.Trailing();
  return RunProgram(program, signals);
}

/// Whether what asks over there can stay for as long as this process does: older ones end with their one
/// request, and so would the container.
bool CanHold(const DaemonClient& daemon) {
  const auto json = daemon.Get("/v1/version");
  const auto version = json ? api::FromJson<api::Version>(*json) : Fail(json.error());
  return version && version->version == ClientVersion();
}

Result<int> Run(const Invocation& invocation) {
  if (invocation.Trailing().empty()) return Fail(NoCommand(invocation));
  TRY_ASSIGN(api::CreateDataContainerRequest request, ContainerRequestOf(invocation));
  if (invocation.Text("--lifetime").empty()) {
    TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
    request.lifetime_seconds = kRunLifetimeSeconds;
    request.ends_with_client = !daemon.Where().IsRemote() || CanHold(daemon);
  }
  TRY_ASSIGN(const Created created, CreateContainer(invocation, request));
  if (created.json.empty()) return created.exit_code;
  TRY_ASSIGN(const api::DataContainer container, api::FromJson<api::DataContainer>(created.json));
  if (created.exit_code != 0) return DeleteAfter(invocation, container.id, created.exit_code);
  if (const int signal = created.signals.Next().number; signal != 0) {
    return DeleteAfter(invocation, container.id, 128 + signal);
  }
  const auto end = RunWith(invocation, container, created.signals);
  if (!end) {
    ShowError(end.error());
    return EndRun(invocation, container, 1);
  }
  if (end->not_started) ShowError(*end->not_started);
  return EndRun(invocation, container, end->exit_code);
}

Result<int> Connect(const Invocation& invocation) {
  TRY_ASSIGN(const api::DataContainer container, FindServer(invocation));
  if (container.environment.empty() && !container.client_command.empty()) {
    return Fail(ErrorCode::kForbidden,
                fmt::format("the access token is for reading only: it has no password of data container '{}'",
                            OneLine(container.name)),
                "Connect without it, or with another one.");
  }
  Program program{container.client_command, container.environment};
  if (program.argv.empty()) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("spawnd knows no client for {}", OneLine(container.engine)),
                "`spawnctl get data-container <container> -o url` says where it is.");
  }
  TRY(BringHere(invocation, container, program));
  const auto& more = invocation.Trailing();
  program.argv.insert(program.argv.end(), more.begin(), more.end());
  Error error = BecomeProgram(program);
  if (error.hint.empty()) error.hint = container.client_hint;
  return Fail(std::move(error));
}

Result<uint16_t> PortOf(const Invocation& invocation, uint16_t otherwise) {
  const std::string text = invocation.Text("--port");
  if (text.empty()) return otherwise;
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error == std::errc() && end == text.data() + text.size()) return port;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("'{}' is no port", OneLine(text)),
              "It is a number from 0, any free one, to 65535.");
}

Result<int> Proxy(const Invocation& invocation) {
  TRY_ASSIGN(const api::DataContainer container, FindServer(invocation));
  TcpAddress near{invocation.Has("--address") ? invocation.Text("--address") : "127.0.0.1", 0};
  TRY_ASSIGN(near.port, PortOf(invocation, container.default_port));
  const std::string far = AddressText({container.host, container.port});
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(const SignalWatch signals, SignalWatch::Start());
  TRY_ASSIGN(UniqueFd listener, ListenTcp(near));
  TRY_ASSIGN(near.port, PortOfListener(listener.Get()));
  TRY(WriteOut(fmt::format("Forwarding {} to data container '{}' at {}; ctrl-C ends it\n", AddressText(near),
                           container.name, far)));
  ::signal(SIGCHLD, SIG_IGN);  // each connection's ssh, where there is one, is collected by itself
  TcpProxy proxy(std::move(listener), far, DialOf(daemon.Where(), container), ShowError);
  TRY(proxy.RunUntil(signals.Fd()));
  // Taken, or it would end this process after all as soon as it is no longer held back.
  static_cast<void>(signals.Next());
  return 0;
}

constexpr std::array<Flag, 15> kRunFlags{{
    kImageFlag,
    {"--name", "-n", "<name>", "a name; else the image's and eight letters"},
    {"--lifetime", "-t", "<duration>",
     "let it live that long should spawnctl be killed; default: it goes at once"},
    kDurabilityFlag,
    kSuperuserFlag,
    kNoSuperuserFlag,
    kMemoryFlag,
    kCpusFlag,
    kPidsFlag,
    kSettingFlag,
    kNoWaitFlag,
    kSpareFlag,
    {"--keep-on-failure", "", "", "keep the container when the command fails, and print its URL"},
    kQuietFlag,
    kProgressFlag,
}};
constexpr std::array<Flag, 2> kProxyFlags{{
    {"--port", "-p", "<number>", "where to listen; default the engine's own port, 0 any free one"},
    {"--address", "", "<address>", "where to listen; default 127.0.0.1"},
}};

constexpr std::array<Command, 3> kRows{{
    {"run", "", "[<image>] -- <command>...", 0, 1,
     "Run a command with a database of its own, then delete that",
     "  spawnctl run --image shop -- make test\n"
     "  spawnctl run --image shop:nightly --keep-on-failure -- sh -c 'psql \"$DATABASE_URL\" -f "
     "migrate.sql'\n",
     kRunFlags, Run, true},
    {"proxy", "data-container", "<container>", 1, 1, "Forward a local port to a data container until ctrl-C",
     "  spawnctl proxy data-container mine\n  spawnctl proxy data-container mine --port 15432\n", kProxyFlags,
     Proxy},
    {"connect",
     "",
     "<container> [-- <argument>...]",
     1,
     1,
     "Open the engine's own client on a data container",
     "  spawnctl connect mine\n  spawnctl connect mine -- -c 'select 1'\n",
     {},
     Connect,
     true},
}};

}  // namespace

std::span<const Command> UseCommands() {
  return kRows;
}

}  // namespace spawnd::client
