#include "engines/postgresql/restore/base_backup.h"

#include <fcntl.h>

#include <algorithm>
#include <map>

#include "tests/support/catch.h"
#include "tests/unit/engines/test_server.h"

namespace spawnd::engines::postgresql {
namespace {

/// One member with its content; size and padding as tar has them.
std::string Member(const std::string& path, const std::string& content = "", char type = '0') {
  std::string header(512, '\0');
  header.replace(0, path.size(), path);
  char size[13];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  header.replace(124, 11, size, 11);
  header[156] = type;
  header.replace(257, 8, "ustar\00000", 8);
  std::string padded = content;
  padded.resize((content.size() + 511) / 512 * 512, '\0');
  return header + padded;
}

const std::string kEnd(1024, '\0');

class Folder final : public BackupFolder {
 public:
  explicit Folder(std::map<std::string, std::string> files) : files_(std::move(files)) {
    for (const auto& [name, content] : files_) names_.push_back(name);
  }
  const std::vector<std::string>& Names() const override { return names_; }
  Result<UniqueFd> Open(const std::string& path) const override {
    const auto file = files_.find(path);
    if (file == files_.end()) return Fail(ErrorCode::kNotFound, "no " + path);
    return UniqueFd(::open(on_disk_.Write("file", file->second).c_str(), O_RDONLY | O_CLOEXEC));
  }

