/// The YAML of docs/contract.md: every spelling, and every mistake with its line.
#include "client/yaml/image.h"

#include "yaml/tree.h"
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"

using namespace spawnd::client;
namespace api = spawnd::api;
using Catch::Matchers::Contains;
using spawnd::ErrorCode;
using Texts = std::vector<std::string>;

namespace {

Texts PathsOf(const std::vector<NamedFile>& files) {
  Texts paths;
  for (const NamedFile& file : files) paths.push_back(CanonicalPath(file.path));
  return paths;
}

/// A folder "yaml" with backups/x.sql and sql/, and another "cwd" with only-here.sql.
class Folders {
  const spawnd::ScratchDirectory folder_;  // in front of `root`, which is made of it

 public:
  Folders() {
    for (const char* folder : {"/yaml", "/yaml/backups", "/yaml/sql", "/cwd"}) {
      REQUIRE(::mkdir((root + folder).c_str(), 0755) == 0);
    }
    for (const char* file : {"/yaml/backups/x.sql", "/yaml/y z.dump", "/cwd/only-here.sql", "/cwd/backups"}) {
      std::ofstream(root + file) << "select 1;\n";
    }
  }
  ImageYaml Yaml(const std::string& text) const { return {"x.yaml", text, root + "/yaml", root + "/cwd"}; }
  api::CreateDataImageRequest Parsed(const std::string& text, const ImageOverrides& overrides = {}) const {
    return Described(text, overrides).request;
  }
  ImageDescription Described(const std::string& text, const ImageOverrides& overrides = {}) const {
    auto image = ParseImageYaml(Yaml(text), overrides);
    if (!image) FAIL(image.error().message);
    return std::move(*image);
  }
  Texts Backups(const std::string& text) const { return PathsOf(Described(text).backups); }
  spawnd::Error Refused(const std::string& text, const ImageOverrides& overrides = {}) const {
    const auto request = ParseImageYaml(Yaml(text), overrides);
    INFO(text);
    REQUIRE_FALSE(request);
    CHECK(request.error().message.find('\n') == std::string::npos);
    return request.error();
  }

  const std::string root = folder_.Path();
};

const std::string kHead = "name: demo\nengine: some\n";      // lines 1 and 2
const std::string kBackup = kHead + "sourceType: backup\n";  // line 3
const std::string kEmpty = kHead + "sourceType: empty\n";

}  // namespace

TEST_CASE("the example of the contract") {
  const Folders folders;
  const ImageDescription image = folders.Described(R"(name: WidgetStore
sourceType: Backup
engine: Postgres
version: 11.0
tags: [latest-production, 0.2]
teams: [myorg:developers, myorg:dbas]
lifetime: 48h
durability: everysec
superuser: False
initialDatabaseName: Customers
backups:
  - folder: ./backups/
    file: x.sql
preScript: |
  select 1;
  	select 'tab';
postScript: |
  update people set name = 'x';
)");
  const api::CreateDataImageRequest& request = image.request;
  CHECK(request.name == "WidgetStore");
  CHECK(request.source_type == api::SourceType::kBackup);
  CHECK(request.engine == "Postgres");
  CHECK(request.version == "11.0");
  CHECK(request.tags == Texts{"latest-production", "0.2"});
  CHECK(request.teams == Texts{"myorg:developers", "myorg:dbas"});
  CHECK(request.lifetime_seconds == 48 * 3600);
  CHECK(request.durability == api::Durability::kEverySecond);
  CHECK(request.superuser == false);
  CHECK(request.initial_database_name == "Customers");
  CHECK(PathsOf(image.backups) == Texts{folders.root + "/yaml/backups/x.sql"});
  CHECK(image.backups[0].name == "x.sql");
  CHECK(request.pre_script == "select 1;\n\tselect 'tab';\n");
  CHECK(request.post_script == "update people set name = 'x';\n");
}

