/// POST /v1/data-containers: answers once the first query would succeed. This is the hot path: nothing here
/// waits for anything but the one transaction that inserts the row.
#include <spdlog/spdlog.h>

#include <ctime>
#include <functional>
#include <memory>
#include <utility>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "daemon/build/context.h"
#include "daemon/build/empty.h"
#include "daemon/catalog/text.h"
#include "daemon/containers/containers.h"
#include "daemon/daemon_state.h"
#include "daemon/handlers/handlers.h"
#include "daemon/handlers/space.h"
#include "daemon/images/builtin.h"
#include "daemon/images/images.h"
#include "daemon/reaper.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

using std::chrono::steady_clock;

/// A generated name that is taken is drawn again.
constexpr int kNameAttempts = 8;

struct Order {
  DaemonState& state;
  api::CreateDataContainerRequest request;
  Identity caller;
  http::Reply reply;
  steady_clock::time_point received;
  std::vector<std::string> warnings{};
  bool stream_begun = false;  ///< progress has been sent: what follows are lines
};

void AnswerError(const Order& order, const Error& error) {
  if (!order.stream_begun) return SendError(order.reply, error);
  order.reply.Line(api::ErrorLine(error));
  order.reply.End();
}

Result<void> Check(const api::CreateDataContainerRequest& request) {
  if (request.image.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the data image to create the container from is missing");
  }
  if (!request.name.empty()) TRY(api::ValidateName(request.name, "data container"));
  TRY(api::ValidateLifetime(request.lifetime_seconds));
  return {};
}

std::string Named(const Order& order) {
  return "data image '" + order.request.image + "'";
}

/// An image that is there, but of no use, is not as if it were not there: no other one stands in for it.
Result<void> CheckUsable(const Order& order, const ImageRow& image) {
  const bool expired = image.expires_at > 0 && image.expires_at <= std::time(nullptr);
  if (image.state == ImageState::kCompleted && !expired) return {};
  const std::string name = Named(order);
  if (image.state == ImageState::kCompleted) {
    return Fail(ErrorCode::kNotFound, name + " has expired, and goes when its last container has",
                "`spawnctl update data-image " + image.name + " --lifetime 24h` keeps it.");
  }
  return Fail(ErrorCode::kInvalidArgument, name + " has failed: " + image.detail);
}

ContainerRow NewRow(const Order& order, const ImageRow& image, const engines::Engine& engine,
                    const engines::Installation& installation) {
  ContainerRow row;
  row.name = order.request.name;
  row.image_id = image.id;
  row.image_reference = order.request.image;
  // By id, the reader of a list would not know which one it is.
  if (IdOf(row.image_reference) != 0) {
    row.image_reference = image.Hidden() ? BuiltInReference(image) : image.name;
  }
  row.host = order.state.config.host;
  const engines::Credentials credentials = engine.MakeCredentials(image.database);
  row.user = credentials.user;
  row.password = credentials.password;
  row.database = credentials.database;
  row.owner = order.caller.uid;
  row.durability = order.request.durability.value_or(image.durability);
  row.created_at = std::time(nullptr);
  // Counts from when it is ready (Catalog::CompleteContainer).
  row.expires_at = order.request.lifetime_seconds > 0 ? row.created_at + order.request.lifetime_seconds : 0;
  row.installation_root = installation.root;
  row.installation_version = installation.version;
  return row;
}

/// Draws a name when none was asked for.
Result<int64_t> Insert(Catalog& catalog, ContainerRow& row, const std::string& image_name) {
  if (!row.name.empty()) return catalog.InsertContainer(row);
  for (int attempt = 1;; ++attempt) {
    row.name = api::GenerateContainerName(image_name);
    auto id = catalog.InsertContainer(row);
    if (id || id.error().code != ErrorCode::kAlreadyExists || attempt == kNameAttempts) return id;
  }
}

