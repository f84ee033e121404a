#include "client/yaml/image_reader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>
#include <vector>

#include "api/image_reference.h"
#include "api/json_document.h"
#include "api/lifetime.h"
#include "api/resource_limits.h"
#include "base/text.h"
#include "client/output/text.h"
#include "client/yaml/key_names.h"
#include "client/yaml/mask_keys.h"
#include "client/yaml/restore_keys.h"
#include "client/yaml/schedule_keys.h"
#include "client/yaml/source_keys.h"

namespace spawnd::client {
namespace {

using yaml::KindName;
using yaml::Node;
using Kind = Node::Kind;

/// The name of what `path` leads to, for messages; as it was written, when that has one.
std::string LastPart(std::string_view path, const std::string& absolute) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::string written(path.substr(path.rfind('/') + 1));
  if (!written.empty() && written != "." && written != "..") return written;
  const std::string canonical = CanonicalPath(absolute);
  return canonical.substr(canonical.rfind('/') + 1);
}

/// Walks the tree and fills the request. Each key of the file has one entry in Keys().
class Reader {
 public:
  explicit Reader(const ImageYaml& yaml) : yaml_(yaml), file_{yaml.name, GuessKey} {}

  Result<ImageDescription> Read(const Node& root) {
    if (root.kind == Kind::kNull) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is empty", yaml_.name),
                  "A data image needs at least name, sourceType and engine.");
    }
    if (root.kind != Kind::kMap) {
      return Bad(root.line, fmt::format("expected keys such as 'name: demo', found {}", KindName(root.kind)));
    }
    TRY(RefuseKeysOfBackups(file_, root));
    TRY(ReadKeys(root));
    TRY(JoinBackupFolder());
    TRY(CheckSource());
    image_.request = std::move(request_);
    return std::move(image_);
  }

 private:
  template <typename T>
  struct Key {
    std::string_view name;
    Result<void> (T::*read)(const Node& value);
  };

  /// One entry of `backups`, or the one `backup`.
  struct Backup {
    explicit Backup(const Reader& r) : reader(r) {}
    Result<void> Folder(const Node& value) { return Set(value, "folder", folder); }
    Result<void> File(const Node& value) { return Set(value, "file", file); }
    Result<void> Path(const Node& value) { return Set(value, "path", path); }
    /// The content says what the format is; the key is there for files that name it.
    Result<void> Format(const Node& value) { return Set(value, "format", format); }
    Result<void> Set(const Node& value, std::string_view key, std::string& out) {
      TRY_ASSIGN(out, reader.Text(value, key));
      return {};
    }

    const Reader& reader;
    std::string folder, file, path, format;
  };

  /// The map `limits`.
  struct LimitsReader {
    Result<void> Memory(const Node& value) { return Read(value, api::ParseMemory, limits.memory_bytes); }
    Result<void> Cpus(const Node& value) { return Read(value, api::ParseCpus, limits.cpus); }
    Result<void> Pids(const Node& value) { return Read(value, api::ParsePids, limits.pids); }
    Result<void> CpuWeight(const Node& value) { return Read(value, api::ParseWeight, limits.cpu_weight); }
    Result<void> IoWeight(const Node& value) { return Read(value, api::ParseWeight, limits.io_weight); }
    template <typename Number>
    Result<void> Read(const Node& value, Result<Number> (*parse)(std::string_view),
                      std::optional<Number>& limit) {
      TRY_ASSIGN(const std::string text, reader.Text(value, "limits"));
      auto number = parse(text);
      if (!number) return reader.At(value.line, number.error());
      limit = *number;
      return {};
    }

    const Reader& reader;
    api::Limits& limits;
  };

  static const std::array<Key<LimitsReader>, 5>& LimitKeys() {
    static constexpr std::array<Key<LimitsReader>, 5> kKeys{{{"memory", &LimitsReader::Memory},
                                                             {"cpus", &LimitsReader::Cpus},
                                                             {"pids", &LimitsReader::Pids},
                                                             {"cpuWeight", &LimitsReader::CpuWeight},
                                                             {"ioWeight", &LimitsReader::IoWeight}}};
    return kKeys;
  }

  static const std::array<Key<Reader>, 23>& Keys() {
    static constexpr std::array<Key<Reader>, 23> kKeys{{
        {"name", &Reader::Name},
        {"sourceType", &Reader::SourceType},
        {"engine", &Reader::Engine},
        {"version", &Reader::Version},
        {"tags", &Reader::Tags},
        {"teams", &Reader::Teams},
        {"lifetime", &Reader::Lifetime},
        {"sleepAfter", &Reader::SleepAfter},
        {"durability", &Reader::Durability},
        {"network", &Reader::Network},
        {"tls", &Reader::Tls},
        {"superuser", &Reader::Superuser},
        {"limits", &Reader::Limits},
        {"warm", &Reader::Warm},
        {"initialDatabaseName", &Reader::InitialDatabaseName},
        {"backups", &Reader::Backups},
        {"backup", &Reader::OneBackup},
        {"backupFolder", &Reader::BackupFolder},
        {"backupFile", &Reader::BackupFile},
        {"scriptsFolders", &Reader::ScriptsFolders},
        {kMaskKey, &Reader::Mask},
        {"preScript", &Reader::PreScript},
        {"postScript", &Reader::PostScript},
    }};
    return kKeys;
  }

  static const std::array<Key<Backup>, 4>& BackupKeys() {
    static constexpr std::array<Key<Backup>, 4> kKeys{{{"folder", &Backup::Folder},
                                                       {"file", &Backup::File},
                                                       {"format", &Backup::Format},
                                                       {"path", &Backup::Path}}};
    return kKeys;
  }

  tl::unexpected<Error> Bad(int line, std::string_view what, std::string hint = {}) const {
    return file_.Bad(line, what, std::move(hint));
  }
  /// The error of a check elsewhere, with the place in front.
  tl::unexpected<Error> At(int line, const Error& error) const {
    return Fail(error.Wrap(fmt::format("{}, line {}", yaml_.name, line)));
  }

  /// Calls each key's function on `target`; a key without a value is as good as none.
  template <typename T, typename KeyTable>
  Result<void> ForEachKey(const Node& map, const KeyTable& keys, T& target) const {
    std::vector<std::string_view> names;
    for (const auto& key : keys) names.push_back(key.name);
    return file_.ReadKeys(map, names, "", [&](size_t key, const Node& value) {
      return value.kind == Kind::kNull ? Result<void>() : (target.*(keys[key].read))(value);
    });
  }

  /// The keys of the file itself: those here, and those of restore_keys.h and source_keys.h behind them.
  Result<void> ReadKeys(const Node& root) {
    // `backup` means another thing there, and may stand in front of it.
    is_repository_ = std::any_of(root.entries.begin(), root.entries.end(), [](const yaml::Entry& entry) {
      return entry.key.text == "sourceType" && LowerCase(Trim(entry.value.text)) == "repository";
    });
    std::vector<std::string_view> names;
    for (const auto& key : Keys()) names.push_back(key.name);
    names.insert(names.end(), kRestoreKeys.begin(), kRestoreKeys.end());
    names.insert(names.end(), kScheduleKeys.begin(), kScheduleKeys.end());
    names.insert(names.end(), kSourceKeys.begin(), kSourceKeys.end());
    return file_.ReadKeys(root, names, "", [&](size_t key, const Node& value) -> Result<void> {
      if (value.kind == Kind::kNull) return {};
      if (key < Keys().size()) return (this->*(Keys()[key].read))(value);
      if (names[key] == kWalFolderKey) return WalFolder(value);
      if (std::find(kScheduleKeys.begin(), kScheduleKeys.end(), names[key]) != kScheduleKeys.end()) {
        return ReadScheduleKey(file_, names[key], value, image_.schedule);
      }
      if (key >= Keys().size() + kRestoreKeys.size()) {
        return ReadSourceKey(yaml_, file_, names[key], value, source_);
      }
      return ReadRestoreKey(file_, names[key], value, request_);
    });
  }

  /// A scalar's literal text without blanks around it.
  Result<std::string> Text(const Node& value, std::string_view key) const {
    return file_.Text(value, key).map(Trim);
  }

  Result<void> Name(const Node& value) {
    TRY_ASSIGN(request_.name, Text(value, "name"));
    if (auto valid = api::ValidateName(request_.name, "data image"); !valid)
      return At(value.line, valid.error());
    return {};
  }
  Result<void> SourceType(const Node& value) {
    TRY_ASSIGN(const SourceWord source, ReadSourceType(file_, value));
    source_given_ = true;
    source_.from = source.from;
    request_.source_type = source.type;
    return {};
  }
  Result<void> Engine(const Node& value) { return Set(value, "engine", request_.engine); }
  Result<void> Version(const Node& value) { return Set(value, "version", request_.version); }
  Result<void> InitialDatabaseName(const Node& value) {
    return Set(value, "initialDatabaseName", request_.initial_database_name);
  }
  Result<void> Set(const Node& value, std::string_view key, std::string& out) {
    TRY_ASSIGN(out, Text(value, key));
    return {};
  }
  Result<void> Tags(const Node& value) {
    TRY_ASSIGN(const auto texts, file_.Texts(value, "tags"));
    for (const auto& [text, line] : texts) {
      if (auto valid = api::ValidateTag(text); !valid) return At(line, valid.error());
      AddUnique(request_.tags, text);
    }
    return {};
  }
  Result<void> Teams(const Node& value) {
    TRY_ASSIGN(const auto texts, file_.Texts(value, "teams"));
    for (const auto& [text, line] : texts) {
      if (text.empty()) return Bad(line, "a team's name is empty");
      AddUnique(request_.teams, text);
    }
    return {};
  }
  Result<void> Lifetime(const Node& value) {
    TRY_ASSIGN(const std::string text, Text(value, "lifetime"));
    auto seconds = api::ParseLifetime(text);
    if (!seconds) return At(value.line, seconds.error());
    request_.lifetime_seconds = *seconds;
    return {};
  }
  Result<void> SleepAfter(const Node& value) {
    TRY_ASSIGN(const std::string text, Text(value, "sleepAfter"));
    const auto seconds = api::ParseLifetime(text);
    if (!seconds) return At(value.line, seconds.error());
    request_.sleep_after_seconds = *seconds;
    return {};
  }
  Result<void> Durability(const Node& value) {
    TRY_ASSIGN(const std::string text, Text(value, "durability"));
    const std::string word = LowerCase(text);
    if (word != "everysec" && word != "always") {
      return Bad(value.line, fmt::format("unknown durability '{}'", text), "It is one of everysec, always.");
    }
    request_.durability = word == "always" ? api::Durability::kAlways : api::Durability::kEverySecond;
    return {};
  }

  Result<void> Network(const Node& value) {
    TRY_ASSIGN(const std::string text, Text(value, "network"));
    const std::string word = LowerCase(text);
    if (word != "none" && word != "host") {
      return Bad(value.line, fmt::format("unknown network '{}'", text), "It is one of none, host.");
    }
    request_.network = word == "host" ? api::Network::kHost : api::Network::kNone;
    return {};
  }
  Result<void> Tls(const Node& value) {
    return file_.Truth(value, "tls", "With true, containers take TLS connections only.", request_.tls);
  }
  Result<void> Superuser(const Node& value) {
    bool superuser = true;
    TRY(file_.Truth(value, "superuser", "With false, no container of the image has one.", superuser));
    request_.superuser = superuser;
    return {};
  }
  Result<void> Warm(const Node& value) {
    TRY_ASSIGN(const std::string text, Text(value, "warm"));
    int64_t warm = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), warm);
    if (error != std::errc() || end != text.data() + text.size() || warm < 0) {
      return Bad(value.line, fmt::format("'{}' is no number of containers", text),
                 "So many are kept started: 0, 1, 2 ...");
    }
    request_.warm = warm;
    return {};
  }
  Result<void> Limits(const Node& value) {
    if (value.kind != Kind::kMap) {
      return Bad(value.line, fmt::format("limits must be a map, found {}", KindName(value.kind)),
                 "Write 'memory: 512MiB' below it, or 'cpus:', 'pids:', 'cpuWeight:', 'ioWeight:'.");
    }
    LimitsReader limits{*this, request_.limits};
    return ForEachKey<LimitsReader>(value, LimitKeys(), limits);
  }

  /// Says that backups are described by `key`, once.
  Result<void> Describe(const Node& value, std::string_view key) {
    if (!backup_key_.empty() && backup_key_ != key) {
      return Bad(value.line,
                 fmt::format("'{}' repeats what '{}' on line {} says", key, backup_key_, backup_line_),
                 "Give the backups in one way only.");
    }
    backup_key_ = key;
    backup_line_ = value.line;
    return {};
  }
  Result<void> Backups(const Node& value) {
    TRY(Describe(value, "backups"));
    if (value.kind != Kind::kList) {
      return Bad(value.line, fmt::format("'backups' must be a list, found {}", KindName(value.kind)),
                 "Put '- ' before the entry, or use 'backup' for one.");
    }
    for (const Node& item : value.items) TRY(AddBackup(item, "an entry of 'backups'"));
    return {};
  }
  Result<void> OneBackup(const Node& value) {
    if (is_repository_) return ReadSourceKey(yaml_, file_, "backup", value, source_);
    TRY(Describe(value, "backup"));
    return AddBackup(value, "'backup'");
  }
  /// A map with folder, file, format, path; or the path itself.
  Result<void> AddBackup(const Node& value, std::string_view what) {
    if (value.kind == Kind::kText) return AddPath(Trim(value.text), value.line, image_.backups, "backup");
    if (value.kind != Kind::kMap) {
      const int line = value.line > 0 ? value.line : backup_line_;
      return Bad(line, fmt::format("{} must be a map, found {}", what, KindName(value.kind)),
                 "Write 'folder:' and 'file:', or 'path:'.");
    }
    Backup backup(*this);
    TRY(ForEachKey<Backup>(value, BackupKeys(), backup));
    if (!backup.path.empty() && (!backup.folder.empty() || !backup.file.empty())) {
      return Bad(value.line, fmt::format("{} has 'path' besides 'folder' and 'file'", what),
                 "Give 'path' alone, or 'folder' and 'file'.");
    }
    std::string path = backup.path;
    if (path.empty()) path = backup.file.empty() ? backup.folder : JoinPath(backup.folder, backup.file);
    return AddPath(path, value.line, image_.backups, "backup");
  }
  Result<void> BackupFolder(const Node& value) {
    TRY(Describe(value, "backupFolder/backupFile"));
    return Set(value, "backupFolder", backup_folder_);
  }
  Result<void> BackupFile(const Node& value) {
    TRY(Describe(value, "backupFolder/backupFile"));
    return Set(value, "backupFile", backup_file_);
  }
  Result<void> JoinBackupFolder() {
    if (backup_folder_.empty() && backup_file_.empty()) return {};
    const std::string path = backup_file_.empty() ? backup_folder_ : JoinPath(backup_folder_, backup_file_);
    return AddPath(path, backup_line_, image_.backups, "backup");
  }
  Result<void> ScriptsFolders(const Node& value) {
    TRY_ASSIGN(const auto texts, file_.Texts(value, "scriptsFolders"));
    scripts_line_ = value.line;
    for (const auto& [text, line] : texts) TRY(AddPath(text, line, image_.scripts_folders, "scripts folder"));
    return {};
  }
  Result<void> WalFolder(const Node& value) {
    TRY_ASSIGN(const std::string path, Text(value, kWalFolderKey));
    wal_line_ = value.line;
    return AddPath(path, value.line, image_.wal_folders, "folder of log segments");
  }
  Result<void> Mask(const Node& value) {
    TRY_ASSIGN(request_.mask, ReadMask(file_, value));
    return {};
  }
  Result<void> PreScript(const Node& value) { return Script(value, "preScript", request_.pre_script); }
  Result<void> PostScript(const Node& value) { return Script(value, "postScript", request_.post_script); }
  Result<void> Script(const Node& value, std::string_view key, std::string& out) {
    TRY(Text(value, key));
    const size_t limit = api::kRequestLimits.string_bytes;
    if (value.text.size() > limit)
      return Bad(value.line, fmt::format("'{}' is longer than {} bytes", key, limit));
    out = value.text;  // blanks may mean something inside SQL
    return {};
  }

  /// Against the file's folder, else the current directory; the daemon knows neither.
  Result<void> AddPath(const std::string& path, int line, std::vector<NamedFile>& out,
                       std::string_view noun) const {
    if (path.empty()) return Bad(line, fmt::format("the {}'s path is empty", noun));
    if (path.size() >= PATH_MAX) return Bad(line, fmt::format("the {}'s path is too long", noun));
    const std::string cannot_open =
        fmt::format("{}, line {}: cannot open {} '{}'", yaml_.name, line, noun, path);
    if (path == "-") return AddStandardInput(cannot_open, line, out);
    int error = 0;
    for (const std::string& folder : {yaml_.folder, yaml_.current_directory}) {
      const std::string candidate = JoinPath(folder, path);
      struct stat status {};
      if (::stat(candidate.c_str(), &status) == 0) {
        out.push_back({candidate, LastPart(path, candidate), cannot_open});
        return {};
      }
      // "permission denied" says more than the "no such file" of the other place
      if (error == 0 || error == ENOENT) error = errno;
    }
    std::string hint;
    if (!path.starts_with('/')) {
      hint = yaml_.folder == yaml_.current_directory
                 ? fmt::format("Looked in {}.", yaml_.folder)
                 : fmt::format("Looked in {} and {}.", yaml_.folder, yaml_.current_directory);
    }
    const Error cause = ErrnoError(error, cannot_open);
    return Fail(cause.code, cause.message, std::move(hint));
  }

  Result<void> AddStandardInput(const std::string& cannot_open, int line, std::vector<NamedFile>& out) const {
    const auto is_standard_input = [](const NamedFile& file) { return file.path.empty(); };
    if (yaml_.is_standard_input) {
      return Bad(line, "standard input cannot be this file and what '-' in it means", "Use --file <file>.");
    }
    if (std::any_of(out.begin(), out.end(), is_standard_input)) {
      return Bad(line, "standard input, which '-' means, can be one backup only");
    }
    out.push_back({"", "standard input", cannot_open});
    return {};
  }

  /// What the keys say together.
  Result<void> CheckSource() {
    if (!source_given_) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: 'sourceType' is missing", yaml_.name),
                  "It is one of empty, backup, scripts, server, repository, standby.");
    }
    if (image_.schedule.max_kept_bytes && source_.from != FetchedFrom::kStandby) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: 'maxKeptWal' is given, but sourceType is not standby", yaml_.name));
    }
    if (request_.engine.empty()) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: 'engine' is missing", yaml_.name),
                  "It names the database product to run.");
    }
    const bool wants_backups =
        request_.source_type == api::SourceType::kBackup && source_.from == FetchedFrom::kNowhere;
    const bool wants_scripts = request_.source_type == api::SourceType::kScripts;
    if (wants_backups && image_.backups.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: sourceType is backup, but no backup is given", yaml_.name),
                  "Add 'backups:' with '- path: <file>' under it.");
    }
    if (wants_scripts && image_.scripts_folders.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("{}: sourceType is scripts, but no scripts folder is given", yaml_.name),
                  "Add 'scriptsFolders: [<folder>]'.");
    }
    if (!wants_backups && !image_.backups.empty()) {
      return Bad(backup_line_, fmt::format("'{}' is given, but sourceType is not backup", backup_key_));
    }
    if (!wants_backups && !image_.wal_folders.empty()) {
      return Bad(wal_line_, "'walFolder' is given, but sourceType is not backup");
    }
    if (!wants_scripts && !image_.scripts_folders.empty()) {
      return Bad(scripts_line_, "'scriptsFolders' is given, but sourceType is not scripts");
    }
    TRY(client::CheckSource(yaml_, file_, source_));
    if (source_.from == FetchedFrom::kNowhere) return {};
    api::FetchPlanRequest& fetch = source_.fetched.request;
    fetch.engine = request_.engine;
    fetch.version = request_.version;
    fetch.repository.at = request_.restore.at;
    (source_.from == FetchedFrom::kStandby ? image_.standby : image_.source) = std::move(source_.fetched);
    return {};
  }

  const ImageYaml& yaml_;
  const yaml::File file_;
  ImageDescription image_;  ///< its request is apart, in the next one
  api::CreateDataImageRequest request_;
  SourceDescription source_;
  bool source_given_ = false;
  bool is_repository_ = false;
  std::string backup_key_;
  int backup_line_ = 0;
  std::string backup_folder_;
  std::string backup_file_;
  int scripts_line_ = 0;
  int wal_line_ = 0;
};

}  // namespace

void AddUnique(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

Result<ImageDescription> ReadImageTree(const ImageYaml& yaml, const yaml::Node& root) {
  return Reader(yaml).Read(root);
}

}  // namespace spawnd::client
