/// Streams of events over a real server: places, filters, and readers that do not read.
#include "daemon/events/event_streams.h"

#include "daemon/access/visibility.h"
#include "daemon/catalog/catalog.h"
#include "daemon/catalog/event_ids.h"
#include "daemon/http/message.h"
#include "tests/unit/daemon/catalog/sample_rows.h"
#include "tests/unit/daemon/http/running_server.h"

namespace spawnd::daemon {
namespace {

/// Requests are "GET /<since>", followed when they end in "f".
struct Telling {
  Telling() {
    catalog->events.OnTold([this] { streams->Wake(); });
    shop = Pending(*catalog, "shop");
    Complete(*catalog, shop);
  }
  ~Telling() {
    server.Stop();
    streams->Stop();
  }

  void Answer(const http::Request& request, http::Reply reply) const {
    EventOrder order;
    order.who.uid = 0;
    std::string place = request.path[0];
    order.follow = place.ends_with('f');
    if (order.follow) place.pop_back();
    if (place != "-") order.since = *EventPlace::Parse(place);
    streams->Send(std::move(order), std::move(reply));
  }
  void Change(int times) {
    for (int i = 0; i < times; ++i)
      REQUIRE(catalog->images.Update(shop, {.name = {}, .tags = {}, .teams = {}, .expires_at = ++expires}));
  }

  const ScratchDirectory scratch;
  const std::string path = scratch.Path() + "/catalog.db";
  std::unique_ptr<Catalog> catalog = Open(path);
  const TeamMembers teams{{}};
  std::unique_ptr<EventStreams> streams = std::move(*EventStreams::Start(path, teams));
  int64_t shop = 0;
  int64_t expires = 100;
  http::Running server{
      [this](const http::Request& request, http::Reply reply) { Answer(request, std::move(reply)); }};
};

std::string Ask(const Telling& telling, const std::string& place) {
  http::Client client(telling.server.Path());
  client.Send("GET /" + place + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  return client.UntilEnd();
}

size_t Count(const std::string& text, std::string_view word) {
  size_t count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

TEST_CASE("streams: what is kept, what comes, and where one was") {
  Telling telling;
  const std::string all = Ask(telling, "-");
  CHECK(all.find(R"({"id":1,)") != std::string::npos);
  CHECK(all.find(R"("event":"completed")") != std::string::npos);
  CHECK(Count(Ask(telling, "1"), R"("id":)") == 1);
  CHECK(Count(Ask(telling, "2"), R"("id":)") == 0);
  CHECK(Ask(telling, "7").find(R"({"event":"missed","from":3,"to":7})") != std::string::npos);

  http::Client follower(telling.server.Path());
  follower.Send("GET /1f HTTP/1.1\r\nHost: x\r\n\r\n");
  follower.Until(R"({"id":2,)");
  telling.Change(3);
  CHECK(follower.Until(R"({"id":5,)").find(R"("event":"updated")") != std::string::npos);
}

TEST_CASE("streams: a follower that does not read is told what it missed") {
  Telling telling;
  telling.catalog->events.Keep(100);
  http::Client slow(telling.server.Path());
  slow.Send("GET /0f HTTP/1.1\r\nHost: x\r\n\r\n");
  slow.Until(R"({"id":2,)");
  // More than its socket and its queue hold, many times what is kept. Others are told meanwhile.
  telling.Change(2500);
  CHECK(Count(Ask(telling, "2500"), R"("id":)") == 2);
  telling.Change(1);
  const std::string rest = slow.Until(R"({"id":2503,)");
  CHECK(Count(rest, R"({"event":"missed","from":)") >= 1);
  // Each id either came or was in what was missed.
  CHECK(Count(rest, R"({"id":)") < 2500);
}

TEST_CASE("streams: ids that were passed over are told as missed") {
  Telling telling;
  REQUIRE(SkipEventIds(telling.path, 1000));
  CHECK(Count(Ask(telling, "2"), R"("event":"missed")") == 0);  // nobody knows yet what comes
  http::Client follower(telling.server.Path());
  follower.Send("GET /90f HTTP/1.1\r\nHost: x\r\n\r\n");
  telling.Change(1);
  const std::string told = follower.Until(R"({"id":1001,)");
  CHECK(told.find(R"({"event":"missed","from":91,"to":1000})") != std::string::npos);
  CHECK(Ask(telling, "1").find(R"({"event":"missed","from":3,"to":1000})") != std::string::npos);
  CHECK(Count(Ask(telling, "1"), R"("id":)") == 2);
  CHECK(Ask(telling, "1005").find(R"({"event":"missed","from":1002,"to":1005})") != std::string::npos);
}

TEST_CASE("streams: places") {
  CHECK(EventPlace::Parse("17")->id == 17);
  CHECK(EventPlace::Parse("2026-11-27T20:00:00Z")->time == 1795809600000);
  for (const char* text : {"", "-1", "1x", "yesterday", "99999999999999999999"})
    CHECK_FALSE(EventPlace::Parse(text));
}

}  // namespace
}  // namespace spawnd::daemon
