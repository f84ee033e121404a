#include "engines/mssql/backup_set.h"

#include "tests/support/catch.h"

namespace spawnd::engines::mssql {
namespace {

TEST_CASE("A native backup is recognised by its first block") {
  CHECK(IsNativeBackup("TAPE\x00\x00\x03"));
  CHECK(IsNativeBackup("MSSQLBAK\x02"));
  for (const char* other : {"", "TAP", "tape", "REDIS0010", "PGDMP", "CREATE TABLE TAPE (x int)"}) {
    CHECK_FALSE(IsNativeBackup(other));
  }
}

Table FileList() {
  // As a server of 2022 answers, columns that do not count left out here and there.
  return {{"LogicalName", "PhysicalName", "Type", "FileGroupName", "Size", "SnapshotUrl"},
          {{"Shop", R"(C:\Data\shop.mdf)", "D", "PRIMARY", "8388608", std::nullopt},
           {"Shop_log", R"(C:\Data\shop_log.ldf)", "L", std::nullopt, "8388608", std::nullopt}}};
}

TEST_CASE("The list of files is read by the names of its columns") {
  const auto files = ReadFileList(FileList());
  REQUIRE(files.has_value());
  REQUIRE(files->size() == 2);
  CHECK((*files)[0].logical_name == "Shop");
  CHECK((*files)[0].physical_name == R"(C:\Data\shop.mdf)");
  CHECK((*files)[0].type == 'D');
  CHECK((*files)[1].type == 'L');
  Table turned = FileList();
  for (auto& row : turned.rows) std::swap(row[0], row[2]);
  std::swap(turned.columns[0], turned.columns[2]);
  turned.columns[0] = "TYPE";
  CHECK((*ReadFileList(turned))[1].logical_name == "Shop_log");
  Table short_row = FileList();
  short_row.rows[1].resize(1);
  CHECK((*ReadFileList(short_row))[1].type == 'D');
  Table nameless = FileList();
  nameless.rows[0][0] = std::nullopt;
  Table without = FileList();
  without.columns[1] = "Where";
  Table empty = FileList();
  empty.rows.clear();
  for (const Table& bad : {nameless, without, empty, Table{}}) {
    CHECK(ReadFileList(bad).error().code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("Only a full backup of a user's database is restored") {
  const auto header = [](const std::string& type, const std::string& database) {
    return ReadHeader(
        {{"BackupName", "BackupType", "Position", "DatabaseName"}, {{std::nullopt, type, "1", database}}});
  };
  CHECK(*header("1", "Shop") == "Shop");
  for (const char* type : {"2", "4", "5", ""})
    CHECK(header(type, "Shop").error().code == ErrorCode::kInvalidArgument);
  for (const char* own : {"master", "MSDB"}) CHECK(header("1", own).error().code == ErrorCode::kUnsupported);
  CHECK_FALSE(ReadHeader({{"BackupType", "DatabaseName"}, {}}).has_value());
}

}  // namespace
}  // namespace spawnd::engines::mssql