void Start(const Order& order, const ImageRow& image, const ContainerRow& row) {
  DaemonState& state = order.state;
  const int64_t id = row.id;
  // Whoever closes the connection gives the create up. That may come too late, so a container that nobody was
  // told of is taken back, too.
  order.reply.IfUndelivered(
      [&state, id] { state.mailbox->Post([&state, id] { state.containers->TakeBack(id); }); });
  auto client_gone = std::make_shared<std::stop_callback<std::function<void()>>>(
      order.reply.ClientGone(),
      [&state, id] { state.mailbox->Post([&state, id] { state.containers->ClientGone(id); }); });
  const std::chrono::duration<double, std::milli> catalog_time = steady_clock::now() - order.received;
  state.containers->Create(row, image, order.received, catalog_time.count(),
                           [order, client_gone](Result<api::DataContainer> created) {
                             if (!created) return AnswerError(order, created.error());
                             created->warnings = order.warnings;
                             if (!order.stream_begun) order.reply.Begin();
                             order.reply.Line(api::ResultLine(api::ToJson(*created)));
                             order.reply.End();
                             if (created->expires_at == 0) return;
                             // Not from within what the container is being told.
                             order.state.mailbox->Post([&state = order.state] { state.reaper->Look(); });
                           });
}

Result<void> InsertAndStart(const Order& order, const ImageRow& image, const engines::Engine& engine,
                            const engines::Installation& installation) {
  ContainerRow row = NewRow(order, image, engine, installation);
  TRY_ASSIGN(row.port, order.state.ports.Reserve());
  PortLease port(order.state.ports, row.port);
  TRY_ASSIGN(row.id, Insert(*order.state.catalog, row,
                            image.Hidden() ? ViewOfBuiltIn(image).image.name : image.name));
  port.Keep();  // it is the container's from here on
  Start(order, image, row);
  return {};
}

/// Looks at the machine again, as a job, and then goes on: the engine may have been installed a moment ago.
void DetectAndStart(Order order, ImageRow image, const engines::Engine& engine) {
  DaemonState& state = order.state;
  state.launches->Run([order = std::move(order), image = std::move(image), &engine](const auto&) {
    auto chosen = order.state.installations.ChooseOrDetect(engine, engine.MajorVersion(image.engine_version));
    if (!chosen) return AnswerError(order, chosen.error());
    order.state.mailbox->Post([order, image, &engine, installation = *chosen] {
      const auto started = InsertAndStart(order, image, engine, installation);
      if (!started) AnswerError(order, started.error());
    });
  });
}

/// The empty state of an engine version, made now when this is its first use. A job; whoever asked hears how
/// far it is.
Result<ImageRow> MakeBuiltIn(const Order& order, const engines::Engine& engine,
                             const engines::Installation& installation, const std::stop_token& daemon_stops) {
  std::stop_source stop;
  const std::stop_callback when_daemon_stops(daemon_stops, [&stop] { stop.request_stop(); });
  const std::stop_callback when_client_gone(order.reply.ClientGone(), [&stop] { stop.request_stop(); });
  BuildProgress progress(order.reply);
  return EnsureEmptyImage({order.state, daemon_stops, stop.get_token(), progress}, engine, installation);
}

void BuildAndStart(Order order, const BuiltInImage& built_in) {
  DaemonState& state = order.state;
  state.builds->Run([order = std::move(order), built_in](const std::stop_token& stop) mutable {
    const engines::Engine& engine = *built_in.engine;
    auto installation = order.state.installations.ChooseOrDetect(engine, built_in.version);
    if (!installation) return SendError(order.reply, installation.error());
    order.reply.Begin();
    order.stream_begun = true;
    auto image = MakeBuiltIn(order, engine, *installation, stop);
    if (!image) return AnswerError(order, image.error());
    order.state.mailbox->Post([order, image = std::move(*image), &engine, installation = *installation] {
      const auto started = InsertAndStart(order, image, engine, installation);
      if (!started) AnswerError(order, started.error());
    });
  });
}

