/// What one side writes, the other reads back the same; and the field names are those of docs/contract.md.
#include "api/json.h"
#include "tests/support/catch.h"

using namespace spawnd::api;
using Catch::Matchers::Contains;
using spawnd::Error;
using spawnd::ErrorCode;

namespace {

DataContainer FullContainer() {
  DataContainer c;
  c.id = 10002;
  c.name = "demo-qkzvbnwa";
  c.image = "demo:latest";
  c.image_id = 10001;
  c.engine = "PostgreSQL";
  c.version_text = "11.0";
  c.engine_version = "11.22";
  c.status = Status::kCompleted;
  c.state = "running";
  c.detail = "quote \" backslash \\ newline \n umlaut \xc3\xa4";
  c.revision = "rev.0";
  c.owner = "root";
  c.durability = Durability::kAlways;
  c.network = Network::kHost;
  c.superuser = false;
  c.host = "127.0.0.1";
  c.port = 65535;
  c.user = "spawn_admin_ab12";
  c.password = "0123456789abcdef";
  c.database = "pagila";
  c.connection_string = "Host=127.0.0.1;Port=65535";
  c.jdbc_connection_string = "jdbc:postgresql://127.0.0.1:65535/pagila";
  c.url = "postgresql://127.0.0.1:65535/pagila";
  c.created_at = 1735787045;
  c.expires_at = 1735787046;
  c.disk_bytes = int64_t{1} << 52;
  c.unique_bytes = 5;
  c.shared_bytes = int64_t{1} << 40;
  c.warnings = {"the disk is 85 % full"};
  c.ready_milliseconds = 41.25;
  c.timings = {{"keeper", 6.1}, {"volume", 0.8}, {"engine", 30.125}};
  c.environment = {{"PGPORT", "65535"}, {"PGDATABASE", "a \"b\""}};
  c.client_command = {"psql", "--port=65535"};
  c.ca_certificate = "/var/lib/spawnd/tls/ca.crt";
  c.client_hint = "Install it.";
  c.default_port = 5432;
  return c;
}

}  // namespace

TEST_CASE("a container travels whole") {
  const DataContainer c = FullContainer();
  const auto back = FromJson<DataContainer>(ToJson(c));
  REQUIRE(back);
  CHECK(ToJson(*back) == ToJson(c));
  CHECK(back->port == 65535);
  CHECK(back->status == Status::kCompleted);
  CHECK(back->durability == Durability::kAlways);
  CHECK(back->network == Network::kHost);
  CHECK_FALSE(back->superuser);
  CHECK(back->detail == c.detail);
  CHECK(back->created_at == c.created_at);
  CHECK(back->disk_bytes == c.disk_bytes);
  CHECK(back->unique_bytes == 5);
  CHECK(back->shared_bytes == c.shared_bytes);
  CHECK(back->warnings == c.warnings);
  CHECK(back->timings == c.timings);
  CHECK(back->environment == c.environment);
  CHECK(back->client_command == c.client_command);
  CHECK(back->ca_certificate == c.ca_certificate);
  CHECK(back->client_hint == c.client_hint);
  CHECK(back->default_port == 5432);
}

