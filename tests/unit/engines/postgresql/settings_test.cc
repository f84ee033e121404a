/// Who gets in over TCP, and how.
#include "engines/postgresql/settings.h"

#include <algorithm>

#include "engines/postgresql/postgresql_engine.h"
#include "tests/support/catch.h"

namespace spawnd::engines::postgresql {
namespace {

std::string Hba(const Launch& launch) {
  for (const SettingsFile& file : PostgresqlEngine().SettingsFiles(launch)) {
    if (file.name == "pg_hba.conf") return file.content;
  }
  return {};
}

TEST_CASE("from elsewhere with TLS only, and for an image that asks for it from everywhere") {
  Launch launch;
  launch.installation.version = "17.9";
  const std::string plain = "host all all 127.0.0.0/8 md5\n";
  const std::string tls = "hostssl all all all md5\n";
  const std::string offered = Hba(launch);
  CHECK(offered.find(plain) != std::string::npos);
  CHECK(offered.find("host all all ::1/128 md5\n") != std::string::npos);
  CHECK(offered.find(tls) != std::string::npos);
  CHECK(offered.find("\nhost all all all") == std::string::npos);
  launch.require_tls = true;
  const std::string required = Hba(launch);
  CHECK(required.find("\nhost ") == std::string::npos);
  CHECK(required.find(tls) != std::string::npos);
  CHECK(required.find("hostssl replication all all md5\n") != std::string::npos);
}

TEST_CASE("the user's settings stand in a file above the image's own, which is as it was without any") {
  Launch launch;
  launch.installation.version = "17.9";
  launch.paths.data_directory = "/data";
  launch.paths.settings_directory = "/settings";
  launch.purpose = Purpose::kBuild;
  const auto has = [&](const std::string& argument) {
    const auto argv = PostgresqlEngine().StartCommand(launch).argv;
    return std::find(argv.begin(), argv.end(), argument) != argv.end();
  };
  CHECK_FALSE(has("config_file=/settings/postgresql.conf"));
  CHECK(has("maintenance_work_mem=256MB"));
  launch.settings = {{"Maintenance-Work_mem", "1GB"}, {"application_name", "it's \\ me"}};
  CHECK(has("config_file=/settings/postgresql.conf"));
  CHECK_FALSE(has("maintenance_work_mem=256MB"));
  CHECK(has("autovacuum=off"));
  const auto files = PostgresqlEngine().SettingsFiles(launch);
  REQUIRE(files.back().name == "postgresql.conf");
  CHECK(files.back().content.find("include_if_exists '/data/postgresql.conf'\nmaintenance_work_mem = '1GB'\n"
                                  "application_name = 'it''s \\\\ me'\n") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
