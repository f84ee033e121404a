#include "engines/mysql_family/dump/missing.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace spawnd::engines::mysql_family {
namespace {

/// So many are named at most.
constexpr size_t kMaxFound = 20;

std::string Plain(const std::string& word) {
  const bool quoted = word.starts_with('`') || word.starts_with('\'') || word.starts_with('"');
  return quoted ? word.substr(1) : word;
}

std::string WithoutEnding(const std::string& file) {
  return file.ends_with(".so") || file.ends_with(".dll") ? file.substr(0, file.rfind('.')) : file;
}

/// Debian's packages, where a library is in one of its own.
std::string PackageOf(const std::string& what) {
  static const std::map<std::string, std::string> packages{{"ROCKSDB", "mariadb-plugin-rocksdb"},
                                                           {"SPIDER", "mariadb-plugin-spider"},
                                                           {"CONNECT", "mariadb-plugin-connect"},
                                                           {"MROONGA", "mariadb-plugin-mroonga"},
                                                           {"OQGRAPH", "mariadb-plugin-oqgraph"},
                                                           {"S3", "mariadb-plugin-s3"},
                                                           {"ARCHIVE", "mariadb-server"},
                                                           {"FEDERATED", "mariadb-server"},
                                                           {"BLACKHOLE", "mariadb-server"},
                                                           {"SPHINX", "mariadb-server"},
                                                           {"COLUMNSTORE", "mariadb-plugin-columnstore"}};
  const auto package = packages.find(UpperCase(what));
  return package == packages.end() ? "" : package->second;
}

}  // namespace

bool MissingThings::IsSkipped(std::string_view what) const {
  return std::any_of(options_.skipped.begin(), options_.skipped.end(), [&](const std::string& skipped) {
    return SameInAnyCase(skipped, what) || SameInAnyCase(skipped, WithoutEnding(std::string(what)));
  });
}

bool MissingThings::HasLibrary(std::string_view file) const {
  if (!options_.knows_libraries) return true;
  const std::string name = WithoutEnding(std::string(file)) + ".so";
  return std::find(options_.libraries.begin(), options_.libraries.end(), name) != options_.libraries.end();
}

MissingThings::Answer MissingThings::Found(const std::string& what, const std::string& key,
                                           const std::string& library, uint64_t line) {
  if (IsSkipped(key) || IsSkipped(library)) {
    left_out_ = key;
    return Answer::kDrop;
  }
  if (HasLibrary(library)) return Answer::kPass;
  if (found_.size() < kMaxFound && found_.try_emplace(what + " (" + library + ")", line).second)
    keys_.push_back(key);
  return Answer::kPass;
}

MissingThings::Answer MissingThings::Judge(const Statement& statement, bool ended) {
  const bool function =
      statement.Is(0, "CREATE") && (statement.Is(1, "FUNCTION") || statement.Is(2, "FUNCTION") ||
                                    statement.Is(3, "FUNCTION") || statement.Is(4, "FUNCTION"));
  const bool install = statement.Is(0, "INSTALL");
  if (!function && !install) {
    const bool may_become =
        statement.Is(0, "CREATE") && statement.words.size() < 5 && !statement.Is(1, "TABLE");
    return may_become && !ended ? Answer::kUndecided : Answer::kPass;
  }
  // CREATE AGGREGATE FUNCTION IF NOT EXISTS f RETURNS INTEGER SONAME 'f.so'; a stored one has other words
  // there.
  const size_t soname = statement.Find("SONAME");
  const size_t component = install ? statement.Find("COMPONENT") : statement.words.size();
  const size_t file = component < statement.words.size() ? component + 1 : soname + 1;
  if (file >= statement.words.size()) {
    const size_t enough = install ? 8 : 10;
    const bool stored = function && statement.Find("RETURNS") + 2 < statement.words.size() &&
                        soname == statement.words.size();
    return ended || stored || statement.words.size() > enough ? Answer::kPass : Answer::kUndecided;
  }
  std::string library = Plain(statement.words[file]);
  if (library.starts_with("file://")) library = library.substr(7);
  if (install) {
    const bool named = statement.Is(1, "PLUGIN") && soname > 2;
    const std::string name = named ? Plain(statement.words[soname - 1]) : WithoutEnding(library);
    return Found("plugin " + name, name, library, statement.line);
  }
  const size_t returns = statement.Find("RETURNS");
  const std::string name =
      Plain(statement.words[returns > 0 && returns < statement.words.size() ? returns - 1 : 1]);
  return Found("function " + name, name, library, statement.line);
}

bool MissingThings::ReplacesEngine(const std::string& engine, uint64_t line) {
  const std::string name = Plain(engine);
  if (IsSkipped(name)) return true;
  if (options_.engines.empty()) return false;
  const bool known =
      std::find(options_.engines.begin(), options_.engines.end(), UpperCase(name)) != options_.engines.end();
  if (known || found_.size() >= kMaxFound) return false;
  if (found_.try_emplace("storage engine " + name, line).second) keys_.push_back(name);
  return false;
}

Result<void> MissingThings::CheckEnd(const std::string& name) const {
  if (found_.empty()) return {};
  std::string list;
  for (const auto& [what, line] : found_) {
    list += (list.empty() ? "" : ", ") + what + " in line " + std::to_string(line);
  }
  std::string keys;
  std::string packages;
  for (const std::string& key : keys_) {
    keys += (keys.empty() ? "" : ", ") + key;
    const std::string package = PackageOf(key);
    if (!package.empty() && packages.find(package) == std::string::npos) packages += " " + package;
  }
  return Fail(ErrorCode::kUnsupported, "'" + name + "' needs what this server does not have: " + list,
              "Leave it out with `skipExtensions: [" + keys +
                  "]`; its tables get the server's own storage engine then." +
                  (packages.empty() ? "" : " Of MariaDB's packages: apt install" + packages + "."));
}

}  // namespace spawnd::engines::mysql_family
