/// What the SQL Server engine says and understands, as far as that can be known without a server: T-SQL with
/// every quote, launch, answers about backups, batches, versions, last words; and FreeTDS against a port
/// where nobody is.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <set>
#include <sstream>

#include "base/process.h"
#include "engines/mssql/backup_set.h"
#include "engines/mssql/batches.h"
#include "engines/mssql/credentials.h"
#include "engines/mssql/detect.h"
#include "engines/mssql/mssql_engine.h"
#include "engines/mssql/tds_client.h"
#include "engines/mssql/tool_session.h"
#include "engines/mssql/tsql.h"
#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::mssql {
namespace {

using testing::FreePort;
using testing::TemporaryFolder;

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

TEST_CASE("Batches end at GO, wherever that is one") {
  const auto batches = SplitBatches(
      "select 1\nGO\n\nselect 2\n  go 3 -- thrice\nselect 'a\nGO\nb'\ngo;\n"
      "/* x /* y */\nGO\n*/ select [q\nGO\n]\ngo\t\nGOTO_x: select 4");
  REQUIRE(batches.has_value());
  REQUIRE(batches->size() == 5);
  CHECK((*batches)[0].sql == "select 1\n");
  CHECK((*batches)[1].sql == "\nselect 2\n");
  CHECK((*batches)[1].first_line == 3);
  CHECK((*batches)[1].times == 3);
  CHECK((*batches)[2].sql == "select 'a\nGO\nb'\n");
  CHECK((*batches)[2].first_line == 6);
  CHECK((*batches)[3].sql == "/* x /* y */\nGO\n*/ select [q\nGO\n]\n");
  CHECK((*batches)[4].sql == "GOTO_x: select 4\n");
  CHECK(SplitBatches("-- it's a comment\ngo\nselect 'it''s'\ngo\n")->size() == 2);
  CHECK(SplitBatches("\xEF\xBB\xBFselect 1")->front().sql == "select 1\n");
  CHECK(SplitBatches("")->empty());
  CHECK(SplitBatches("go\n\ngo\n")->empty());
  for (const char* bad : {"select 1\ngo x", "select 1\ngo 0", "select 1\ngo 10001", "select 1\ngo -1",
                          "x\n:r /etc/passwd", "x\n!!rm y"}) {
    INFO(bad);
    const auto refused = SplitBatches(bad);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.substr(0, 7) == "line 2:");
  }
}

TEST_CASE("No script loses a line, whatever it holds") {
  const std::vector<std::string> pieces{"GO", "go 2", "\n", "\n", "\n", "'", "\"", "[",
                                        "]",  "--",   "/*", "*/", " ",  "x", "\t"};
  std::mt19937 random(20261125);
  for (int round = 0; round < 3000; ++round) {
    std::string script;
    for (auto left = random() % 40; left > 0; --left) script += pieces[random() % pieces.size()];
    INFO(script);
    std::vector<std::string> lines;
    std::istringstream text(script);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    const auto batches = SplitBatches(script);
    if (!batches) continue;  // a GO with something behind it
    size_t next = 1;
    for (const Batch& batch : *batches) {
      std::istringstream sql(batch.sql);
      size_t number = batch.first_line;
      REQUIRE(number >= next);
      // Between batches there is nothing but GO and blanks, and comments behind a GO.
      for (; next < number; ++next) {
        const std::string before = lines[next - 1].substr(0, lines[next - 1].find("--"));
        CHECK(before.find_first_not_of(" \tGOgo2") == std::string::npos);
      }
      for (std::string line; std::getline(sql, line); ++number) CHECK(line == lines.at(number - 1));
      next = number;
    }
  }
}

