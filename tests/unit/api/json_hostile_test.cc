/// Input from the other side that is wrong, huge or malicious: one clear error, never a crash.
#include "api/json.h"
#include "tests/support/catch.h"

using namespace spawnd::api;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using namespace std::string_literals;  // texts with a NUL byte inside
using spawnd::Error;
using spawnd::ErrorCode;

namespace {

/// The error of a request that must be refused.
Error Refused(const std::string& json) {
  const auto request = FromJson<CreateDataContainerRequest>(json);
  REQUIRE_FALSE(request);
  CHECK(request.error().code == ErrorCode::kInvalidArgument);
  return request.error();
}

}  // namespace

TEST_CASE("-1 takes back what an update may take back, and nothing else is below 0") {
  const auto update = FromJson<UpdateDataImageRequest>(R"({"warm":-1,"sleepAfterSeconds":0})");
  REQUIRE(update);
  CHECK(update->warm == -1);
  CHECK(update->sleep_after_seconds == 0);
  CHECK(FromJson<UpdateDataImageRequest>(ToJson(*update))->warm == -1);
  CHECK(FromJson<UpdateDataContainerRequest>(R"({"sleepAfterSeconds":-1})")->sleep_after_seconds == -1);
  CHECK_FALSE(FromJson<UpdateDataImageRequest>(R"({"warm":-2})"));
  CHECK_FALSE(FromJson<UpdateDataImageRequest>(R"({"warm":"1"})"));
  CHECK_FALSE(FromJson<UpdateDataImageRequest>(R"({"lifetimeSeconds":-1})"));
}

TEST_CASE("requests are strict about fields") {
  const Error unknown = Refused(R"({"image":"x","lifetimeSecond":5})");
  CHECK(unknown.message == "unknown field 'lifetimeSecond' in the request");
  CHECK(unknown.hint == "Did you mean 'lifetimeSeconds'?");
  CHECK(Refused(R"({"image":"x","image":"y"})").message == "field 'image' is given 2 times in the request");
  CHECK(Refused(R"({"image":5})").message == "field 'image' of the request must be text");
  CHECK(Refused(R"({"lifetimeSeconds":-1})").message ==
        "field 'lifetimeSeconds' of the request must be a whole number from 0 to 9007199254740992");
  Refused(R"({"lifetimeSeconds":1e300})");
  Refused(R"({"lifetimeSeconds":18446744073709551615})");
  Refused(R"({"lifetimeSeconds":1.5})");
  Refused(R"({"lifetimeSeconds":"5"})");
  CHECK(Refused(R"({"durability":"sometimes"})").message ==
        "field 'durability' of the request must be one of everysec, always");
  Refused(R"({"durability":1})");
  CHECK(FromJson<CreateDataContainerRequest>(R"({"image":"x","name":null,"durability":null})"));
  CHECK_FALSE(FromJson<CreateDataImageRequest>(R"({"tags":"a"})"));
  CHECK_FALSE(FromJson<CreateDataImageRequest>(R"({"tags":["a",5]})"));
}

TEST_CASE("responses are lenient about what a newer daemon adds") {
  const auto image =
      FromJson<DataImage>(R"({"id":10001,"new":{"x":[1]},"durability":"eventually","name":"a"})");
  REQUIRE(image);
  CHECK(image->name == "a");
  CHECK(image->durability == Durability::kEverySecond);
  CHECK_FALSE(FromJson<DataImage>(R"({"id":"10001"})"));
  CHECK_FALSE(FromJson<DataImage>(R"({"createdAt":"yesterday"})"));
  CHECK_FALSE(FromJson<DataContainer>(R"({"port":65536})"));
  CHECK_FALSE(FromJson<DataContainer>(R"({"timings":[1]})"));
  CHECK_FALSE(FromJson<DataContainer>(R"({"environment":{"A":1}})"));
  CHECK_FALSE(FromJson<std::vector<DataImage>>("{}"));
  CHECK_FALSE(FromJson<std::vector<DataImage>>("[1]"));
}

