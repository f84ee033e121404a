#include "client/verbs/session.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "api/error_codes.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "base/text.h"
#include "client/contexts.h"
#include "client/output/progress_display.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

ProgressDisplay::Mode DisplayMode(const Invocation& invocation, size_t columns) {
  using Mode = ProgressDisplay::Mode;
  const bool asked = invocation.Has("--progress");
  if (invocation.Has("--quiet") && !asked) return Mode::kSilent;
  if (columns > 0) return Mode::kTerminal;
  return asked ? Mode::kLines : Mode::kWarnings;
}

int64_t NowMilliseconds() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

/// After a signal that came before the answer.
Result<int> Cancelled(Error error, int signal, bool unheard, std::string_view what) {
  if (unheard) {
    ShowError({error.code,
               fmt::format("cancelled, but nobody has said whether {} is created: {}", what, error.message),
               "`spawnctl get` lists what there is."});
  } else if (error.code == ErrorCode::kCancelled) {
    WriteError(fmt::format("cancelled: {} is not created\n", what));
  } else {
    return Fail(std::move(error));  // it had failed by itself
  }
  return 128 + signal;
}

}  // namespace

/// What was said on the command line counts before the environment, and that before what was chosen for good.
Result<std::string> EndpointOf(const Invocation& invocation) {
  std::string context = invocation.Text("--context");
  if (context.empty()) {
    std::string endpoint = Environment("SPAWNCTL_API_ENDPOINT");
    if (!endpoint.empty()) return endpoint;
    context = Environment("SPAWNCTL_CONTEXT");
  }
  TRY_ASSIGN(const Contexts contexts, ReadContexts());
  return contexts.EndpointOf(context);
}

Result<DaemonClient> FindDaemon(const Invocation& invocation) {
  std::string token = invocation.Text("--accessToken");
  if (token.empty()) token = Environment("SPAWNCTL_ACCESS_TOKEN");
  TRY_ASSIGN(const std::string endpoint, EndpointOf(invocation));
  return DaemonClient::Make(endpoint, token);
}

Result<Created> CreateWithProgress(const Invocation& invocation, std::string_view collection,
                                   std::string body, std::string_view what,
                                   const std::vector<UniqueFd>& files, bool holds) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(SignalWatch signals, SignalWatch::Start());
  const size_t columns = ErrorColumns();
  const ProgressDisplay::Mode mode = DisplayMode(invocation, columns);
  ProgressDisplay display(mode, {WriteError, NowMilliseconds, columns});
  CreateEvents events;
  events.cancel_fd = signals.Fd();
  int signal = 0;
  events.on_cancel = [&] { signal = signals.Next().number; };
  bool unheard = false;
  std::shared_ptr<Connection> held;
  if (holds) events.held = &held;
  events.on_unheard = [&] { unheard = true; };
  events.on_progress = [&display](const api::Progress& progress) { display.Show(progress); };
  if (mode == ProgressDisplay::Mode::kTerminal) events.on_tick = [&display] { display.Tick(); };

  std::vector<int> descriptors;
  for (const UniqueFd& file : files) descriptors.push_back(file.Get());
  auto json = daemon.Create(std::string(collection), std::move(body), events, std::move(descriptors));
  display.Clear();
  unheard = unheard && signal != 0;
  // That of a cancel before the daemon was asked is still there, and so is one since the answer.
  if (signal == 0) signal = signals.Next().number;
  if (json) {
    return Created{std::move(*json), signal == 0 ? 0 : 128 + signal, std::move(signals), std::move(held)};
  }
  if (signal == 0) return Fail(std::move(json.error()));
  TRY_ASSIGN(const int exit_code, Cancelled(std::move(json.error()), signal, unheard, what));
  return Created{{}, exit_code, std::move(signals), {}};
}

ProgressDisplay DisplayFor(const Invocation& invocation) {
  const size_t columns = ErrorColumns();
  return {DisplayMode(invocation, columns), {WriteError, NowMilliseconds, columns}};
}

Result<int> ShowCreated(const Created& created, std::string_view text) {
  TRY(WriteOut(text));
  if (created.exit_code != 0) WriteError("the signal came too late to cancel: it is created\n");
  return created.exit_code;
}

Result<int> ShowCreatedImage(const Invocation& invocation, const Output& output, const Created& created,
                             std::string_view done) {
  if (created.json.empty()) return created.exit_code;
  TRY_ASSIGN(const api::DataImage image, api::FromJson<api::DataImage>(created.json));
  ShowWarnings(invocation, image.warnings);
  std::string text = fmt::format("Data image '{}' ({}) {}!\n", image.name, image.id, done);
  if (invocation.Has("--quiet")) {
    text = image.name + "\n";
  } else if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(created.json, output));
  }
  return ShowCreated(created, text);
}

void ShowWarnings(const Invocation& invocation, const std::vector<std::string>& warnings) {
  if (invocation.Has("--quiet") && !invocation.Has("--progress")) return;
  for (const std::string& warning : warnings) WriteError(fmt::format("warning: {}\n", OneLine(warning)));
}

Result<int> DeleteEach(const Invocation& invocation, std::string_view collection, std::string_view noun) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  int exit_code = 0;
  for (const std::string& ref : invocation.Arguments()) {
    const auto deleted = daemon.Delete(DaemonClient::Target(collection, ref));
    if (!deleted) {
      ShowError(deleted.error());
      if (exit_code == 0) exit_code = api::ExitCode(deleted.error().code);
      if (deleted.error().code == ErrorCode::kUnavailable) break;  // the same answer for all that are left
    } else if (!invocation.Has("--quiet")) {
      TRY_ASSIGN(const api::Deleted gone, api::FromJson<api::Deleted>(*deleted));
      TRY(WriteOut(fmt::format("{} '{}' deleted!\n", noun, gone.name.empty() ? ref : OneLine(gone.name))));
    }
  }
  return exit_code;
}

bool WantsWide(const Invocation& invocation) {
  return LowerCase(invocation.Text("--output")) == "wide";
}

Result<Output> OutputOf(const Invocation& invocation) {
  TRY_ASSIGN(Output output, ParseOutput(invocation.Text("--output"), invocation.Text("--format")));
  output.indented = OutputIsTerminal();
  return output;
}

Result<std::string> GetOneOrAll(const Invocation& invocation, std::string_view collection) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  if (invocation.Arguments().empty()) return daemon.Get(std::string(collection));
  return daemon.Get(DaemonClient::Target(collection, invocation.Arguments().front()));
}

Result<std::string> ChangeResource(const Invocation& invocation, std::string_view collection,
                                   std::string_view verb, std::string body) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  const std::string& ref = invocation.Arguments().front();
  return daemon.Create(fmt::format("{}/{}", DaemonClient::Target(collection, ref), verb), std::move(body),
                       {});
}

Result<std::optional<int64_t>> LifetimeOf(const Invocation& invocation) {
  return DurationOf(invocation, "--lifetime");
}

Result<std::optional<int64_t>> DurationOf(const Invocation& invocation, std::string_view flag) {
  const std::string text = invocation.Text(flag);
  if (text.empty()) return std::optional<int64_t>();
  auto seconds = api::ParseLifetime(text);
  if (!seconds) return Fail(flag == "--lifetime" ? seconds.error() : seconds.error().Wrap(std::string(flag)));
  return std::optional(*seconds);
}

Result<std::optional<int64_t>> SleepAfterOf(const Invocation& invocation) {
  if (invocation.Text("--sleep-after") == "default") return std::optional<int64_t>(-1);
  return DurationOf(invocation, "--sleep-after");
}

}  // namespace spawnd::client
