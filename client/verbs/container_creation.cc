#include "client/verbs/container_creation.h"

#include <fmt/core.h>

#include <chrono>
#include <optional>
#include <thread>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "api/resource_limits.h"
#include "base/text.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollPause{50};
constexpr std::chrono::seconds kPendingLimit{300};  ///< for a container that another spawnctl is creating

Result<std::string> ImageOf(const Invocation& invocation) {
  const std::string flag = invocation.Text("--image");
  const auto& arguments = invocation.Arguments();
  if (!flag.empty() && !arguments.empty() && arguments.front() != flag) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("two images are given: '{}' and '{}'", OneLine(flag), OneLine(arguments.front())),
                "Name the container with --name.");
  }
  const std::string image = flag.empty() && !arguments.empty() ? arguments.front() : flag;
  if (image.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the data image to create the container from is missing",
                "Write --image <id, name or name:tag>; 'spawnctl get data-images' lists them.");
  }
  TRY(api::ParseImageReference(image));
  return image;
}

Result<std::optional<api::Durability>> DurabilityOf(const Invocation& invocation) {
  const std::string text = LowerCase(invocation.Text("--durability"));
  if (text.empty()) return std::optional<api::Durability>();
  if (text == "always") return std::optional(api::Durability::kAlways);
  if (text == "everysec") return std::optional(api::Durability::kEverySecond);
  return Fail(ErrorCode::kInvalidArgument, fmt::format("unknown durability '{}'", OneLine(text)),
              "It is one of everysec, always.");
}

Result<std::optional<bool>> SuperuserOf(const Invocation& invocation) {
  const bool with = invocation.Has("--superuser");
  const bool without = invocation.Has("--no-superuser");
  if (with && without) {
    return Fail(ErrorCode::kInvalidArgument, "--superuser and --no-superuser are both given",
                "Give one of them.");
  }
  return with || without ? std::optional<bool>(with) : std::nullopt;
}

/// Reads the value of a flag, if it was given.
template <typename Number>
Result<void> ReadLimit(const Invocation& invocation, std::string_view flag,
                       Result<Number> (*parse)(std::string_view), std::optional<Number>& limit) {
  const std::string text = invocation.Text(flag);
  if (text.empty()) return {};
  auto number = parse(OneLine(text));
  if (!number) return Fail(number.error().Wrap(std::string(flag)));
  limit = *number;
  return {};
}

Result<api::Limits> LimitsOf(const Invocation& invocation) {
  api::Limits limits;
  TRY(ReadLimit(invocation, "--memory", api::ParseMemory, limits.memory_bytes));
  TRY(ReadLimit(invocation, "--cpus", api::ParseCpus, limits.cpus));
  TRY(ReadLimit(invocation, "--pids", api::ParsePids, limits.pids));
  return limits;
}

/// Of `--setting name=value`, which may be repeated; what they may be, the daemon knows.
Result<api::Settings> SettingsOf(const Invocation& invocation) {
  api::Settings settings;
  for (const std::string& text : invocation.List("--setting")) {
    const size_t sign = text.find('=');
    if (sign == 0 || sign == std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("--setting '{}' has no name and value", OneLine(text)),
                  "Write --setting work_mem=64MB.");
    }
    settings.emplace_back(text.substr(0, sign), text.substr(sign + 1));
  }
  return settings;
}

Error OfAnotherImage(const api::DataContainer& container, const api::CreateDataContainerRequest& request,
                     int64_t wanted_id) {
  return {
      ErrorCode::kAlreadyExists,
      fmt::format("data container '{}' exists, but is of image '{}' ({}), and '{}' is {}", container.name,
                  container.image, container.image_id, request.image, wanted_id),
      fmt::format("Delete it, choose another --name, or keep that image: --image {}.", container.image_id)};
}