TEST_CASE("SQL Server's versions are years and numbers") {
  CHECK(ParseVersionOutput("Microsoft (R) SQL Server (R) version 16.0.4135.4\nCopyright 2022\n") ==
        "16.0.4135.4");
  CHECK(ParseVersionOutput("sqlservr 15.0.2000") == "15.0.2000");
  CHECK(ParseVersionOutput("Microsoft SQL Server 2019 (RTM) - 15.0.2000.5 (X64)") == "15.0.2000.5");
  CHECK(ParseVersionOutput("Redis server v=7.0.15").empty());
  CHECK(ParseVersionOutput("SQL Server 2022").empty());
  for (const char* wanted : {"2022", "16", "16.0", "16.0.1", "2022.0"})
    CHECK(MssqlEngine().Satisfies("16.0.4135.4", wanted));
  for (const char* wanted : {"2019", "15", "", "1", "20"})
    CHECK_FALSE(MssqlEngine().Satisfies("16.0.4135.4", wanted));
  CHECK(MssqlEngine().MajorVersion("16.0.4135.4") == "16");
  CHECK(MssqlEngine().DisplayName() == "MSSQL");
  for (const char* name : {"mssql", "SqlServer", "sql-server"}) CHECK((*FindEngine(name))->Name() == "mssql");
}

TEST_CASE("A folder that looks like SQL Server and does not run says why") {
  const TemporaryFolder folder;
  REQUIRE(::mkdir((folder.Path() + "/bin").c_str(), 0755) == 0);
  const std::string server =
      folder.Write("bin/sqlservr", "#!/bin/sh\necho 'libsss.so: cannot open shared object' >&2\nexit 127\n");
  const auto problem_of = [&] {
    for (const Installation& one : MssqlEngine().Detect({folder.Path()})) {
      if (one.root == folder.Path()) return one.version + "|" + one.problem;
    }
    return std::string("not found");
  };
  CHECK(problem_of().find("is not executable") != std::string::npos);
  REQUIRE(::chmod(server.c_str(), 0755) == 0);
  CHECK(problem_of() == "|libsss.so: cannot open shared object");
  folder.Write("bin/sqlservr",
               "#!/bin/sh\n[ \"$1\" = -v ] && echo 'Microsoft (R) SQL Server (R) version 13.0.1.2'\n");
  REQUIRE(::chmod(server.c_str(), 0755) == 0);
  CHECK(problem_of() == "13.0.1.2|it is older than SQL Server 2017");
  folder.Write("bin/sqlservr",
               "#!/bin/sh\n[ \"$1\" = -v ] && echo 'Microsoft (R) SQL Server (R) version 16.0.1.2'\n");
  REQUIRE(::chmod(server.c_str(), 0755) == 0);
  CHECK(problem_of() == "16.0.1.2|");
}

Launch Example() {
  Launch launch;
  launch.paths = {"/e", "/v/data", "/s", "/t/crt", "/t/key", "/settings"};
  launch.endpoint = {"127.0.0.1", 20001};
  launch.credentials = {"sa", "Secret1234567890", "master"};
  return launch;
}

bool Has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

TEST_CASE("SQL Server gets its places, its port and sa's password from its environment") {
  Launch launch = Example();
  const Command setup = MssqlEngine().InitialiseCommand(launch);
  CHECK(setup.argv == std::vector<std::string>{"/opt/mssql/bin/sqlservr", "--accept-eula", "--setup",
                                               "--reset-sa-password"});
  const Command serve = MssqlEngine().StartCommand(launch);
  CHECK(serve.argv ==
        std::vector<std::string>{"/opt/mssql/bin/sqlservr", "--accept-eula", "--reset-sa-password"});
  for (const Command& command : {setup, serve}) {
    for (const char* setting :
         {"ACCEPT_EULA=Y", "MSSQL_SA_PASSWORD=Secret1234567890", "MSSQL_TCP_PORT=20001",
          "MSSQL_IP_ADDRESS=127.0.0.1", "MSSQL_MEMORY_LIMIT_MB=2048", "MSSQL_DATA_DIR=/var/opt/mssql/data",
          "MSSQL_BACKUP_DIR=/var/opt/mssql/backup", "HOME=/var/opt/mssql"}) {
      INFO(setting);
      CHECK(Has(command.env, setting));
    }
    for (const std::string& word : command.argv) CHECK(word.find("Secret") == std::string::npos);
  }
  const std::vector<Bind> places = MssqlEngine().Binds(launch);
  REQUIRE(places.size() == 2);
  CHECK((places[0].from == "/e" && places[0].to == "/opt/mssql"));
  CHECK((places[1].from == "/v/data" && places[1].to == "/var/opt/mssql"));
}