TEST_CASE("text that is not JSON names the place") {
  CHECK_THAT(Refused("").message, StartsWith("the request is not valid JSON at byte 0: "));
  CHECK_THAT(Refused("{").message, StartsWith("the request is not valid JSON at byte 1: "));
  for (const char* text :
       {"nul", "{}{}", "{\"image\":}", "[1,]", "{\"a\":1,}", "'x'", "NaN", "{\"image\":\"\\ud800\"}",
        "{\"image\":\"\\x\"}", "{\"image\":\"\x80\"}", "{\"image\":\"tab\t\"", "1e999999"}) {
    INFO(text);
    Refused(text);
  }
  Refused("5");
  Refused("[]");
  Refused("null");
  Refused("{\"image\":\"x\"}\0garbage"s);
  CHECK_THAT(Refused(R"({"image":"a\u0000b"})").message, Contains("U+0000"));
}

TEST_CASE("limits hold") {
  CHECK_THAT(Refused(std::string((1 << 20) + 1, ' ')).message, Contains("longer than 1048576 bytes"));
  CHECK_THAT(Refused(std::string(1'000'000, '[')).message, Contains("nested deeper than 16 levels"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK_THAT(Refused(objects).message, Contains("nested deeper"));
  CHECK_THAT(Refused("{\"image\":\"" + std::string(65537, 'x') + "\"}").message,
             Contains("longer than 65536 bytes"));
  CHECK(FromJson<CreateDataContainerRequest>("{\"image\":\"" + std::string(65536, 'x') + "\"}"));

  const auto tags = [](int count) {
    std::string json = R"({"tags":["x")";
    for (int i = 1; i < count; ++i) json += ",\"x\"";
    return json + "]}";
  };
  CHECK(FromJson<CreateDataImageRequest>(tags(1000)));
  const auto many = FromJson<CreateDataImageRequest>(tags(1001));
  REQUIRE_FALSE(many);
  CHECK_THAT(many.error().message, Contains("more than 1000 items"));

  const std::string long_name = Refused("{\"" + std::string(60'000, 'k') + "\":1}").message;
  CHECK(long_name.size() < 200);
}

TEST_CASE("a list of many resources is within the limits of responses") {
  const std::vector<DataContainer> many(5000);
  const auto back = FromJson<std::vector<DataContainer>>(ToJson(many));
  REQUIRE(back);
  CHECK(back->size() == 5000);
}

TEST_CASE("bytes that are not UTF-8 do not make the answer unreadable") {
  const Error error(ErrorCode::kInvalidArgument,
                    "bad \xff\xc3(\xe2\x82 \xed\xa0\x80 nul \0 ok \xf0\x9f\x90\x98"s);
  const Error back = ErrorFromJson(ToJson(error));
  CHECK(back.code == ErrorCode::kInvalidArgument);
  CHECK_THAT(back.message, StartsWith("bad \xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd"));
  CHECK_THAT(back.message, Contains("ok \xf0\x9f\x90\x98"));
}

TEST_CASE("an error that is no error message is shown, shortened") {
  for (const std::string& text :
       {std::string("<html>busy</html>"), std::string("{}"), std::string("{\"error\":5}"),
        std::string("{\"error\":{}}"), std::string(1'000'000, 'x'), std::string()}) {
    const Error error = ErrorFromJson(text);
    CHECK(error.code == ErrorCode::kInternal);
    CHECK(error.message.size() < 400);
  }
  CHECK_THAT(ErrorFromJson("<html>busy</html>").message, Contains("'<html>busy</html>'"));
  CHECK(ErrorFromJson(R"({"error":{"code":"from_the_future","message":"m"}})").code == ErrorCode::kInternal);
  CHECK(ErrorFromJson(ToJson(Error(ErrorCode::kIo, std::string(1'000'000, 'y')))).message.size() == 16384);
}

TEST_CASE("stream lines of no known kind are refused") {
  for (const char* line :
       {"", "\n", "{}", "[]", "{\"progress\":5}", "{\"result\":[]}", "{\"progress\":{\"stage\":1}}", "x"}) {
    INFO(line);
    CHECK_FALSE(ParseStreamLine(line));
  }
}