TEST_CASE("field names and forms are those scripts read") {
  const std::string json = ToJson(FullContainer());
  CHECK_THAT(json, Contains(R"("id":10002,"name":"demo-qkzvbnwa")"));
  CHECK_THAT(json, Contains(R"("port":65535)"));
  CHECK_THAT(json,
             Contains(R"("connectionString":"Host=127.0.0.1;Port=65535","jdbcConnectionString":"jdbc)"));
  CHECK_THAT(json, Contains(R"("createdAt":"2025-01-02T03:04:05Z")"));
  CHECK_THAT(json, Contains(R"("status":"Completed")"));
  CHECK_THAT(json, Contains(R"("durability":"always")"));
  CHECK_THAT(json, Contains(R"("superuser":false)"));
  CHECK_THAT(json, Contains(R"("timings":{"keeper":6.1,"volume":0.8,"engine":30.125})"));
  CHECK_THAT(json, Contains(R"("environment":{"PGPORT":"65535","PGDATABASE":"a \"b\""})"));
  CHECK_THAT(ToJson(DataImage{}), Contains(R"("expiresAt":null)"));
  CHECK_THAT(ToJson(DataImage{}), Contains(R"("durability":"everysec")"));
  CHECK_THAT(ToJson(DataImage{}), Contains(R"("network":null)"));
  CHECK_THAT(ToJson(DataContainer{}), Contains(R"("network":"none")"));
}

TEST_CASE("an image, lists, version and caller travel") {
  DataImage image;
  image.id = 10001;
  image.name = "WidgetStore";
  image.tags = {"latest", "0.2"};
  image.teams = {"myorg:dbas"};
  image.engine = "PostgreSQL";
  image.version_text = "15";
  image.status = Status::kFailed;
  image.data_bytes = 123456789;
  image.tls = true;
  const auto back = FromJson<DataImage>(ToJson(image));
  REQUIRE(back);
  CHECK(ToJson(*back) == ToJson(image));
  CHECK(back->tags == image.tags);
  CHECK(back->expires_at == 0);

  CHECK(ToJson(std::vector<DataImage>{}) == "[]");
  const auto list = FromJson<std::vector<DataImage>>(ToJson(std::vector<DataImage>{image, image}));
  REQUIRE(list);
  CHECK(list->size() == 2);
  CHECK(FromJson<std::vector<DataContainer>>("[]")->empty());

  const auto authority = FromJson<CaCertificate>(ToJson(CaCertificate{"/ca.crt", "-----BEGIN\nx\n"}));
  REQUIRE(authority);
  CHECK(authority->path == "/ca.crt");
  CHECK(authority->certificate == "-----BEGIN\nx\n");

  const auto version = FromJson<Version>(ToJson(Version{"0.1.0", "v1", "abc"}));
  REQUIRE(version);
  CHECK(version->version == "0.1.0");
  CHECK(version->git_commit == "abc");
  const auto who = FromJson<WhoAmI>(ToJson(WhoAmI{"root", 4294967295U, {1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}}));
  REQUIRE(who);
  CHECK(who->uid == 4294967295U);
  CHECK(who->quotas.connections == 1);
  CHECK(who->usage.disk_bytes == 10);
}

TEST_CASE("requests travel and leave out what was not given") {
  CreateDataImageRequest request;
  request.name = "demo";
  request.source_type = SourceType::kBackup;
  request.engine = "postgres";
  request.version = "11.0";
  request.tags = {"a", "b"};
  request.lifetime_seconds = 3600;
  request.durability = Durability::kEverySecond;
  request.network = Network::kNone;
  request.superuser = false;
  request.backups = {{"x.sql", 0, ""}, {"y.sql", std::nullopt, "17"}};
  request.pre_script = "select 1;\n";
  const auto back = FromJson<CreateDataImageRequest>(ToJson(request));
  REQUIRE(back);
  CHECK(ToJson(*back) == ToJson(request));
  CHECK(back->version == "11.0");
  CHECK(back->durability == Durability::kEverySecond);
  REQUIRE(back->backups.size() == 2);
  CHECK(back->backups[0].descriptor == 0U);
  CHECK(back->backups[1].upload == "17");
  CHECK_FALSE(back->backups[1].descriptor);
  CHECK(back->network == Network::kNone);
  CHECK(back->superuser == false);

  CreateDataContainerRequest container;
  container.image = "demo";
  CHECK(ToJson(container) == R"({"image":"demo","limits":{}})");
  const auto same = FromJson<CreateDataContainerRequest>(ToJson(container));
  REQUIRE(same);
  CHECK(same->image == "demo");
  CHECK_FALSE(same->durability);
  CHECK_FALSE(same->superuser.has_value());
  container.superuser = false;
  CHECK(ToJson(container) == R"({"image":"demo","superuser":false,"limits":{}})");
}

TEST_CASE("a request that names a path is told what to send in its place") {
  for (const std::string field : {"backups", "scriptsFolders"}) {
    for (const std::string item :
         {R"("/etc/shadow")", R"({"path":"/etc/shadow"})", R"({"name":"x","descriptor":0},"/x")"}) {
      const auto refused =
          FromJson<CreateDataImageRequest>(R"({"name":"n",")" + field + R"(":[)" + item + "]}");
      REQUIRE_FALSE(refused);
      CHECK(refused.error().message == "field '" + field +
                                           "' of the request names a path, and the daemon opens no files for "
                                           "its clients");
      CHECK(refused.error().hint.find("docs/openapi.yaml") != std::string::npos);
    }
  }
  CHECK_FALSE(FromJson<CreateDataImageRequest>(R"({"backups":"/x"})"));
  CHECK_FALSE(FromJson<CreateDataImageRequest>(R"({"backups":[{"descriptor":-1}]})"));
  CHECK_FALSE(FromJson<CreateDataImageRequest>(R"({"backups":[5]})"));
}

TEST_CASE("errors keep code, message and hint") {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const Error error(static_cast<ErrorCode>(code), "no image 'x'", "List them.");
    const Error back = ErrorFromJson(ToJson(error));
    CHECK(back.code == error.code);
    CHECK(back.message == error.message);
    CHECK(back.hint == error.hint);
  }
  CHECK(ToJson(Error(ErrorCode::kNotFound, "m")) == R"({"error":{"code":"not_found","message":"m"}})");
}

TEST_CASE("stream lines are told apart") {
  const std::string progress_line = ProgressLine({"restoring", 10, 100, ""});
  CHECK(progress_line.back() == '\n');
  const auto progress = ParseStreamLine(progress_line);
  REQUIRE(progress);
  REQUIRE(std::holds_alternative<Progress>(*progress));
  CHECK(std::get<Progress>(*progress).stage == "restoring");
  CHECK(std::get<Progress>(*progress).bytes_done == 10);

  const auto result = ParseStreamLine(ResultLine(ToJson(FullContainer())));
  REQUIRE(result);
  REQUIRE(std::holds_alternative<StreamResult>(*result));
  CHECK(FromJson<DataContainer>(std::get<StreamResult>(*result).json)->name == "demo-qkzvbnwa");

  const auto error = ParseStreamLine(ErrorLine(Error(ErrorCode::kNoSpace, "disk full")));
  REQUIRE(error);
  REQUIRE(std::holds_alternative<Error>(*error));
  CHECK(std::get<Error>(*error).code == ErrorCode::kNoSpace);
}

TEST_CASE("timings of any size and name are read as they were written") {
  DataContainer c;
  c.timings = {{"not UTF-8: \xed\xb7\xbf", 3.3100000000000014e96}, {"odd", 4.7777777777777789e64}};
  const std::string once = ToJson(c);
  const auto back = FromJson<DataContainer>(once);
  REQUIRE(back.has_value());
  CHECK(ToJson(*back) == once);
}
