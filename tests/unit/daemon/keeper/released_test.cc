/// What daemons and keepers of released versions said to each other is understood, and what is said now holds
/// all that they need: an old keeper takes this daemon's orders, and an old daemon this keeper's answers.
#include <rapidjson/document.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "daemon/keeper/protocol.h"
#include "tests/places.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

using Json = rapidjson::Value;

/// Whether `now` says all that `then` said, under the same names; it may say more.
bool Holds(const Json& now, const Json& then) {
  if (then.IsObject()) {
    if (!now.IsObject()) return false;
    for (const auto& member : then.GetObject()) {
      const auto found = now.FindMember(member.name);
      if (found == now.MemberEnd() || !Holds(found->value, member.value)) return false;
    }
    return true;
  }
  if (!then.IsArray()) return now == then;
  if (!now.IsArray() || now.Size() != then.Size()) return false;
  for (rapidjson::SizeType i = 0; i < then.Size(); ++i) {
    if (!Holds(now[i], then[i])) return false;
  }
  return true;
}

bool Holds(const std::string& now, const std::string& then) {
  rapidjson::Document a;
  rapidjson::Document b;
  a.Parse(now.c_str());
  b.Parse(then.c_str());
  return !a.HasParseError() && !b.HasParseError() && Holds(a, b);
}

TEST_CASE("released keepers: what is missing or different is seen") {
  CHECK(Holds(R"({"a":1,"b":[{"c":2,"d":3}]})", R"({"b":[{"c":2}]})"));
  CHECK_FALSE(Holds(R"({"a":1})", R"({"b":1})"));
  CHECK_FALSE(Holds(R"({"a":1})", R"({"a":2})"));
  CHECK_FALSE(Holds(R"({"a":[{"b":1}]})", R"({"a":[{"c":1}]})"));
}

TEST_CASE("released keepers: every form of the protocol is understood, and said in") {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SPAWND_SOURCE_ROOT "/tests/released")) {
    if (!entry.path().filename().string().starts_with("keeper-")) continue;
    ++files;
    std::ifstream file(entry.path());
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) {
      INFO(entry.path() << ": " << line);
      const std::string text = line.substr(line.find('{'));
      if (line.starts_with("request ")) {
        const auto request = DecodeRequest(text);
        REQUIRE(request);
        CHECK(request->op != KeeperRequest::Op::kUnknown);
        CHECK(Holds(EncodeRequest(*request), text));
      } else {
        REQUIRE(line.starts_with("reply "));
        const auto reply = DecodeReply(text);
        REQUIRE(reply);
        CHECK(Holds(EncodeReply(*reply), text));
      }
    }
    CHECK(lines > 20);
  }
  CHECK(files > 0);
}

TEST_CASE("released keepers: a message of a version to come is taken for what is known of it") {
  const auto reply = DecodeReply(R"({"started":{"pid":7,"shoeSize":44},"weather":{"rain":true}})");
  REQUIRE(reply);
  CHECK(reply->started.pid == 7);
  const auto request = DecodeRequest(R"({"op":"status","patience":5})");
  REQUIRE(request);
  CHECK(request->op == KeeperRequest::Op::kStatus);
  const auto unknown = DecodeRequest(R"({"op":"levitate"})");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace spawnd::daemon