TEST_CASE("every spelling of a backup") {
  const Folders folders;
  const Texts file = {folders.root + "/yaml/backups/x.sql"};
  for (const std::string& text :
       {std::string("backup: {folder: ./backups, file: x.sql, format: plain}\n"),
        std::string("backup:\n  folder: backups/  \n  file: \"x.sql  \"  \n"),
        std::string("backup: {path: backups/x.sql}\n"), std::string("backup: {file: backups/x.sql}\n"),
        std::string("backup: backups/x.sql\n"), std::string("backups:\n- path: backups/x.sql\n"),
        std::string("backups: [{folder: backups, file: x.sql}]\n"), std::string("backups: [backups/x.sql]\n"),
        std::string("backupFolder: ./backups/\nbackupFile: x.sql\n"),
        std::string("backupFile: x.sql\nbackupFolder: backups\n"),
        std::string("backupFile: ../yaml/backups/./x.sql\n"), "backupFile: " + file[0] + "\n",
        "backupFolder: " + folders.root + "/yaml/backups\nbackupFile: x.sql\n"}) {
    INFO(text);
    CHECK(folders.Backups(kBackup + text) == file);
  }
  CHECK(folders.Backups(kBackup + "backupFolder: backups\n") == Texts{folders.root + "/yaml/backups"});
  CHECK(folders.Backups(kBackup + "backups: [{path: backups/x.sql}, {path: y z.dump}]\n") ==
        Texts{file[0], folders.root + "/yaml/y z.dump"});
}

TEST_CASE("relative paths: the file's folder first, then the current directory") {
  const Folders folders;
  CHECK(folders.Backups(kBackup + "backup: only-here.sql\n") == Texts{folders.root + "/cwd/only-here.sql"});
  CHECK(folders.Backups(kBackup + "backup: backups\n") == Texts{folders.root + "/yaml/backups"});
  const auto missing = folders.Refused(kBackup + "backups:\n  - path: absent.sql\n");
  CHECK(missing.code == ErrorCode::kNotFound);
  CHECK(missing.message == "x.yaml, line 5: cannot open backup 'absent.sql': No such file or directory");
  CHECK(missing.hint == "Looked in " + folders.root + "/yaml and " + folders.root + "/cwd.");
  CHECK(folders.Refused(kBackup + "backup: /absent/x.sql\n").hint.empty());
  CHECK(folders.Refused(kBackup + "backup: " + std::string(5000, 'x') + "\n").code ==
        ErrorCode::kInvalidArgument);
}

TEST_CASE("scripts") {
  const Folders folders;
  const auto image = folders.Described(kHead + "sourceType: scripts\nscriptsFolders: [sql/, ./backups]\n");
  CHECK(image.request.source_type == api::SourceType::kScripts);
  CHECK(image.scripts_folders[0].name == "sql");
  CHECK(PathsOf(image.scripts_folders) == Texts{folders.root + "/yaml/sql", folders.root + "/yaml/backups"});
}

TEST_CASE("words in any case, text kept literally, nulls are absent") {
  const Folders folders;
  CHECK(folders.Parsed(kHead + "sourceType: EMPTY\n").source_type == api::SourceType::kEmpty);
  CHECK(folders.Parsed(kEmpty + "tls: True\n").tls);
  CHECK_FALSE(folders.Parsed(kEmpty + "tls: false\n").tls);
  CHECK(folders.Parsed(kEmpty + "durability: Always\n").durability == api::Durability::kAlways);
  CHECK(folders.Parsed(kEmpty + "network: Host\n").network == api::Network::kHost);
  CHECK(folders.Parsed(kEmpty + "network: none\n").network == api::Network::kNone);
  CHECK_FALSE(folders.Parsed(kEmpty).network);
  CHECK_FALSE(folders.Parsed(kEmpty).superuser.has_value());
  CHECK(folders.Parsed(kEmpty + "superuser: TRUE\n").superuser == true);
  CHECK(folders.Parsed(kEmpty + "version: 12.0  \n").version == "12.0");
  CHECK(folders.Parsed(kEmpty + "version: '15'\n").version == "15");
  CHECK(folders.Parsed(kEmpty + "version: 0x10\n").version == "0x10");
  CHECK(folders.Parsed(kEmpty + "tags: [1.10, 007, true, a, a]\n").tags == Texts{"1.10", "007", "true", "a"});
  CHECK(folders.Parsed(kEmpty + "tags: []\nversion:\nbackups: ~\n").version.empty());
  CHECK(folders.Parsed(kEmpty + "lifetime: 0\n").lifetime_seconds == 0);
  CHECK(folders.Parsed("\xef\xbb\xbfname: demo\r\nengine: some\r\nsourceType: empty\r\n").name == "demo");
  CHECK(folders.Parsed("---\n{name: demo, engine: some, sourceType: empty}\n").name == "demo");
}

