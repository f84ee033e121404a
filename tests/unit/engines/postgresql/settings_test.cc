/// Who gets in over TCP, and how.
#include "engines/postgresql/settings.h"

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
  const std::string plain = "host all all 127.0.0.0/8 scram-sha-256\n";
  const std::string tls = "hostssl all all all scram-sha-256\n";
  const std::string offered = Hba(launch);
  CHECK(offered.find(plain) != std::string::npos);
  CHECK(offered.find("host all all ::1/128 scram-sha-256\n") != std::string::npos);
  CHECK(offered.find(tls) != std::string::npos);
  CHECK(offered.find("\nhost all all all") == std::string::npos);
  launch.require_tls = true;
  const std::string required = Hba(launch);
  CHECK(required.find("\nhost ") == std::string::npos);
  CHECK(required.find(tls) != std::string::npos);
  CHECK(required.find("hostssl replication all all scram-sha-256\n") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
