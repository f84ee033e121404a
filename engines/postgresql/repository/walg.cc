/// https://wal-g.readthedocs.io: backup-list, backup-fetch, wal-fetch, st ls. Written from that, and tried
/// with what stands in for it in tests: Debian does not have it.
#include <algorithm>

#include "engines/postgresql/physical/wal_folder.h"
#include "engines/postgresql/repository/repository.h"

namespace spawnd::engines::postgresql {
namespace {

/// What comes first of its arguments: the client's folder, the repository's, the tool's configuration.
constexpr const char* kConfigure = R"sh(
set -u
cd "$1" || exit 1
path=$2 config=$3
shift 3
)sh";

constexpr const char* kRun = R"sh(
if [ -n "$path" ]; then export WALG_FILE_PREFIX="$path"; fi
run() { if [ -n "$config" ]; then wal-g --config "$config" "$@"; else wal-g "$@"; fi; }
why() {
  reason=$(printf '%s\n' "$1" | grep -m 1 -E 'ERROR|FATAL|error' | sed 's/^.*\(ERROR\|FATAL\): *[0-9/]* *[0-9:.]* *//')
  refuse "${reason:-$1}" "${2:-1}"
}
)sh";

/// Of its list the fields that count, one object a line; N: the newest segment in the archive.
constexpr const char* kListScript = R"sh(
list=$(run backup-list --detail --json 2>&1) || case $list in *[Nn]'o backups found'*) list= ;; *) why "$list" ;; esac
printf '%s\n' "$list" | sed 's/},[[:space:]]*{/\n/g' | sed -nE '/backup_name/p' | while IFS= read -r one; do
  field() { printf '%s\n' "$one" | sed -nE "s/^.*\"$1\" *: *\"?([^\",}]*)\"?.*$/\1/p"; }
  echo "B $(field backup_name) $(($(field pg_version) / 10000)) $(field finish_time | cut -c1-19)"
done
run st ls wal_005/ 2>/dev/null | grep -oE '[0-9A-F]{24}' | sort | tail -n 1 | sed 's/^/N /'
)sh";

constexpr const char* kRestoreScript = R"sh(
mkdir -m 0700 restored || exit 1
said=$(run backup-fetch "$PWD/restored" "$1" 2>&1) || why "$said"
for link in restored/pg_tblspc/*; do
  [ ! -L "$link" ] || refuse 'the backup has tablespaces, which WAL-G restores outside of its folder'
done
)sh";

/// In a folder of its own: it gets further ones ahead, into a folder beside.
constexpr const char* kGet = R"sh(
get() {
  mkdir -p fetched
  if said=$(run wal-fetch "$1" "$PWD/fetched/$1" 2>&1); then mv "fetched/$1" "wal/$1"; return; fi
  case $said in *'does not exist'*) return 1 ;; esac
  why "$said" 2
}
)sh";

std::string RepositoryOf(const RepositoryPlace& place) {
  if (!place.path.empty()) return "'" + place.path + "'";
  return place.config_file.empty() ? "WAL-G's own repository"
                                   : "the repository of '" + place.config_file + "'";
}

std::vector<std::string> ArgumentsOf(const FetchRequest& request, std::vector<std::string> more) {
  std::vector<std::string> arguments{request.folder, request.repository.path, request.repository.config_file};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

FetchPlan Ask(const FetchRequest& request, const std::string& where) {
  FetchCommand version;
  version.title = "asking WAL-G its version";
  version.programs = {"wal-g"};
  version.arguments = {"--version"};
  version.output = FetchCommand::Output::kAnswer;
  version.install_hint = "Install it from github.com/wal-g/wal-g: no distribution has it.";
  FetchCommand list = ToolScript(request, std::string(kCommonFunctions) + kConfigure + kRun + kListScript,
                                 ArgumentsOf(request, {}));
  list.title = "looking for backups in " + where;
  list.output = FetchCommand::Output::kAnswer;
  list.grows.clear();
  return {.commands = {std::move(version), std::move(list)}};
}

/// "base_000000010000000000000004[_D_...] VERSION END"
ListedBackup BackupOf(const std::string& line, const std::string& newest) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < line.size();) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  words.resize(3);
  constexpr size_t kPrefix = std::string_view("base_").size();
  const std::string first = words[0].size() > kPrefix ? words[0].substr(kPrefix, kSegmentNameLength) : "";
  return {.label = words[0], .version = words[1], .ended = words[2], .first = first, .newest = newest};
}

}  // namespace

Result<FetchPlan> PlanWalg(const FetchRequest& request, const std::vector<Installation>& usable) {
  constexpr size_t kAnswers = 2;
  const RepositoryPlace& place = request.repository;
  if (!place.stanza.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "'stanza' and 'server' mean nothing to WAL-G",
                "Leave them out.");
  }
  const std::string where = RepositoryOf(place);
  if (request.answers.size() < kAnswers) return Ask(request, where);
  const std::vector<std::string> newest = AnswersTo("N ", request.answers[1]);
  std::vector<ListedBackup> backups;
  for (const std::string& line : AnswersTo("B ", request.answers[1])) {
    backups.push_back(BackupOf(line, newest.empty() ? "" : newest.front()));
  }
  TRY_ASSIGN(const ListedBackup backup, ChooseBackup(place, where, std::move(backups)));
  TRY(CheckServerFor(request, backup, usable));
  if (backup.first.size() != kSegmentNameLength || backup.newest.empty()) {
    return Fail(ErrorCode::kNotFound, where + " has no log for backup " + backup.label,
                "Its archive is the folder wal_005 of the repository.");
  }
  FetchCommand restore =
      ToolScript(request, std::string(kCommonFunctions) + kConfigure + kRun + kRestoreScript,
                 ArgumentsOf(request, {backup.label}));
  restore.title = "restoring backup " + backup.label + " of " + where;
  FetchCommand log =
      ToolScript(request, LogScript(std::string(kCommonFunctions) + "path=$6 config=$7\n" + kRun + kGet),
                 LogArguments(request, backup, usable));
  log.arguments.push_back(place.path);
  log.arguments.push_back(place.config_file);
  log.title = "getting the log of " + where;
  log.grows = request.folder + kLogFolder;
  return FinishPlan(request, "WAL-G", backup, {std::move(restore), std::move(log)});
}

}  // namespace spawnd::engines::postgresql
