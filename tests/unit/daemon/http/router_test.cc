#include "daemon/http/router.h"

#include "tests/support/catch.h"
#include "tests/unit/daemon/http/running_server.h"

namespace spawnd::daemon::http {
namespace {

TEST_CASE("the router finds handlers by method and path") {
  Router router;
  const auto say = [](const char* what) {
    return [what](const Request& request, const Reply& reply) {
      const auto ref = request.parameters.find("ref");
      reply.Send(200, std::string(what) + (ref != request.parameters.end() ? " " + ref->second : ""));
    };
  };
  router.Add("GET", "/v1/data-images", say("list"));
  router.Add("POST", "/v1/data-images", say("create"));
  router.Add("GET", "/v1/data-images/{ref}", say("get"));
  router.Add("DELETE", "/v1/data-images/{ref}", say("delete"));
  Running server([&](const Request& request, const Reply& reply) { router.Handle(request, reply); });
  Client client(server.Path());
  const auto ask = [&](const std::string& line) {
    REQUIRE(client.Send(line + " HTTP/1.1\r\n\r\n"));
    return client.Response();
  };
  CHECK(ask("GET /v1/data-images").ends_with("\r\n\r\nlist"));
  CHECK(ask("POST /v1/data-images").ends_with("\r\n\r\ncreate"));
  CHECK(ask("GET /v1/data-images/a%2Fb:1").ends_with("\r\n\r\nget a/b:1"));
  CHECK(ask("DELETE /v1/data-images/10001").ends_with("\r\n\r\ndelete 10001"));
  const std::string missing = ask("GET /v1/nothing");
  CHECK(StatusOf(missing) == 404);
  CHECK(missing.find("not_found") != std::string::npos);
  CHECK(StatusOf(ask("GET /v1/data-images/")) == 404);
  CHECK(StatusOf(ask("GET /")) == 404);
  const std::string wrong = ask("PATCH /v1/data-images/x");
  CHECK(StatusOf(wrong) == 405);
  CHECK(wrong.find("Allow: DELETE, GET, HEAD\r\n") != std::string::npos);
  REQUIRE(client.Send("HEAD /v1/data-images HTTP/1.1\r\n\r\n"));
  CHECK(client.Until("\r\n\r\n").find("Content-Length: 4\r\n") != std::string::npos);
}

TEST_CASE("the router's watch sees every request before its handler, and those that have none") {
  Router router;
  std::mutex mutex;
  std::vector<std::string> seen;
  router.SetWatch([&](const RouteName& route, Request& request, const Reply&) {
    const std::lock_guard lock(mutex);
    seen.push_back(route.method + route.pattern +
                   (request.parameters.contains("ref") ? " " + request.parameters["ref"] : ""));
    request.headers["seen"] = "yes";
  });
  router.Add("GET", "/v1/x/{ref}",
             [](const Request& request, const Reply& reply) { reply.Send(200, request.headers.at("seen")); });
  Running server([&](const Request& request, const Reply& reply) { router.Handle(request, reply); });
  Client client(server.Path());
  for (const char* line : {"GET /v1/x/1", "POST /v1/x/1", "GET /v1/y"}) {
    REQUIRE(client.Send(std::string(line) + " HTTP/1.1\r\n\r\n"));
    static_cast<void>(client.Response());
  }
  REQUIRE(client.Send("HEAD /v1/x/2 HTTP/1.1\r\n\r\n"));
  CHECK(client.Until("\r\n\r\n").find("Content-Length: 3\r\n") != std::string::npos);
  const std::lock_guard lock(mutex);
  CHECK(seen == std::vector<std::string>{"GET/v1/x/{ref} 1", "", "", "GET/v1/x/{ref} 2"});
}

}  // namespace
}  // namespace spawnd::daemon::http
