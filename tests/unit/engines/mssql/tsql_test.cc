#include "engines/mssql/tsql.h"

#include "tests/support/catch.h"

namespace spawnd::engines::mssql {
namespace {

TEST_CASE("Names and texts of T-SQL end where they should") {
  CHECK(Identifier("shop") == "[shop]");
  CHECK(Identifier("a]b]]c[d") == "[a]]b]]]]c[d]");
  CHECK(Identifier("it's \"x\"") == "[it's \"x\"]");
  CHECK(Literal("shop") == "N'shop'");
  CHECK(Literal("o'hara''s") == "N'o''hara''''s'");
  CHECK(Literal("]x[; DROP DATABASE y --") == "N']x[; DROP DATABASE y --'");
  CHECK(CreateDatabaseStatement("a'b]c") == "IF DB_ID(N'a''b]c') IS NULL CREATE DATABASE [a'b]]c]");
  CHECK(SetPasswordStatement("sa", "p'w") ==
        "ALTER LOGIN [sa] WITH PASSWORD = N'p''w', CHECK_POLICY = OFF, CHECK_EXPIRATION = OFF; ALTER LOGIN "
        "[sa] ENABLE");
  CHECK(OwnerLoginStatements("o'x", "p").front() ==
        "IF SUSER_ID(N'o''x') IS NULL CREATE LOGIN [o'x] WITH PASSWORD = N'p', CHECK_POLICY = OFF, "
        "CHECK_EXPIRATION = OFF");
  CHECK(
      GiveDatabaseStatement("a]b", "spawn_owner") ==
      "ALTER AUTHORIZATION ON DATABASE::[a]]b] TO [spawn_owner]; ALTER DATABASE [a]]b] SET TRUSTWORTHY OFF, "
      "DB_CHAINING OFF");
  CHECK(FileListQuery("/x/o'b.bak") == "RESTORE FILELISTONLY FROM DISK = N'/x/o''b.bak'");
  CHECK(HeaderQuery("/x/b.bak") == "RESTORE HEADERONLY FROM DISK = N'/x/b.bak'");
}

TEST_CASE("What no database of SQL Server can be called") {
  std::string longest;
  for (int i = 0; i < 128; ++i) longest += "ü";
  CHECK(CheckDatabaseName(longest).has_value());
  CHECK(CheckDatabaseName("a]b'c").has_value());
  for (const std::string& name :
       {std::string(), longest + "x", std::string("a\nb"), std::string("a\0b", 3)}) {
    CHECK(CheckDatabaseName(name).error().code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("Every file of a backup is moved to a place of ours") {
  const std::vector<BackupFile> files{{"Shop'Data", R"(C:\Data\shop.mdf)", 'D'},
                                      {"more", R"(D:\Data\shop.mdf)", 'D'},
                                      {"Shop log", R"(C:\Data\shop.ldf)", 'L'},
                                      {"streams", R"(C:\Data\fs)", 'S'}};
  CHECK(*RestoreStatement("/b/x.bak", "My]Shop", files, "/var/opt/mssql/data") ==
        "RESTORE DATABASE [My]]Shop] FROM DISK = N'/b/x.bak' WITH "
        "MOVE N'Shop''Data' TO N'/var/opt/mssql/data/MyShop-1.mdf', "
        "MOVE N'more' TO N'/var/opt/mssql/data/MyShop-2.ndf', "
        "MOVE N'Shop log' TO N'/var/opt/mssql/data/MyShop-3.ldf', "
        "MOVE N'streams' TO N'/var/opt/mssql/data/MyShop-4', "
        "REPLACE, RECOVERY, STATS = 10");
  CHECK_FALSE(RestoreStatement("/b", "x", {{"log", "l", 'L'}}, "/d").has_value());
  CHECK_FALSE(RestoreStatement("/b", "x", {}, "/d").has_value());
  CHECK_FALSE(RestoreStatement("/b", "", files, "/d").has_value());
  CHECK(FileNameFor("../../etc/x y") == "etcxy");
  CHECK(FileNameFor("магазин") == "database");
  CHECK(FileNameFor(std::string(500, 'a')).size() <= 60);
}

}  // namespace
}  // namespace spawnd::engines::mssql
