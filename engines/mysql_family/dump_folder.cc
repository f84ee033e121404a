#include "engines/mysql_family/dump_folder.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "engines/mysql_family/shell_dump.h"
#include "engines/mysql_family/sql_step.h"

namespace spawnd::engines::mysql_family {
namespace {

/// A client is started for each.
constexpr size_t kMaxFiles = 5000;

/// "shop.item-schema.sql.gz" without what compression put behind it.
std::string WithoutPacking(const std::string& name) {
  for (const char* ending : {".gz", ".zst"}) {
    if (name.ends_with(ending)) return name.substr(0, name.rfind('.'));
  }
  return name;
}

Packing PackingByName(const std::string& name) {
  if (name.ends_with(".gz")) return {{Codec::kGzip}};
  if (name.ends_with(".zst")) return {{Codec::kZstd}};
  return {};
}

bool AnyHas(const std::vector<std::string>& names, std::string_view part) {
  return std::any_of(names.begin(), names.end(),
                     [part](const std::string& name) { return name.find(part) != std::string::npos; });
}

class MydumperFolder final : public RecognisedBackup {
 public:
  MydumperFolder(const Product& product, std::string name, std::vector<DumpFile> files)
      : product_(product), name_(std::move(name)), files_(std::move(files)) {}

  Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const override {
    RestorePlan plan;
    RestoreTarget own = target;
    own.database.clear();
    for (const DumpFile& file : files_) {
      SqlSource source;
      source.name = name_ + "/" + file.name;
      source.packing = PackingByName(file.name);
      source.input_file = file.name;
      source.database = file.database;
      source.is_one_of_several = true;
      TRY_ASSIGN(RestoreStep step, MakeSqlStep(product_, installation, own, source));
      plan.steps.push_back(std::move(step));
    }
    return plan;
  }

 private:
  const Product& product_;
  const std::string name_;
  const std::vector<DumpFile> files_;
};

tl::unexpected<Error> RefuseToolsFolder(const RestoreRequest& request, const std::string& tool) {
  return Fail(
      ErrorCode::kUnsupported, "'" + request.backup_name + "' is a folder of " + tool,
      "Make an image with `sourceType: empty` and a container of it, load the folder into that with the same "
      "tool, and make an image of the container with `spawnctl graduate data-container`.");
}

}  // namespace

std::vector<DumpFile> FilesOfMydumper(const std::vector<std::string>& names) {
  // Later ones of a row are looked for first: "-schema.sql" is the end of others, too. What a view calls has
  // to be there before it; what a routine calls, only when it runs.
  constexpr std::array<std::pair<std::string_view, int>, 6> kEndings{{{"-schema-create.sql", 0},
                                                                      {"-schema-sequence.sql", 1},
                                                                      {"-schema-view.sql", 5},
                                                                      {"-schema-triggers.sql", 6},
                                                                      {"-schema-post.sql", 4},
                                                                      {"-schema.sql", 2}}};
  std::vector<DumpFile> files;
  for (const std::string& name : names) {
    const std::string plain = WithoutPacking(name);
    if (!plain.ends_with(".sql")) continue;
    DumpFile file{name, plain.substr(0, plain.find('.')), 3};
    for (const auto& [ending, phase] : kEndings) {
      if (!plain.ends_with(ending)) continue;
      file.phase = phase;
      file.database = plain.substr(0, plain.size() - ending.size());
      file.database = file.database.substr(0, file.database.find('.'));
      // That one makes it.
      if (phase == 0) file.database.clear();
      break;
    }
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(), [](const DumpFile& a, const DumpFile& b) {
    return std::tie(a.phase, a.name) < std::tie(b.phase, b.name);
  });
  return files;
}

Result<std::unique_ptr<RecognisedBackup>> RecogniseDumpFolder(const Product& product,
                                                              const RestoreRequest& request) {
  const std::vector<std::string>& names = request.folder->Names();
  if (IsShellDump(*request.folder)) return MakeShellDump(product, request);
  if (request.folder->Has("ibdata1")) {
    return Fail(ErrorCode::kUnsupported, "'" + request.backup_name + "' is the data directory of a server",
                "Files that a server works in cannot be taken as they are: make a dump (mysqldump, "
                "mariadb-dump), or of a "
                "MariaDB a copy with `mariabackup --backup`.");
  }
  const bool partial = request.folder->Has("metadata.partial");
  if (!AnyHas(names, "-schema") || (!partial && !request.folder->Has("metadata"))) {
    return Fail(FolderRefused(request));
  }
  if (partial) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "'" + request.backup_name + "' is a folder that mydumper did not finish: it has metadata.partial",
        "Make the dump again.");
  }
  const bool has_rows = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return WithoutPacking(name).ends_with(".dat");
  });
  if (has_rows) return RefuseToolsFolder(request, "mydumper with rows for LOAD DATA (.dat)");
  std::vector<DumpFile> files = FilesOfMydumper(names);
  if (files.size() > kMaxFiles) return RefuseToolsFolder(request, "mydumper with more than 5000 files");
  if (files.empty()) return Fail(FolderRefused(request));
  return std::make_unique<MydumperFolder>(product, request.backup_name, std::move(files));
}

}  // namespace spawnd::engines::mysql_family
