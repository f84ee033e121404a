#include "daemon/handlers/request_watch.h"

#include "daemon/http/exchange.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

std::string Text(const RouteMeaning& meaning) {
  return (meaning.changes ? "changes " : "") + meaning.verb + " " + meaning.resource;
}

TEST_CASE("what a route does follows from its method and path") {
  const auto of = [](const char* method, const char* pattern) { return Text(MeaningOf({method, pattern})); };
  CHECK(of("POST", "/v1/data-images") == "changes create data-image");
  CHECK(of("POST", "/v1/uploads") == "changes create upload");
  CHECK(of("DELETE", "/v1/access-tokens/{ref}") == "changes delete access-token");
  CHECK(of("POST", "/v1/data-containers/{ref}/save") == "changes save data-container");
  CHECK(of("POST", "/v1/data-containers/restart") == "changes restart data-container");
  CHECK(of("POST", "/v1/imports/{id}") == "changes update import");
  CHECK(of("PUT", "/v1/data-images/{ref}") == "changes update data-image");
  CHECK(of("GET", "/v1/data-images/{ref}") == "get data-image");
  CHECK(of("GET", "/v1/data-images/{ref}/log") == "log data-image");
  CHECK(of("GET", "/v1/whoami") == "get whoami");
  CHECK(Text(MeaningOf({})) == " ");
}

/// Lets a handler answer a request of that route, and returns what has been counted.
std::string CountedOf(const http::RouteName& route, const std::function<void(const http::Reply&)>& handler,
                      const std::shared_ptr<http::Exchange>& exchange = std::make_shared<http::Exchange>([] {
                      })) {
  Metrics metrics;
  const auto watch = WatchRequests(metrics);
  http::Request request;
  {
    const http::Reply reply(std::make_shared<http::Reply::Channel>(exchange));
    watch(route, request, reply);
    handler(reply);
  }
  return Expose({metrics.http_requests.Read(), metrics.changes.Read(), metrics.errors.Read()},
                Exposition::kText);
}

void CheckHas(const std::string& text, const std::string& line) {
  CAPTURE(text);
  CHECK(text.find("\n" + line + "\n") != std::string::npos);
}

TEST_CASE("every end of a request is counted once") {
  const http::RouteName save{"POST", "/v1/data-containers/{ref}/save"};
  const std::string done =
      "spawnd_changes_total{verb=\"save\",resource=\"data-container\",outcome=\"done\"} 1";
  const std::string request =
      "spawnd_http_requests_total{method=\"POST\",route=\"/v1/data-containers/{ref}/save\",status=";

  SECTION("whole, and what comes behind it is nothing") {
    const auto text = CountedOf(save, [](const http::Reply& reply) {
      reply.Send(200, "{}");
      http::SendError(reply, {ErrorCode::kIo, "too late"});
    });
    CheckHas(text, done);
    CheckHas(text, request + "\"200\"} 1");
    CHECK(text.find("spawnd_errors_total{") == std::string::npos);
  }
  SECTION("a stream") {
    const auto text = CountedOf(save, [](const http::Reply& reply) {
      reply.Begin();
      reply.Line("{}\n");
      reply.End();
    });
    CheckHas(text, done);
  }
  SECTION("a stream that ends in an error") {
    const auto text = CountedOf(save, [](const http::Reply& reply) {
      reply.Begin();
      reply.Failed({ErrorCode::kTimeout, "slow"});
      reply.Line("{}\n");
      reply.End();
    });
    CheckHas(text, "spawnd_changes_total{verb=\"save\",resource=\"data-container\",outcome=\"timeout\"} 1");
    CheckHas(text, request + "\"200\"} 1");
    CheckHas(text, "spawnd_errors_total{code=\"timeout\"} 1");
  }
  SECTION("an error") {
    const auto text = CountedOf(save, [](const http::Reply& reply) {
      http::SendError(reply, {ErrorCode::kNotFound, "gone"});
    });
    CheckHas(text, request + "\"404\"} 1");
    CheckHas(text, "spawnd_changes_total{verb=\"save\",resource=\"data-container\",outcome=\"not_found\"} 1");
  }
  SECTION("no answer at all") {
    const auto text = CountedOf(save, [](const http::Reply&) {});
    CheckHas(text, request + "\"500\"} 1");
    CheckHas(text, "spawnd_errors_total{code=\"internal\"} 1");
  }
  SECTION("a stream that breaks off") {
    const auto text = CountedOf(save, [](const http::Reply& reply) {
      reply.BeginBytes();
      reply.Failed({ErrorCode::kCorrupt, "damaged"});
    });
    CheckHas(text, request + "\"200\"} 1");
    CheckHas(text, "spawnd_errors_total{code=\"corrupt\"} 1");
  }
  SECTION("a client that goes away is no error of the daemon's") {
    const auto exchange = std::make_shared<http::Exchange>([] {});
    const bool begun = GENERATE(true, false);
    const auto text = CountedOf(
        save,
        [&](const http::Reply& reply) {
          if (begun) reply.BeginBytes();
          exchange->MarkClientGone();
        },
        exchange);
    CheckHas(text, request + (begun ? "\"200\"} 1" : "\"503\"} 1"));
    CheckHas(text, "spawnd_changes_total{verb=\"save\",resource=\"data-container\",outcome=\"cancelled\"} 1");
    CHECK(text.find("internal") == std::string::npos);
  }
  SECTION("nor is one that went before its stream began") {
    const auto exchange = std::make_shared<http::Exchange>([] {});
    exchange->MarkClientGone();
    const auto text = CountedOf(
        save, [](const http::Reply& reply) { reply.BeginBytes(); }, exchange);
    CheckHas(text, request + "\"200\"} 1");
    CheckHas(text, "spawnd_errors_total{code=\"cancelled\"} 1");
  }
  SECTION("of what is not there no path becomes a name") {
    const auto text = CountedOf({}, [](const http::Reply& reply) { reply.Send(404, "{}"); });
    CheckHas(text, "spawnd_http_requests_total{method=\"other\",route=\"other\",status=\"404\"} 1");
    CHECK(text.find("spawnd_changes_total{") == std::string::npos);
  }
}

}  // namespace
}  // namespace spawnd::daemon
