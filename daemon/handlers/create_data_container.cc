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
#include "api/resource_limits.h"
#include "daemon/access/trail.h"
#include "daemon/build/context.h"
#include "daemon/build/empty.h"
#include "daemon/containers/bound_clients.h"
#include "daemon/containers/connection.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/quota.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/answers/room.h"
#include "daemon/handlers/handlers.h"
#include "daemon/host/engine_host.h"
#include "daemon/host/ports.h"
#include "daemon/images/builtin.h"
#include "daemon/pool/new_row.h"
#include "daemon/pool/pool.h"
#include "engines/registry.h"
#include "engines/settings.h"

namespace spawnd::daemon {
namespace {

using std::chrono::steady_clock;

/// A generated name that is taken is drawn again.
constexpr int kNameAttempts = 8;

struct Order {
  Services& services;
  api::CreateDataContainerRequest request;
  http::Peer peer;
  http::Caller caller;
  StreamedAnswer answer;
  steady_clock::time_point received;
  std::vector<std::string> warnings{};
};

Result<void> Check(const api::CreateDataContainerRequest& request) {
  if (request.image.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "the data image to create the container from is missing");
  }
  if (!request.name.empty()) TRY(api::ValidateName(request.name, "data container"));
  TRY(api::ValidateLifetime(request.lifetime_seconds));
  TRY(api::ValidateLimits(request.limits));
  TRY(api::ValidateLifetime(request.sleep_after_seconds.value_or(0)));
  TRY(api::ValidateLifetime(request.idle_delete_seconds));
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

/// What an image's owner denies to its containers, nobody gets.
Result<void> CheckSuperuser(const Order& order, const ImageRow& image) {
  if (image.superuser || !order.request.superuser.value_or(false)) return {};
  return Fail(ErrorCode::kForbidden, Named(order) + " gives no superuser to its containers",
              "Leave out --superuser.");
}

/// The beginning of the names that containers of this image are given.
std::string NameForContainers(const ImageRow& image) {
  if (!image.Hidden()) return image.name;
  const std::string reference = BuiltInReference(image);
  return reference.substr(0, reference.rfind(':'));
}

/// A client that is gone already gives the create up in another way.
bool EndsWithClient(const Order& order) {
  return order.request.ends_with_client && order.peer.process != nullptr;
}

ContainerRow NewRow(const Order& order, const ImageRow& image, const engines::Engine& engine,
                    const engines::Installation& installation) {
  const bool superuser = order.request.superuser.value_or(image.superuser);
  ContainerRow row = NewContainerRow(image, superuser, engine, installation, order.services.engine_host);
  row.name = order.request.name;
  row.image_reference = order.request.image;
  // The reader of a list would not recognise an image by its id, so the name is kept.
  if (api::IdOf(row.image_reference) != 0) {
    row.image_reference = image.Hidden() ? BuiltInReference(image) : image.name;
  }
  row.owner = order.caller.uid;
  row.durability = order.request.durability.value_or(image.durability);
  row.limits = order.request.limits;
  row.settings = order.request.settings;
  row.sleep_after = order.request.sleep_after_seconds.value_or(-1);
  row.idle_delete = order.request.idle_delete_seconds;
  row.spare = order.request.spare;
  if (EndsWithClient(order)) row.client = TextOfClient(order.peer.pid, order.peer.process->Get());
  // Counts from when it is ready (ContainerTable::Complete).
  row.expires_at = order.request.lifetime_seconds > 0 ? row.created_at + order.request.lifetime_seconds : 0;
  return row;
}

/// Has `make` make it under the name that was asked for; draws one when none was.
template <typename Made>
Result<Made> UnderAName(ContainerRow& row, const ImageRow& image,
                        const std::function<Result<Made>(const ContainerRow&)>& make) {
  if (!row.name.empty()) return make(row);
  for (int attempt = 1;; ++attempt) {
    row.name = api::GenerateContainerName(NameForContainers(image));
    auto made = make(row);
    if (made || made.error().code != ErrorCode::kAlreadyExists || attempt == kNameAttempts) return made;
  }
}

/// A client that closes the connection gives up the create. The container may be ready by then, so one that
/// nobody was told of is taken back.
void TakeBackIfUndelivered(const Order& order, int64_t id) {
  order.answer.Handle().IfUndelivered([&services = order.services, id] {
    services.mailbox.Post([&services, id] { services.containers.TakeBack(id); });
  });
}

void BindToClient(const Order& order, int64_t id) {
  if (!EndsWithClient(order)) return;
  const auto watched = order.services.bound_clients.Watch(id, order.peer.process);
  if (!watched) spdlog::warn("container {} outlives its client: {}", id, watched.error().message);
}

double MillisecondsSince(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

/// Those that it listens on all the same, for when they come.
std::vector<std::string> WarningsOfAddresses(const ContainerRow& row) {
  std::vector<std::string> warnings;
  for (const std::string& address : AddressesOf(row)) {
    if (HasAddress(address)) continue;
    warnings.push_back(address +
                       " is no address of this machine now; the container is reached there once it is");
  }
  return warnings;
}

void Start(Order order, const ImageRow& image, const ContainerRow& row) {
  for (std::string& warning : WarningsOfAddresses(row)) order.warnings.push_back(std::move(warning));
  Services& services = order.services;
  const int64_t id = row.id;
  TakeBackIfUndelivered(order, id);
  auto client_gone = std::make_shared<std::stop_callback<std::function<void()>>>(
      order.answer.Handle().ClientGone(),
      [&services, id] { services.mailbox.Post([&services, id] { services.containers.ClientGone(id); }); });
  services.containers.Create(
      row, image, order.received, MillisecondsSince(order.received), TellQueued(order.answer, "start"),
      [order, client_gone, engine = image.engine](const Result<ContainerRow>& created) {
        if (created) {
          order.services.metrics.create_seconds.Observe({engine}, created->ready_milliseconds / 1000);
        }
        AnswerWithContainer(order.services, created, order.answer, order.warnings);
        if (!created || created->expires_at == 0) return;
        // It is posted, because Containers is still telling this container's
        // machine.
        order.services.mailbox.Post(order.services.expiries_changed);
      });
}

Result<void> InsertAndStart(const Order& order, const ImageRow& image, const engines::Engine& engine,
                            const engines::Installation& installation, PortLease port) {
  // Others may have come since the request did.
  TRY(CheckContainerQuota(order.services, order.caller.uid));
  ContainerRow row = NewRow(order, image, engine, installation);
  row.port = port.Get();
  const auto because = order.services.catalog.events.Because(CauseOf(order.peer));
  ContainerTable& table = order.services.catalog.containers;
  TRY_ASSIGN(row.id,
             UnderAName<int64_t>(row, image, [&table](const auto& one) { return table.Insert(one); }));
  port.Keep();  // it is the container's from here on
  BindToClient(order, row.id);
  NoteChange(order.peer, "create", "data-container", row.id, row.name);
  Start(order, image, row);
  return {};
}

/// A job that nobody waits for once its client has gone.
void RunFor(const Order& order, Jobs& jobs, std::string_view noun,
            std::function<void(std::stop_token)> work) {
  jobs.Run({.owner = {order.caller.uid},
            .work = std::move(work),
            .gone = order.answer.Handle().ClientGone(),
            .dropped = [answer = order.answer](const Error& why) { answer.Failed(why); },
            .queued = TellQueued(order.answer, noun)});
}

/// The same with a port that is being given back at this moment, and not before.
void StartOnceAPortIsFree(const Order& order, const ImageRow& image, const engines::Engine& engine,
                          const engines::Installation& installation) {
  RunFor(order, order.services.launches, "start",
         [order, image, &engine, installation](const std::stop_token& stop) {
           Ports& ports = order.services.build.ports;
           const BuildStop any_reason(stop, order.answer.Handle().ClientGone());
           const auto port = ports.Await(any_reason.Token());
           if (!port) return order.answer.Failed(port.error());
           auto lease = std::make_shared<PortLease>(ports, *port);
           order.services.mailbox.Post([order, image, &engine, installation, lease] {
             const auto started = InsertAndStart(order, image, engine, installation, std::move(*lease));
             if (!started) order.answer.Failed(started.error());
           });
         });
}

/// Answers with one that was started ahead. False: there is none like what was asked for.
Result<bool> AnswerFromPool(const Order& order, const ImageRow& image, const engines::Engine& engine,
                            const engines::Installation& installation) {
  Services& services = order.services;
  TRY(CheckContainerQuota(services, order.caller.uid));
  ContainerRow row = NewRow(order, image, engine, installation);
  row.ready_milliseconds = MillisecondsSince(order.received);
  row.timings = {{"catalog", row.ready_milliseconds}};
  const auto because = services.catalog.events.Because(CauseOf(order.peer));
  using Given = std::optional<ContainerRow>;
  TRY_ASSIGN(const Given given, UnderAName<Given>(row, image, [&](const ContainerRow& wanted) {
               return services.pool.Take(wanted, image);
             }));
  if (!given) return false;
  BindToClient(order, given->id);
  NoteChange(order.peer, "create", "data-container", given->id, given->name);
  TakeBackIfUndelivered(order, given->id);
  services.metrics.create_seconds.Observe({image.engine}, given->ready_milliseconds / 1000);
  AnswerWithContainer(services, *given, order.answer, order.warnings);
  if (given->expires_at != 0) services.expiries_changed();
  return true;
}

Result<void> InsertAndStart(const Order& order, const ImageRow& image, const engines::Engine& engine,
                            const engines::Installation& installation) {
  TRY_ASSIGN(const bool is_answered, AnswerFromPool(order, image, engine, installation));
  if (is_answered) return {};
  Ports& ports = order.services.build.ports;
  order.services.pool.MakeRoom();
  const auto port = ports.Reserve();
  if (port) return InsertAndStart(order, image, engine, installation, PortLease(ports, *port));
  if (port.error().code == ErrorCode::kNoSpace && !ports.SomeLeave())
    order.services.pool.GiveUpOne({"port", "its port is for what somebody asked for"});
  if (port.error().code != ErrorCode::kNoSpace || !ports.SomeLeave()) return Fail(port.error());
  StartOnceAPortIsFree(order, image, engine, installation);
  return {};
}

/// Goes on from a job thread.
void PostInsertAndStart(const Order& order, const ImageRow& image, const engines::Engine& engine,
                        const engines::Installation& installation) {
  order.services.mailbox.Post([order, image, &engine, installation] {
    const auto started = InsertAndStart(order, image, engine, installation);
    if (!started) order.answer.Failed(started.error());
  });
}

/// Looks at the machine again, as a job, and then goes on: the engine may have been installed a moment ago.
void DetectAndStart(const Order& order, const ImageRow& image, const engines::Engine& engine) {
  RunFor(order, order.services.launches, "start", [order, image, &engine](const std::stop_token&) {
    const auto chosen = order.services.build.installations.ForDataOrDetect(engine, image.engine_version);
    if (!chosen) return order.answer.Failed(chosen.error());
    PostInsertAndStart(order, image, engine, *chosen);
  });
}

/// The empty state of an engine version is made when this is its first use; whoever asked hears how far it
/// is.
void BuildAndStart(const Order& order, const BuiltInImage& built_in) {
  RunFor(order, order.services.builds, "build", [order, built_in](const std::stop_token& stop) {
    const engines::Engine& engine = *built_in.engine;
    BuildHost& host = order.services.build;
    const auto installation = host.installations.ChooseOrDetect(engine, built_in.version);
    if (!installation) return order.answer.Failed(installation.error());
    BuildProgress progress([&order](const api::Progress& line) { order.answer.Progress(line); });
    const BuildStop any_reason(stop, order.answer.Handle().ClientGone());
    const auto image = EnsureEmptyImage({host, stop, any_reason.Token(), progress}, engine, *installation);
    if (!image) return order.answer.Failed(image.error());
    PostInsertAndStart(order, *image, engine, *installation);
  });
}

Result<void> BeginBuiltIn(const Order& order, const BuiltInImage& built_in) {
  TRY(engines::CheckSettings(*built_in.engine, order.request.settings));
  const auto installation = order.services.build.installations.Choose(*built_in.engine, built_in.version);
  const auto made = order.services.built_ins.Made(built_in);
  if (installation && made && made->state == ImageState::kCompleted) {
    return InsertAndStart(order, *made, *built_in.engine, *installation);
  }
  BuildAndStart(order, built_in);
  return {};
}

/// Creates the container from an image that is completed, or says why that image is of no use.
Result<void> BeginFrom(const Order& order, const ImageRow& image) {
  TRY(CheckUsable(order, image));
  TRY(CheckSuperuser(order, image));
  TRY_ASSIGN(const engines::Engine* engine, engines::FindEngine(image.engine));
  TRY(engines::CheckSettings(*engine, order.request.settings));
  const auto installation = order.services.build.installations.ForData(*engine, image.engine_version);
  if (installation) return InsertAndStart(order, image, *engine, *installation);
  DetectAndStart(order, image, *engine);
  return {};
}

/// Goes on when the image has been made, or fails with it. The container's time counts from here, not from
/// the request.
void AfterWaiting(Order order, int64_t image_id, const Result<void>& made) {
  order.received = steady_clock::now();
  if (!made) return order.answer.Failed(made.error().Wrap(Named(order) + " is not made"));
  const auto image = order.services.catalog.images.ById(image_id);
  const auto begun = image ? BeginFrom(order, *image) : Fail(image.error());
  if (!begun) order.answer.Failed(begun.error());
}

/// Goes on once the image is made. Until then the caller hears how far that is, as if it had ordered it.
Result<void> WaitForImage(const Order& order, const ImageRow& image) {
  if (order.request.no_wait) {
    return Fail(ErrorCode::kNotReady, Named(order) + " is still being made",
                "Try again when it is completed, or leave out --no-wait.");
  }
  Services& services = order.services;
  spdlog::info("a create waits for image {} ('{}')", image.id, image.name);
  using Gone = std::stop_callback<std::function<void()>>;
  const auto client_gone = std::make_shared<std::unique_ptr<Gone>>();
  const auto number = services.images.WaitFor(
      image.id, {.progress = [answer = order.answer](const api::Progress& said) { answer.Progress(said); },
                 .done = [order, id = image.id,
                          client_gone](const Result<void>& made) { AfterWaiting(order, id, made); }});
  if (!number) return Fail(number.error().Wrap(Named(order) + " is not made"));
  *client_gone = std::make_unique<Gone>(order.answer.Handle().ClientGone(), [&services, number = *number] {
    services.mailbox.Post([&services, number] { services.images.StopWaiting(number); });
  });
  return {};
}

void Begin(const Order& order, const Reference& reference) {
  const auto answer = [&order](const Result<void>& begun) {
    if (!begun) SendError(order.answer.Handle(), begun.error());
  };
  const auto built_in = FindBuiltIn(reference.text);
  // With a token that is not for it there is no such image.
  const bool may_see = order.caller.rights.images.empty() ||
                       BuiltInFor(order.services, order.caller, reference.text).has_value();
  if (built_in && may_see) return answer(BeginBuiltIn(order, *built_in));
  const auto image = Resolve(order.services, order.caller, reference);
  if (!image) {
    return SendNoImage(order.services, order.caller, reference.text, order.answer.Handle(), image.error());
  }
  answer(image->state == ImageState::kPending ? WaitForImage(order, *image) : BeginFrom(order, *image));
}

}  // namespace

void CreateDataContainer(Services& services, const http::Request& request, const http::Reply& reply) {
  const auto received = steady_clock::now();
  auto wanted = api::FromJson<api::CreateDataContainerRequest>(request.body);
  if (!wanted) return SendError(reply, wanted.error());
  NoteChange(request.peer, "create", "data-container", 0, wanted->name);
  const auto room = CheckRoom(services.disk);
  if (!room) return SendNoRoom(services, request.peer.identity, reply, room.error());
  if (const auto valid = Check(*wanted); !valid) return SendError(reply, valid.error());
  const std::string image = wanted->image;
  const http::Caller& who = request.peer.identity;
  if (const auto quota = CheckContainerQuota(services, who.uid); !quota)
    return SendError(reply, quota.error());
  const Order order{services, std::move(*wanted), request.peer, who, StreamedAnswer(reply), received, *room};
  WithReference(services, who.uid, image, reply,
                [order](const Reference& reference) { Begin(order, reference); });
}

}  // namespace spawnd::daemon