TEST_CASE("What a build placed is gone when its server has stopped") {
  Launch launch = Example();
  launch.purpose = Purpose::kBuild;
  Command build = MssqlEngine().StartCommand(launch);
  REQUIRE(build.argv[0] == "/bin/sh");
  CHECK(build.argv[4] == "/var/opt/mssql/spawnd-restore");
  // The same script around a program that is here: it gets the signal, and its exit code comes back.
  const TemporaryFolder folder;
  REQUIRE(::mkdir((folder.Path() + "/placed").c_str(), 0755) == 0);
  folder.Write("placed/x.bak", "TAPE");
  SpawnOptions options;
  options.argv = {
      build.argv[0],
      build.argv[1],
      build.argv[2],
      build.argv[3],
      folder.Path() + "/placed",
      "/bin/sh",
      "-c",
      "trap 'sleep 0.1; exit 7' TERM; echo up >" + folder.Path() + "/up; while :; do sleep 0.01; done"};
  const auto pid = Spawn(options);
  REQUIRE(pid.has_value());
  for (int i = 0; i < 500 && ::access((folder.Path() + "/up").c_str(), F_OK) != 0; ++i) ::usleep(10'000);
  CHECK(::access((folder.Path() + "/placed/x.bak").c_str(), F_OK) == 0);
  ::kill(*pid, SIGTERM);
  CHECK(WaitForExit(*pid) == 7);
  CHECK(::access((folder.Path() + "/placed").c_str(), F_OK) != 0);
}

TEST_CASE("SQL Server's addresses are its clients' own forms") {
  const ConnectionStrings strings = MssqlEngine().Connect({"127.0.0.1", 20001}, {"sa", "W", "master"}, "");
  CHECK(strings.dotnet == "Data Source=127.0.0.1,20001;Initial Catalog=master;User ID=sa;Password=W");
  CHECK(strings.jdbc ==
        "jdbc:sqlserver://127.0.0.1:20001;databaseName=master;user=sa;password=W;encrypt=true;"
        "trustServerCertificate=true");
  CHECK(strings.url == "sqlserver://sa:W@127.0.0.1:20001?database=master");
  const ConnectionStrings odd = MssqlEngine().Connect({"h", 1}, {"sa", "W", "a;b}c"}, "a;b}c");
  CHECK(
      MssqlEngine().Connect({"h", 1}, {"sa", "W", "Restored"}, "").dotnet.find(";Initial Catalog=master;") !=
      std::string::npos);
  CHECK(odd.dotnet == "Data Source=h,1;Initial Catalog=\"a;b}c\";User ID=sa;Password=W");
  CHECK(odd.jdbc.find(";databaseName={a;b}}c};") != std::string::npos);
  CHECK(odd.url == "sqlserver://sa:W@h:1?database=a%3Bb%7Dc");
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string password = StrongPassword();
    CHECK(password.size() == 16);
    CHECK(
        std::any_of(password.begin(), password.end(), [](unsigned char c) { return std::isdigit(c) != 0; }));
    CHECK(
        std::any_of(password.begin(), password.end(), [](unsigned char c) { return std::isupper(c) != 0; }));
    seen.insert(password);
  }
  CHECK(seen.size() == 200);
  CHECK(MssqlEngine().MakeCredentials("").database == "master");
  CHECK(MssqlEngine().MakeCredentials("Shop").user == "sa");
}

TEST_CASE("SQL Server's last words are explained") {
  const Endpoint at{"127.0.0.1", 20001};
  CHECK(MssqlEngine()
            .ExplainExit(
                "x\n2024 Server  Error: 26023\nServer TCP provider failed to listen on [ 127.0.0.1 <ipv4> "
                "20001]. Tcp port is already in use.\n",
                at)
            .code == ErrorCode::kInUse);
  const Error memory = MssqlEngine().ExplainExit(
      "sqlservr: This program requires a machine with at least 2000 megabytes of memory.\n", at);
  CHECK(memory.code == ErrorCode::kUnsupported);
  CHECK_FALSE(memory.hint.empty());
  CHECK(MssqlEngine()
            .ExplainExit(
                "ERROR: Setup FAILED copying system data file 'C:\\templatedata\\master.mdf': 5(Access is "
                "denied.)\n",
                at)
            .code == ErrorCode::kIo);
  CHECK(MssqlEngine().ExplainExit("", at).message == "the server ended without a word");
  CHECK(MssqlEngine().ExplainExit("a\nlast\n\n", at).message == "the server ended: last");
}