 private:
  std::map<std::string, std::string> files_;
  std::vector<std::string> names_;
  testing::TemporaryFolder on_disk_;
};

RestoreRequest Of(const BackupFolder* folder) {
  RestoreRequest request;
  request.backup_name = "backup";
  request.folder = folder;
  return request;
}

BaseBackupKind KindOf(const std::string& head) {
  return RecogniseBaseBackup(Of(nullptr), head);
}

TEST_CASE("A tar file of a data directory is one by its members' names") {
  CHECK(KindOf(Member("backup_label", "START WAL") + Member("base/", "", '5')) == BaseBackupKind::kTarFile);
  CHECK(KindOf(Member("./") + Member("./PG_VERSION", "15\n")) == BaseBackupKind::kTarFile);
  CHECK(KindOf(Member("base/", "", '5') + Member("base/1/112", std::string(8192, 'x'))) ==
        BaseBackupKind::kTarFile);
  CHECK(KindOf(Member("main/", "", '5') + Member("main/pg_wal/", "", '5')) == BaseBackupKind::kTarFile);
  CHECK(KindOf(Member("var/lib/postgresql/15/main/global/pg_control", "x")) == BaseBackupKind::kTarFile);
  CHECK(KindOf(Member("toc.dat", "PGDMP")) == BaseBackupKind::kNone);
  CHECK(KindOf(Member("readme", "PG_VERSION backup_label") + kEnd) == BaseBackupKind::kNone);
  CHECK(KindOf("create table backup_label ();") == BaseBackupKind::kNone);
}

TEST_CASE("A folder is a base backup by what is in it") {
  const auto kind = [](std::map<std::string, std::string> files) {
    const Folder folder(std::move(files));
    return RecogniseBaseBackup(Of(&folder), "");
  };
  CHECK(kind({{"PG_VERSION", "15\n"}, {"global", ""}, {"base", ""}}) == BaseBackupKind::kPlainFolder);
  CHECK(kind({{"base.tar", ""}, {"pg_wal.tar", ""}}) == BaseBackupKind::kTarFolder);
  CHECK(kind({{"base.tar.gz", ""}}) == BaseBackupKind::kTarFolder);
  CHECK(kind({{"base.tar.lz4", ""}}) == BaseBackupKind::kTarFolder);
  CHECK(kind({{"base.tgz", ""}}) == BaseBackupKind::kTarFolder);
  CHECK(kind({{"base.tar.gz.md5", ""}, {"base.tar.sha256", ""}, {"base.tarot", ""}}) ==
        BaseBackupKind::kNone);
  CHECK(kind({{"toc.dat", ""}}) == BaseBackupKind::kNone);
  CHECK(kind({}) == BaseBackupKind::kNone);
}

TEST_CASE("The version is that of the first PG_VERSION, wherever in the file it lies") {
  const auto version = [](const std::string& tar) {
    const Folder folder({{"base.tar", tar}});
    return MakeBaseBackup(Of(&folder), BaseBackupKind::kTarFolder, {}).map([](const auto& backup) {
      return backup->Version();
    });
  };
  const std::string big(700'000, 'x');
  CHECK(*version(Member("backup_label", big) + Member("base/1/PG_VERSION", "11\n") + kEnd) == "11");
  CHECK(*version(Member("PG_VERSION", "17\n") + Member("base/1/PG_VERSION", "11\n") + kEnd) == "17");
  CHECK_FALSE(version(Member("backup_label", big) + kEnd));
  CHECK_FALSE(version(Member("PG_VERSION", "fifteen") + kEnd));
  CHECK_FALSE(version(Member("PG_VERSION", "15\n").substr(0, 512)));
  CHECK_FALSE(version(""));
}

TEST_CASE("Data is replaced once, prepared once, and what comes beside it goes where it belongs") {
  const Folder folder({{"16400.tar", ""},
                       {"backup_manifest", ""},
                       {"base.tar.gz", Member("PG_VERSION", "15\n") + kEnd},
                       {"pg_wal.tar.gz", ""}});
  const auto backup = MakeBaseBackup(Of(&folder), BaseBackupKind::kTarFolder, {});
  REQUIRE(backup);
  CHECK((*backup)->IsPlaced());
  RestoreTarget target;
  target.paths.data_directory = "/data";
  const auto plan = (*backup)->Plan({"postgresql", "15.3", "/usr/lib/postgresql/15"}, target);
  REQUIRE(plan);
  REQUIRE(plan->placements.size() == 3);
  CHECK(plan->steps.empty());
  std::vector<std::string> into;
  for (const Placement& placement : plan->placements) into.push_back(placement.sink.command.argv.back());
  CHECK(into == std::vector<std::string>{"/data", "/data/pg_wal", "/data/pg_tblspc/16400"});
  CHECK(plan->placements[0].replaces_data);
  CHECK_FALSE(plan->placements[1].replaces_data);
  CHECK(plan->placements[0].afterwards.empty());
  REQUIRE(plan->placements[2].afterwards.size() == 3);
  const ContainerCommand& recover = plan->placements[2].afterwards[1];
  CHECK(recover.title == "recovering");
  CHECK(recover.explain("LOG:  x\nFATAL:  WAL ends before end of online backup\n").hint.find("pg_wal.tar") !=
        std::string::npos);
  CHECK(recover.explain("spawnd_from x\n").message.find("cannot be recovered:") != std::string::npos);
  CHECK(recover.explain("FATAL:  database locale is incompatible with operating system\n")
            .hint.find("locales") != std::string::npos);
}

TEST_CASE("A point in time that cannot be had is said, with the range that can") {
  const Folder folder({{"PG_VERSION", "15\n"}, {"global", ""}});
  const auto backup = MakeBaseBackup(Of(&folder), BaseBackupKind::kPlainFolder, {});
  REQUIRE(backup);
  RestoreTarget target;
  target.paths.data_directory = "/data";
  target.options.at = "2026-11-28T09:47:04Z";
  const auto plan = (*backup)->Plan({"postgresql", "15.3", "/usr/lib/postgresql/15"}, target);
  REQUIRE(plan);
  const std::vector<ContainerCommand>& commands = plan->placements[0].afterwards;
  CHECK(commands[0].command.argv.back() == target.options.at);
  const Error early =
      commands[0].explain("spawnd_from 2026-11-28T09:50:00Z\nspawnd_refused that is before the end\n");
  CHECK(early.code == ErrorCode::kInvalidArgument);
  CHECK(early.message ==
        "'backup' cannot be recovered to 2026-11-28T09:47:04Z: that is before the end of the backup");
  CHECK(early.hint.find("from 2026-11-28T09:50:00Z on") != std::string::npos);
  const Error late = commands[1].explain(
      "2026-11-28 10:00:00 GMT [1] LOG:  last completed transaction was at log time 2026-11-28 "
      "09:46:00.5+00\n"
      "2026-11-28 10:00:00 GMT [1] FATAL:  recovery ended before configured recovery target was reached\n"
      "spawnd_gap 000000010000000000000007\nspawnd_from 2026-11-28T09:40:00Z\nspawnd_to "
      "2026-11-28T09:46:00.5Z\n");
  CHECK(
      late.message ==
      "'backup' cannot be recovered to 2026-11-28T09:47:04Z: its log ends before that, with a transaction of "
      "2026-11-28 09:46:00.5+00; segment 000000010000000000000007 is missing, and there are later ones");
  CHECK(late.hint.find("from 2026-11-28T09:40:00Z on") != std::string::npos);
  CHECK(late.hint.find("up to 2026-11-28T09:46:00.5Z") != std::string::npos);
}

}  // namespace
}  // namespace spawnd::engines::postgresql
