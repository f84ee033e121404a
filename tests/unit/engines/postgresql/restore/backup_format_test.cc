#include "engines/postgresql/restore/backup_format.h"

#include "tests/support/catch.h"
#include "tests/unit/engines/postgresql/sample_dumps.h"

namespace spawnd::engines::postgresql {
namespace {

std::string TarWith(const std::string& member) {
  std::string tar(1024, '\0');
  tar.replace(0, member.size(), member);
  tar.replace(257, 5, "ustar");
  return tar;
}

ErrorCode CodeOf(std::string_view head) {
  const auto format = RecogniseBackup(head, "x");
  REQUIRE_FALSE(format.has_value());
  return format.error().code;
}

TEST_CASE("Real backups are recognised") {
  CHECK(*RecogniseBackup(testing::SampleDumps().at("plain"), "x") == BackupFormat::kPlainSql);
  CHECK(*RecogniseBackup(testing::SampleDumps().at("all"), "x") == BackupFormat::kPlainSql);
  CHECK(*RecogniseBackup(testing::SampleDumps().at("custom"), "x") == BackupFormat::kCustom);
  CHECK(*RecogniseBackup(testing::SampleDumps().at("tar"), "x") == BackupFormat::kTar);
  CHECK(*RecogniseBackup("\xef\xbb\xbfselect 1;", "x") == BackupFormat::kPlainSql);
  CHECK(*RecogniseBackup("select 'gr\xfc\xdf'; -- latin 1", "x") == BackupFormat::kPlainSql);
}

TEST_CASE("The contents of a directory, and a directory in a tar file, are told apart from foreign files") {
  const std::string toc = testing::SampleDumps().at("tar").substr(512, 4096);
  CHECK(*RecogniseBackup(toc, "x") == BackupFormat::kDirectory);
  CHECK(CodeOf(TarWith("dump/toc.dat")) == ErrorCode::kUnsupported);
  CHECK(CodeOf(TarWith("dump/3012.dat.gz")) == ErrorCode::kUnsupported);
  CHECK(IsTarOfBackup(TarWith("3012.dat.zst")));
  CHECK_FALSE(IsTarOfBackup(TarWith("shop.sql")));
  CHECK_FALSE(IsTarOfBackup(TarWith("2024.database.sql")));
  CHECK(CodeOf(TarWith("holiday.jpg")) == ErrorCode::kInvalidArgument);
}

TEST_CASE("Foreign files are named") {
  const auto why = [](std::string_view head) { return RecogniseBackup(head, "my.bak").error().message; };
  CHECK(why("\n/*!40101 SET NAMES utf8 */;") == "'my.bak' is not a PostgreSQL backup: it is a MySQL dump");
  CHECK(why("<!DOCTYPE html>").find("web page") != std::string::npos);
  CHECK(why(std::string_view("select\0 1", 9)).find("neither SQL") != std::string::npos);
  CHECK(why("") == "backup 'my.bak' is empty");
}

}  // namespace
}  // namespace spawnd::engines::postgresql
