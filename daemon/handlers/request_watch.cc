#include "daemon/handlers/request_watch.h"

#include <chrono>
#include <memory>
#include <utility>

#include "daemon/access/trail.h"

namespace spawnd::daemon {
namespace {

using std::chrono::steady_clock;

/// Of one that only looks a handler may note that it is worth it (an export), and one that was not let in is
/// written down, too: somebody tries tokens.
bool IsWrittenDown(const RouteMeaning& meaning, bool noted, const http::Outcome& outcome) {
  if (meaning.resource.empty()) return false;
  return meaning.changes || noted ||
         (outcome.error && (outcome.error->code == ErrorCode::kUnauthenticated ||
                            outcome.error->code == ErrorCode::kForbidden));
}

/// One request, from its arrival to its end.
struct Watched {
  http::RouteName route;
  uid_t socket_uid = 0;
  pid_t pid = 0;
  std::shared_ptr<const http::Notes> notes;
  steady_clock::time_point received;
};

void CountEnd(Metrics& metrics, const Watched& watched, const RouteMeaning& meaning,
              const http::Outcome& outcome, double seconds) {
  const bool known = !watched.route.pattern.empty();
  const std::string route = known ? watched.route.pattern : "other";
  metrics.http_requests.Count(
      {known ? watched.route.method : "other", route, std::to_string(outcome.status)});
  metrics.http_seconds.Observe({route}, seconds);
  const std::string code = outcome.error ? std::string(ErrorCodeName(outcome.error->code)) : "done";
  if (outcome.error) metrics.errors.Count({code});
  if (!meaning.changes && !watched.notes->Get().noted) return;
  metrics.changes.Count({meaning.verb, meaning.resource, code});
  if (!outcome.error) metrics.change_seconds.Observe({meaning.verb, meaning.resource}, seconds);
}

void Ended(Metrics& metrics, const Watched& watched, const http::Outcome& outcome) {
  const RouteMeaning meaning = MeaningOf(watched.route);
  const auto took = steady_clock::now() - watched.received;
  CountEnd(metrics, watched, meaning, outcome, std::chrono::duration<double>(took).count());
  Change change;
  change.what = watched.notes->Get();
  if (!IsWrittenDown(meaning, change.what.noted, outcome)) return;
  change.socket_uid = watched.socket_uid;
  change.pid = watched.pid;
  if (outcome.error) change.failed = outcome.error->code;
  change.took = std::chrono::duration_cast<std::chrono::microseconds>(took);
  WriteDown(change);
}

}  // namespace

RouteMeaning MeaningOf(const http::RouteName& route) {
  RouteMeaning meaning;
  if (route.pattern.empty()) return meaning;
  meaning.changes = route.method != "GET";
  // "/v1/data-containers/{ref}/save": the version, the collection, a parameter, a word.
  const size_t collection = route.pattern.find('/', 1) + 1;
  meaning.resource = route.pattern.substr(collection, route.pattern.find('/', collection) - collection);
  if (meaning.resource.ends_with('s')) meaning.resource.pop_back();
  const std::string last = route.pattern.substr(route.pattern.rfind('/') + 1);
  const bool is_word = route.pattern.find('/', collection) != std::string::npos && !last.starts_with('{');
  if (route.method == "DELETE") {
    meaning.verb = "delete";
  } else if (is_word) {
    meaning.verb = last;
  } else if (route.method == "POST" && !last.starts_with('{')) {
    meaning.verb = "create";
  } else {
    meaning.verb = meaning.changes ? "update" : "get";
  }
  return meaning;
}

http::Router::Watch WatchRequests(Metrics& metrics) {
  return [&metrics](const http::RouteName& route, http::Request& request, const http::Reply& reply) {
    RouteMeaning meaning = MeaningOf(route);
    const auto ref = request.parameters.begin();
    // Until the handler has found what it means, and if it finds nothing.
    const auto notes = std::make_shared<http::Notes>(
        http::Notes::Said{.uid = request.peer.identity.uid,
                          .verb = std::move(meaning.verb),
                          .resource = std::move(meaning.resource),
                          .name = ref == request.parameters.end() ? "" : ref->second});
    request.peer.notes = notes;
    reply.WhenEnded([&metrics, watched = Watched{route, request.peer.socket.uid, request.peer.pid, notes,
                                                 steady_clock::now()}](const http::Outcome& outcome) {
      Ended(metrics, watched, outcome);
    });
  };
}

}  // namespace spawnd::daemon
