#include "engines/postgresql/detect.h"

#include <boost/filesystem.hpp>
#include <sys/stat.h>

#include <algorithm>

#include "engines/postgresql/postgresql_engine.h"
#include "engines/postgresql/restore/client_tools.h"
#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::postgresql {
namespace {

namespace fs = boost::filesystem;

size_t TimesFound(const std::vector<Installation>& found, const std::string& root) {
  return static_cast<size_t>(
      std::count_if(found.begin(), found.end(), [&](const Installation& one) { return one.root == root; }));
}

void WriteProgram(const fs::path& path, const std::string& script) {
  fs::create_directories(path.parent_path());
  fs::save_string_file(path, "#!/bin/sh\n" + script + "\n");
  ::chmod(path.c_str(), 0755);
}

TEST_CASE("Version texts") {
  CHECK(ParseVersionOutput("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)\n") == "15.20");
  CHECK(ParseVersionOutput("postgres (PostgreSQL) 18beta1\n") == "18beta1");
  CHECK(ParseVersionOutput("initdb (PostgreSQL) 15.20\n").empty());
  CHECK(ParseToolVersion("pg_restore (PostgreSQL) 17.2 (Debian 17.2-1)\n") == "17.2");
  CHECK(ParseToolVersion("nonsense").empty());
  CHECK(PostgresqlEngine().MajorVersion("15.20") == "15");
  CHECK(PostgresqlEngine().MajorVersion("9.6.24") == "9.6");
  CHECK(PostgresqlEngine().MajorVersion("18beta1") == "18");
  CHECK(PostgresqlEngine().MajorVersion("latest").empty());
  CHECK(MajorNumberOf("9.6") == 9);
}

TEST_CASE("What a user asks for is a major version") {
  for (const char* wanted : {"15", "15.0", "15.4"}) CHECK(PostgresqlEngine().Satisfies("15.20", wanted));
  for (const char* wanted : {"11.0", "1", "150", "", "x", "9.6"})
    CHECK_FALSE(PostgresqlEngine().Satisfies("15.20", wanted));
  CHECK(PostgresqlEngine().Satisfies("11.22", "11.0"));
}

TEST_CASE("Real installations are found once, whatever leads to them") {
  const testing::TemporaryFolder folder;
  const std::string root = testing::Installed().front().root;
  const fs::path at = folder.Path();
  fs::create_directory_symlink(root, at / "link");
  fs::create_directories(at / "npm/package");
  fs::create_directory_symlink(root, at / "npm/package/native");
  fs::create_directories(at / "elsewhere/bin");
  fs::create_symlink(root + "/bin/postgres", at / "elsewhere/bin/postgres");
  for (const std::string& path : {folder.Path(), folder.Path() + "/link", folder.Path() + "/npm", root,
                                  fs::path(root).parent_path().string()}) {
    INFO(path);
    CHECK(TimesFound(PostgresqlEngine().Detect({path, path}, spawnd::testing::RunDirectly), root) == 1);
  }
}

TEST_CASE("What cannot be used says why, and what is no server is left out") {
  const testing::TemporaryFolder folder;
  const fs::path at = folder.Path();
  const auto server = [&](const std::string& name, const std::string& script) {
    WriteProgram(at / name / "bin/postgres", script);
    WriteProgram(at / name / "bin/initdb", "exit 0");
  };
  server("broken", "echo error while loading shared libraries; exit 127");
  server("stranger", "echo 'something (Else) 15.1'");
  server("ancient", "echo 'postgres (PostgreSQL) 9.6.24'");
  server("good", "echo 'postgres (PostgreSQL) 99.1'");
  WriteProgram(at / "half/bin/postgres", "echo 'postgres (PostgreSQL) 98.1'");
  std::vector<std::string> new_ones;
  const auto found = PostgresqlEngine().Detect({folder.Path(), "/nonexistent"}, spawnd::testing::RunDirectly);
  for (const Installation& one : found) {
    if (one.root.find(folder.Path()) != 0) continue;
    new_ones.push_back(one.version + (one.problem.empty() ? "" : ": " + one.problem));
  }
  CHECK(new_ones == std::vector<std::string>{
                        "99.1", "98.1: '" + folder.Path() + "/half/bin/initdb' is missing",
                        "9.6.24: older than PostgreSQL 10", ": error while loading shared libraries"});
  const auto chosen = ChooseInstallation(testing::Postgresql(), found, "98");
  REQUIRE_FALSE(chosen.has_value());
  CHECK(chosen.error().message.find("half/bin/initdb' is missing") != std::string::npos);
  CHECK(ChooseInstallation(testing::Postgresql(), found, "99")->version == "99.1");
}

TEST_CASE("Newest first") {
  const auto found =
      PostgresqlEngine().Detect(PostgresqlEngine().UsualPlaces(), spawnd::testing::RunDirectly);
  REQUIRE_FALSE(found.empty());
  for (size_t i = 1; i < found.size(); ++i)
    CHECK(MajorNumberOf(found[i - 1].version) >= MajorNumberOf(found[i].version));
  for (const Installation& one : found) CHECK(one.engine == "postgresql");
}

TEST_CASE("The tools are real ones, not Debian's wrapper") {
  for (const char* name : {"psql", "pg_restore"}) {
    const auto tool = FindClientTool(name);
    REQUIRE(tool.has_value());
    CHECK(tool->path.find("pg_wrapper") == std::string::npos);
    CHECK(MajorNumberOf(tool->version) >= 10);
  }
  const auto missing = FindClientTool("pg_nosuch");
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().code == ErrorCode::kUnsupported);
  CHECK(missing.error().hint.find("apt install postgresql-client") != std::string::npos);
}

TEST_CASE("A psql without restricted mode is refused, with the versions that have it") {
  CHECK(FindPsql().has_value());
  // As one of before August 2025 answers: it lists its commands, and this is none of them.
  const testing::TemporaryFolder folder;
  const std::string old = folder.Write("psql", "#!/bin/sh\necho '  \\watch [SEC]    execute query'\n");
  REQUIRE(::chmod(old.c_str(), 0755) == 0);
  const auto refused = CheckRestricts({old, "15.13"});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kUnsupported);
  CHECK(refused.error().message.find("psql 15.13") == 0);
  CHECK(refused.error().hint.find("15.14") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