Result<void> BeginBuiltIn(Order order, const BuiltInImage& built_in) {
  const auto installation = order.state.installations.Choose(*built_in.engine, built_in.version);
  if (installation) {
    const auto made = order.state.catalog->FindCachedImage(EmptyImageKey(order.state.config, *installation));
    if (made && made->state == ImageState::kCompleted) {
      return InsertAndStart(order, *made, *built_in.engine, *installation);
    }
  }
  BuildAndStart(std::move(order), built_in);
  return {};
}

/// Of an image that is made.
Result<void> BeginFrom(Order order, ImageRow image) {
  TRY(CheckUsable(order, image));
  TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(image.engine));
  const auto installation =
      order.state.installations.Choose(*engine, engine->MajorVersion(image.engine_version));
  if (installation) return InsertAndStart(order, image, *engine, *installation);
  DetectAndStart(std::move(order), std::move(image), *engine);
  return {};
}

/// Its image has been made, or not; it counts from now how long the container takes.
void AfterWaiting(Order order, int64_t image_id, const Result<void>& made) {
  order.received = steady_clock::now();
  if (!made) return AnswerError(order, made.error().Wrap(Named(order) + " is not made"));
  auto image = order.state.catalog->ImageById(image_id);
  const auto begun = image ? BeginFrom(order, std::move(*image)) : Fail(std::move(image.error()));
  if (!begun) AnswerError(order, begun.error());
}

/// Goes on once the image is made. Until then the caller hears how far that is, as if it had ordered it.
Result<void> WaitForImage(Order order, const ImageRow& image) {
  if (order.request.no_wait) {
    return Fail(ErrorCode::kNotReady, Named(order) + " is still being made",
                "Try again when it is completed, or leave out --no-wait.");
  }
  DaemonState& state = order.state;
  spdlog::info("a create waits for image {} ('{}')", image.id, image.name);
  order.reply.Begin();
  order.stream_begun = true;
  using Gone = std::stop_callback<std::function<void()>>;
  const auto client_gone = std::make_shared<std::unique_ptr<Gone>>();
  const auto number = state.images->WaitFor(
      image.id,
      {.progress = [reply = order.reply](const api::Progress& said) { reply.Line(api::ProgressLine(said)); },
       .done = [order, id = image.id,
                client_gone](const Result<void>& made) { AfterWaiting(order, id, made); }});
  if (!number) {
    AnswerError(order, number.error().Wrap(Named(order) + " is not made"));
  } else {
    *client_gone = std::make_unique<Gone>(order.reply.ClientGone(), [&state, number = *number] {
      state.mailbox->Post([&state, number] { state.images->StopWaiting(number); });
    });
  }
  return {};
}

Result<void> Begin(Order order) {
  TRY(Check(order.request));
  auto found = ResolveImage(*order.state.catalog, order.state.teams, order.caller, order.request.image);
  if (!found && found.error().code == ErrorCode::kNotFound) {
    if (const auto built_in = FindBuiltIn(order.request.image))
      return BeginBuiltIn(std::move(order), *built_in);
  }
  TRY_ASSIGN(ImageRow image, std::move(found));
  if (image.state == ImageState::kPending) return WaitForImage(std::move(order), image);
  return BeginFrom(std::move(order), std::move(image));
}

}  // namespace

void CreateDataContainer(DaemonState& state, const http::Request& request, const http::Reply& reply) {
  const auto received = steady_clock::now();
  auto wanted = api::FromJson<api::CreateDataContainerRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  std::vector<std::string> warnings;
  if (!state.space->CheckRoomForWork(request.peer.identity, reply, warnings)) return;
  const auto begun =
      Begin({state, std::move(*wanted), request.peer.identity, reply, received, std::move(warnings)});
  if (!begun) SendError(reply, begun.error());
}

}  // namespace spawnd::daemon
