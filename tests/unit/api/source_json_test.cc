/// Data sources as JSON, there and back.
#include "api/json.h"
#include "api/source/types.h"
#include "tests/support/catch.h"

namespace spawnd::api {
namespace {

TEST_CASE("data source: a request says what it says, and nothing else") {
  CreateDataSourceRequest request;
  request.name = "shop";
  request.source_type = "standby";
  request.engine = "postgresql";
  request.definition = "name: shop\n";
  request.folder = "/home/ann";
  request.keep = 3;
  request.connection = Connection{};
  request.connection->host = "db.example";
  request.connection->port = 5432;
  request.connection->options = {{"sslmode", "verify-full"}};
  const std::string json = ToJson(request);
  CHECK(
      json ==
      R"({"name":"shop","sourceType":"standby","engine":"postgresql","definition":"name: shop\n",)"
      R"("folder":"/home/ann","keep":3,"connection":{"host":"db.example","port":5432,"user":"","database":"",)"
      R"("passwordFile":"","passwordVariable":"","options":{"sslmode":"verify-full"}}})");
  const auto read = FromJson<CreateDataSourceRequest>(json);
  INFO((read ? "" : read.error().message));
  REQUIRE(read);
  CHECK(read->keep == 3);
  REQUIRE(read->connection);
  CHECK(read->connection->port == 5432);
  CHECK(read->connection->options == Settings{{"sslmode", "verify-full"}});
  CHECK_FALSE(read->max_kept_bytes);
  CHECK_FALSE(FromJson<CreateDataSourceRequest>(R"({"name":"a","password":"x"})"));
}

TEST_CASE("data source: an update tells none from not said") {
  UpdateDataSourceRequest request;
  CHECK(ToJson(request) == "{}");
  request.schedule = "";
  request.keep = -1;
  const auto read = FromJson<UpdateDataSourceRequest>(ToJson(request));
  REQUIRE(read);
  REQUIRE(read->schedule);
  CHECK(read->schedule->empty());
  CHECK(read->keep == -1);
}

TEST_CASE("data source: what is not known is null, and a word that is new does no harm") {
  DataSource source;
  source.id = 10001;
  source.created_at = 1'700'000'000;
  const std::string json = ToJson(source);
  CHECK(json.find(R"("nextRunAt":null)") != std::string::npos);
  CHECK(json.find(R"("lagBytes":null)") != std::string::npos);
  CHECK(json.find(R"("createdAt":"2023-11-14T22:13:20Z")") != std::string::npos);
  const auto read = FromJson<DataSource>(R"({"id":10001,"status":"Dreaming","isNew":true,"lagBytes":17})");
  REQUIRE(read);
  CHECK(read->status == "Dreaming");
  CHECK(read->lag_bytes == 17);
}

}  // namespace
}  // namespace spawnd::api
