#include "daemon/handlers/answers/views.h"

#include "api/json.h"
#include "engines/registry.h"
#include "tests/support/catch.h"

namespace spawnd::daemon {
namespace {

ImageRow PostgresImage() {
  ImageRow image;
  image.id = 10001;
  image.name = "demo";
  image.engine = "postgresql";
  image.engine_version = "15.20";
  image.state = ImageState::kCompleted;
  return image;
}

TEST_CASE("views: the engine reads as the image asked for it") {
  ImageRow image = PostgresImage();
  CHECK(ProductOf(image) == "PostgreSQL");
  CHECK(VersionTextOf(image) == "15");
  image.version_text = "15.0";
  CHECK(VersionTextOf(image) == "15.0");
  image.engine = "an engine of a later build";
  CHECK(ProductOf(image) == "an engine of a later build");
  CHECK(VersionTextOf(image) == "15.0");
  image.version_text.clear();
  CHECK(VersionTextOf(image) == "15.20");
}

TEST_CASE("views: an image as users see it") {
  ImageRow row = PostgresImage();
  row.tags = {"a", "b"};
  row.teams = {"org:devs"};
  row.database = "shop";
  row.created_at = 1000;
  row.expires_at = 2000;
  row.data_bytes = 7;
  row.disk_bytes = 5;
  row.limits.pids = 64;
  const api::DataImage view = ViewOfImage(row, "ann");
  CHECK(view.id == 10001);
  CHECK(view.status == api::Status::kCompleted);
  CHECK(view.owner == "ann");
  CHECK(view.tags == row.tags);
  CHECK(view.teams == row.teams);
  CHECK(view.engine_version == "15.20");
  CHECK(view.expires_at == 2000);
  CHECK(view.data_bytes == 7);
  CHECK(view.limits.pids == 64);
  row.state = ImageState::kPending;
  CHECK(ViewOfImage(row, "").status == api::Status::kPending);
  CHECK(ViewOfImage(row, "").expires_at == 0);  // its lifetime has not begun
  row.state = ImageState::kDeleting;
  CHECK(ViewOfImage(row, "").status == api::Status::kFailed);
}

TEST_CASE("views: whoever may only look sees no password, in none of the texts") {
  ContainerRow row;
  row.name = "demo";
  row.host = "127.0.0.1";
  row.port = 20001;
  row.user = "spawn_admin_ab12";
  row.password = "TopSecret0123456";
  api::DataContainer view = ViewOfContainer(row, PostgresImage(), "ann", {}, "/ca.crt");
  CHECK(api::ToJson(view).find(row.password) != std::string::npos);
  HideSecrets(view);
  CHECK(api::ToJson(view).find(row.password) == std::string::npos);
  CHECK(view.host == row.host);
  CHECK(view.port == row.port);
  CHECK(view.user == row.user);
}

TEST_CASE("views: a container as users see it") {
  ContainerRow row;
  row.id = 10002;
  row.name = "demo-a";
  row.image_id = 10001;
  row.image_reference = "demo:latest";
  row.host = "127.0.0.1";
  row.port = 20001;
  row.user = "spawn_admin_ab12";
  row.password = "secret";
  row.database = "shop";
  row.expires_at = 2000;
  row.ready_milliseconds = 41.5;
  row.timings = {{"keeper", 1.5}, {"engine", 40}};
  struct Case {
    ContainerState state;
    api::Status status;
    const char* text;
  };
  for (const Case& one : {Case{ContainerState::kCreating, api::Status::kPending, "creating"},
                          Case{ContainerState::kRunning, api::Status::kCompleted, "running"},
                          Case{ContainerState::kRestarting, api::Status::kPending, "restarting"},
                          Case{ContainerState::kFailed, api::Status::kFailed, "failed"}}) {
    row.state = one.state;
    const api::DataContainer view = ViewOfContainer(row, PostgresImage(), "ann", {4096, 0}, "/ca.crt");
    CHECK(view.status == one.status);
    CHECK(view.state == one.text);
    CHECK(view.expires_at == (one.state == ContainerState::kCreating ? 0 : 2000));
  }
  const api::DataContainer view = ViewOfContainer(row, PostgresImage(), "ann", {4096, 8192}, "/ca.crt");
  CHECK(view.image == "demo:latest");
  CHECK(view.engine == "PostgreSQL");
  CHECK(view.connection_string ==
        "Host=127.0.0.1;Port=20001;Username=spawn_admin_ab12;Database=postgres;Password=secret");
  CHECK(view.database == "shop");
  CHECK(view.url.find("/shop") != std::string::npos);
  ImageRow asked_for = PostgresImage();
  asked_for.initial_database = "Customers";
  CHECK(ViewOfContainer(row, asked_for, "ann", {}, "").connection_string ==
        "Host=127.0.0.1;Port=20001;Username=spawn_admin_ab12;Database=Customers;Password=secret");
  CHECK(view.jdbc_connection_string.find("20001") != std::string::npos);
  CHECK(view.disk_bytes == 4096);
  CHECK(view.unique_bytes == 4096);
  CHECK(view.shared_bytes == 8192);
  CHECK(view.timings == row.timings);
}

}  // namespace
}  // namespace spawnd::daemon