/// The container of that name once it is usable; nothing when there is none.
Result<std::optional<Created>> FindContainer(const DaemonClient& daemon,
                                             const api::CreateDataContainerRequest& request) {
  const Clock::time_point deadline = Clock::now() + kPendingLimit;
  while (true) {
    auto json = daemon.Get(DaemonClient::Target(kContainersPath, request.name));
    if (!json && json.error().code == ErrorCode::kNotFound) return std::optional<Created>();
    if (!json) return Fail(std::move(json.error()));
    TRY_ASSIGN(const auto container, api::FromJson<api::DataContainer>(*json));
    TRY_ASSIGN(const std::string image_json, daemon.Get(DaemonClient::Target(kImagesPath, request.image)));
    TRY_ASSIGN(const auto image, api::FromJson<api::DataImage>(image_json));
    if (container.image_id != image.id) return Fail(OfAnotherImage(container, request, image.id));
    if (request.superuser && *request.superuser != container.superuser) {
      return Fail(ErrorCode::kAlreadyExists,
                  fmt::format("data container '{}' exists, but {} superuser", container.name,
                              container.superuser ? "with a" : "without"),
                  "Delete it, or choose another --name.");
    }
    if (container.status == api::Status::kCompleted) {
      TRY_ASSIGN(SignalWatch signals, SignalWatch::Start());
      return Created{std::move(*json), 0, std::move(signals)};
    }
    if (container.status == api::Status::kStopped) {
      TRY(daemon.Create(fmt::format("{}/start", DaemonClient::Target(kContainersPath, request.name)), "{}",
                        {}));
      continue;
    }
    if (container.status == api::Status::kFailed) {
      return Fail(
          ErrorCode::kAlreadyExists,
          fmt::format("data container '{}' exists, but has failed: {}", container.name,
                      OneLine(container.detail)),
          fmt::format("`spawnctl start data-container {}` tries it again. Or delete it, or choose another "
                      "--name.",
                      container.name));
    }
    if (Clock::now() > deadline) {
      return Fail(ErrorCode::kTimeout,
                  fmt::format("data container '{}' exists, but has not become ready within {} seconds",
                              container.name, kPendingLimit.count()));
    }
    std::this_thread::sleep_for(kPollPause);
  }
}

}  // namespace

Result<api::CreateDataContainerRequest> ContainerRequestOf(const Invocation& invocation) {
  api::CreateDataContainerRequest request;
  TRY_ASSIGN(request.image, ImageOf(invocation));
  request.name = invocation.Text("--name");
  if (!request.name.empty()) TRY(api::ValidateName(request.name, "data container"));
  const std::string lifetime = invocation.Text("--lifetime");
  if (!lifetime.empty()) {
    TRY_ASSIGN(request.lifetime_seconds, api::ParseLifetime(lifetime));
  }
  TRY_ASSIGN(request.durability, DurabilityOf(invocation));
  TRY_ASSIGN(request.superuser, SuperuserOf(invocation));
  TRY_ASSIGN(request.limits, LimitsOf(invocation));
  TRY_ASSIGN(request.settings, SettingsOf(invocation));
  request.no_wait = invocation.Has("--no-wait");
  TRY_ASSIGN(request.sleep_after_seconds, DurationOf(invocation, "--sleep-after"));
  TRY_ASSIGN(const auto idle_delete, DurationOf(invocation, "--idle-delete"));
  request.idle_delete_seconds = idle_delete.value_or(0);
  request.spare = invocation.Has("--spare");
  return request;
}

Result<Created> CreateContainer(const Invocation& invocation,
                                const api::CreateDataContainerRequest& request) {
  const std::string what = request.name.empty() ? fmt::format("a data container from '{}'", request.image)
                                                : fmt::format("data container '{}'", request.name);
  TRY_ASSIGN(Created created, CreateWithProgress(invocation, kContainersPath, api::ToJson(request), what, {},
                                                 request.ends_with_client));
  if (created.json.empty()) return created;
  TRY_ASSIGN(const auto container, api::FromJson<api::DataContainer>(created.json));
  ShowWarnings(invocation, container.warnings);
  return created;
}

Result<Created> FindOrCreateContainer(const Invocation& invocation,
                                      const api::CreateDataContainerRequest& request) {
  if (request.name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--if-not-exists needs a name", "Write --name <name> too.");
  }
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  TRY_ASSIGN(std::optional<Created> found, FindContainer(daemon, request));
  if (found) return std::move(*found);
  auto created = CreateContainer(invocation, request);
  if (created || created.error().code != ErrorCode::kAlreadyExists) return created;
  // Another spawnctl was faster.
  TRY_ASSIGN(std::optional<Created> others, FindContainer(daemon, request));
  if (others) return std::move(*others);
  return created;
}

}  // namespace spawnd::client