TEST_CASE("Where nobody listens, SQL Server is not there yet") {
  Launch launch = Example();
  launch.endpoint.port = FreePort();
  const auto session = MssqlEngine().Probe(launch);
  REQUIRE_FALSE(session.has_value());
  CHECK(session.error().code == ErrorCode::kUnavailable);
  CHECK(CodeForMessage(18456) == ErrorCode::kUnavailable);
  CHECK(CodeForMessage(3169) == ErrorCode::kUnsupported);
  CHECK(CodeForMessage(1) == ErrorCode::kInternal);
}

Result<RestorePlan> PlanFor(const std::string& path, bool is_script = false) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  RestoreRequest request;
  request.backup_name = "shop.bak";
  request.backup_fd = fd.Get();
  request.is_script = is_script;
  request.database = "Shop";
  request.paths = Example().paths;
  request.endpoint = {"127.0.0.1", 20001};
  request.credentials = {"sa", "W", "master"};
  return MssqlEngine().PlanRestore({}, request);
}

TEST_CASE("A native backup is placed and restored, a script is run") {
  const TemporaryFolder folder;
  const auto native = PlanFor(folder.Write("a", std::string("TAPE\0\0", 6)));
  REQUIRE(native.has_value());
  REQUIRE(native->placements.size() == 1);
  REQUIRE(native->steps.size() == 1);
  const auto& sink = native->placements[0].sink.command.argv;
  CHECK(sink[4] == "/v/data/spawnd-restore");
  const auto& restore = native->steps[0].command;
  CHECK(restore.argv[1] == "restore");
  CHECK(restore.argv[4] == "/var/opt/mssql/spawnd-restore/" + sink[5]);
  CHECK(restore.argv[5] == "Shop");
  CHECK_FALSE(native->steps[0].input_is_backup);
  const auto script = PlanFor(folder.Write("b", "select 1\ngo\n"));
  REQUIRE(script.has_value());
  CHECK(script->placements.empty());
  CHECK(script->steps[0].command.argv[1] == "script");
  CHECK(script->steps[0].command.argv.back() == "Shop");
  CHECK(Has(script->steps[0].command.env, std::string(kPasswordVariable) + "=W"));
  CHECK(PlanFor(folder.Write("c", "\xFF\xFEs\0"), true).error().hint == "Save it as UTF-8.");
  CHECK(PlanFor(folder.Write("d", std::string("\x01\0", 2))).error().message ==
        "'shop.bak' is no backup of SQL Server");
  CHECK_FALSE(PlanFor(folder.Write("e", std::string("TAPE\0", 5)), true).has_value());
}

TEST_CASE("spawnd-tsql says what went wrong in a way that is understood") {
  ToolSession session("shop.sql", false);
  CHECK(session.OnToolMessage("note 10 percent processed.").has_value());
  CHECK(session.OnToolMessage("error invalid_argument line 3: Invalid object name 'x'.").has_value());
  CHECK(session.OnToolMessage("hint Mend it.").has_value());
  const auto ended = session.OnToolExit(1);
  REQUIRE_FALSE(ended.has_value());
  CHECK(ended.error().code == ErrorCode::kInvalidArgument);
  CHECK(ended.error().message == "shop.sql: line 3: Invalid object name 'x'.");
  CHECK(ended.error().hint == "Mend it.");
  CHECK(ToolSession("x", false).OnToolExit(0).has_value());
  CHECK_FALSE(ToolSession("x", false).OnToolExit(9).has_value());

  const auto tool = FindTool(std::string(SPAWND_BUILD_ROOT) + "/daemon/spawnd");
  REQUIRE(tool.has_value());
  SpawnOptions options;
  options.argv = {*tool, "script", "127.0.0.1", std::to_string(FreePort()), "master"};
  options.env = {std::string(kPasswordVariable) + "=W"};
  const auto said = RunAndCapture(options, std::chrono::seconds(60));
  REQUIRE(said.has_value());
  CHECK(said->exit_code == 1);
  CHECK(said->output.substr(0, 18) == "error unavailable ");
  CHECK_FALSE(FindTool("/nonexistent/spawnd").has_value());
}

}  // namespace
}  // namespace spawnd::engines::mssql