TEST_CASE("the command line adds and replaces") {
  const Folders folders;
  const auto request = folders.Parsed(kEmpty + "tags: [a]\nteams: [o:x]\nlifetime: 1h\n",
                                      {"other", "2h", {"b", "a"}, {"o:y"}});
  CHECK(request.name == "other");
  CHECK(request.lifetime_seconds == 7200);
  CHECK(request.tags == Texts{"a", "b"});
  CHECK(request.teams == Texts{"o:x", "o:y"});
  CHECK(folders.Parsed("engine: some\nsourceType: empty\n", {"given", "", {}, {}}).name == "given");
  CHECK_FALSE(ParseImageYaml(folders.Yaml(kEmpty), {"no good", "", {}, {}}));
  CHECK_FALSE(ParseImageYaml(folders.Yaml(kEmpty), {"", "soon", {}, {}}));
  CHECK_FALSE(ParseImageYaml(folders.Yaml(kEmpty), {"", "", {"no good"}, {}}));
}

TEST_CASE("line ends inside a key do not make a message two lines") {
  const Folders folders;
  CHECK_THAT(folders.Refused(kHead + "\"so\\nme\": x\n").message, Contains("unknown key 'so me'"));
}

TEST_CASE("every mistake is one line that names the place") {
  const Folders folders;
  const std::pair<std::string, std::string> cases[] = {
      {"", "x.yaml is empty"},
      {"# nothing\n", "x.yaml is empty"},
      {"- a\n", "x.yaml, line 1: expected keys such as 'name: demo', found a list"},
      {"just text\n", "x.yaml, line 1: expected keys such as 'name: demo', found text"},
      {kHead + "soruceType: empty\n", "x.yaml, line 3: unknown key 'soruceType', did you mean 'sourceType'?"},
      {kEmpty + "Version: 1\n", "x.yaml, line 4: unknown key 'Version', did you mean 'version'?"},
      {kEmpty + "zzzzzz: 1\n", "x.yaml, line 4: unknown key 'zzzzzz'"},
      {kEmpty + "databaseName: a\n",
       "x.yaml, line 4: unknown key 'databaseName', did you mean 'initialDatabaseName'?"},
      {kEmpty + "DBName: a\n", "x.yaml, line 4: unknown key 'DBName', did you mean 'initialDatabaseName'?"},
      {kEmpty + "engineVersion: 1\n", "x.yaml, line 4: unknown key 'engineVersion', did you mean 'version'?"},
      {kEmpty + "sourcetype: empty\n",
       "x.yaml, line 4: unknown key 'sourcetype', did you mean 'sourceType'?"},
      {kEmpty + "type: empty\n", "x.yaml, line 4: unknown key 'type', did you mean 'sourceType'?"},
      {kEmpty + "scripts: [a]\n", "x.yaml, line 4: unknown key 'scripts', did you mean 'scriptsFolders'?"},
      {kEmpty + "ttl: 1h\n", "x.yaml, line 4: unknown key 'ttl', did you mean 'lifetime'?"},
      {kBackup + "backup:\n  fileName: a\n", "x.yaml, line 5: unknown key 'fileName', did you mean 'file'?"},
      {kEmpty + "name: again\n", "x.yaml, line 4: key 'name' is given again, first on line 1"},
      {kEmpty + "? [a]\n: b\n", "x.yaml, line 4: expected a key, found a list"},
      {kBackup + "backup:\n  fodler: a\n", "x.yaml, line 5: unknown key 'fodler', did you mean 'folder'?"},
      {kBackup + "backup:\n  file: a\n  file: b\n",
       "x.yaml, line 6: key 'file' is given again, first on line 5"},
      {kEmpty + "tags: latest\n", "x.yaml, line 4: 'tags' must be a list, found text"},
      {kEmpty + "tags:\n  a: b\n", "x.yaml, line 5: 'tags' must be a list, found a map"},
      {kEmpty + "tags: [[a]]\n", "x.yaml, line 4: 'tags' must be a list of texts, found a list in it"},
      {kEmpty + "tags: ['a b']\n", "x.yaml, line 4: tag 'a b' has a character that is not allowed"},
      {kEmpty + "teams: ['']\n", "x.yaml, line 4: a team's name is empty"},
      {kEmpty + "version: [15]\n", "x.yaml, line 4: 'version' must be text, found a list"},
      {kEmpty + "lifetime: soon\n", "x.yaml, line 4: lifetime 'soon' is not a duration"},
      {kEmpty + "tls: maybe\n", "x.yaml, line 4: 'tls' must be true or false, found 'maybe'"},
      {kEmpty + "network: bridge\n", "x.yaml, line 4: unknown network 'bridge'"},
      {kEmpty + "superuser: no\n", "x.yaml, line 4: 'superuser' must be true or false, found 'no'"},
      {kEmpty + "durability: never\n", "x.yaml, line 4: unknown durability 'never'"},
      {"name: 123\n", "x.yaml, line 1: data image name '123' is all digits, like an id"},
      {"name: a b\n", "x.yaml, line 1: data image name 'a b' has a character that is not allowed"},
      {kHead + "sourceType: magic\n", "x.yaml, line 3: unknown sourceType 'magic'"},
      {kHead, "x.yaml: 'sourceType' is missing"},
      {"name: demo\nsourceType: empty\n", "x.yaml: 'engine' is missing"},
      {"engine: some\nsourceType: empty\n", "x.yaml: 'name' is missing"},
      {kBackup, "x.yaml: sourceType is backup, but no backup is given"},
      {kBackup + "backups: []\n", "x.yaml: sourceType is backup, but no backup is given"},
      {kBackup + "backups: {path: backups/x.sql}\n", "x.yaml, line 4: 'backups' must be a list, found a map"},
      {kBackup + "backup: [backups/x.sql]\n", "x.yaml, line 4: 'backup' must be a map, found a list"},
      {kBackup + "backup: {path: a, file: b}\n",
       "x.yaml, line 4: 'backup' has 'path' besides 'folder' and 'file'"},
      {kBackup + "backup: {format: plain}\n", "x.yaml, line 4: the backup's path is empty"},
      {kBackup + "backups: [~]\n", "x.yaml, line 4: an entry of 'backups' must be a map, found nothing"},
      {kBackup + "backup: backups/x.sql\nbackupFile: backups/x.sql\n",
       "x.yaml, line 5: 'backupFolder/backupFile' repeats what 'backup' on line 4 says"},
      {kEmpty + "backup: backups/x.sql\n", "x.yaml, line 4: 'backup' is given, but sourceType is not backup"},
      {kEmpty + "scriptsFolders: [sql]\n",
       "x.yaml, line 4: 'scriptsFolders' is given, but sourceType is not scripts"},
      {kHead + "sourceType: scripts\n", "x.yaml: sourceType is scripts, but no scripts folder is given"},
      {kHead + "sourceType: scripts\nscriptsFolders: [absent]\n",
       "x.yaml, line 4: cannot open scripts folder 'absent': No such file or directory"},
      {kEmpty + "preScript: [a]\n", "x.yaml, line 4: 'preScript' must be text, found a list"},
      {kEmpty + "preScript: " + std::string(65537, 'x') + "\n",
       "x.yaml, line 4: 'preScript' is longer than 65536 bytes"},
      {kHead + "sourceType: empty\n\ttags: [a]\n", "x.yaml, line 4: a tab in the indentation"},
  };
  for (const auto& [text, message] : cases) CHECK(folders.Refused(text).message == message);
}

TEST_CASE("files that cannot be read name themselves") {
  const Folders folders;
  const auto missing = ReadImageYaml(folders.root + "/absent.yaml");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == ErrorCode::kInvalidArgument);
  CHECK(missing.error().message ==
        "cannot open '" + folders.root + "/absent.yaml': No such file or directory");
  const auto folder = ReadImageYaml(folders.root + "/yaml");
  REQUIRE_FALSE(folder);
  CHECK_THAT(folder.error().message, Contains("Is a directory"));
  const auto endless = ReadImageYaml("/dev/zero");
  REQUIRE_FALSE(endless);
  CHECK_THAT(endless.error().message, Contains("larger than 1048576 bytes"));
  const auto good = ReadImageYaml(folders.root + "/yaml/../yaml/y z.dump");
  REQUIRE(good);
  CHECK(good->folder == folders.root + "/yaml");
  CHECK(good->text == "select 1;\n");
}
