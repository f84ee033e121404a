#include "engines/postgresql/repository/repository.h"

#include <algorithm>

#include "engines/postgresql/postgresql_engine.h"
#include "engines/restore.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr size_t kShownLabels = 5;
/// "2026-11-28T09:47:01"
constexpr size_t kToTheSecond = 19;

bool IsTime(const std::string& at) {
  return !at.empty() && at != kImmediate;
}

/// The newest ones.
std::string LabelsOf(const std::vector<ListedBackup>& backups) {
  std::string labels;
  const size_t shown = std::min(backups.size(), kShownLabels);
  for (size_t i = backups.size() - shown; i < backups.size(); ++i)
    labels += (labels.empty() ? "" : ", ") + backups[i].label;
  return (shown < backups.size() ? "..., " : "") + labels;
}

/// Gets the log from the backup's first segment to the archive's last, or, where pg_waldump is there, to the
/// one with which the point in time is passed. A segment that is on none of the timelines in between is
/// missing.
constexpr const char* kLogScript = R"sh(
set -u
cd "$1" || exit 1
first=$2 last=$3 at=$4 waldump=$5
shift 5
mkdir -p wal || exit 1
control=$(od -An -v -tx1 restored/global/pg_control | tr -d ' \n')
segment=$(echo "$control" | sed -n 's/^.*0000000087d63241.\{24\}\(..\)\(..\)\(..\)\(..\).*$/0x\4\3\2\1/p')
per=$((4294967296 / ${segment:-0x1000000}))
number() { echo $((0x$(echo "$1" | cut -c9-16) * per + 0x$(echo "$1" | cut -c17-24))); }
timeline=$((0x$(echo "$first" | cut -c1-8))) newest=$((0x$(echo "$last" | cut -c1-8)))
of=$((timeline + 1))
while [ $of -le $newest ]; do
  get "$(printf %08X.history $of)" "$@" || [ $? -eq 1 ] || exit 1
  of=$((of + 1))
done
next=$(number "$first") end=$(number "$last")
while [ "$next" -le "$end" ]; do
  got= of=$timeline
  while [ $of -le $newest ]; do
    name=$(printf %08X%08X%08X $of $((next / per)) $((next % per)))
    get "$name" "$@"
    case $? in 0) got=$name ;; 1) ;; *) exit 1 ;; esac
    of=$((of + 1))
  done
  if [ -z "$got" ]; then
    echo "error: segment $(printf %08X%08X%08X $timeline $((next / per)) $((next % per))) is not in the archive, which goes on to $last" >&2
    exit 1
  fi
  if [ -n "$at" ] && [ -x "$waldump" ]; then
    passed=$(TZ=UTC "$waldump" -r Transaction "wal/$got" 2>/dev/null |
      sed -n 's/^.*desc: COMMIT[A-Z_ ]* \([0-9-]* [0-9:.]*\) UTC.*$/\1/p' | sort | tail -n 1)
    if [ -n "$passed" ] && [ "$passed" \> "$at" ]; then exit 0; fi
  fi
  next=$((next + 1))
done
)sh";

}  // namespace

const char* const kCommonFunctions = R"sh(
refuse() {
  free=$(df --output=avail -k . 2>/dev/null | tail -n 1)
  if [ "${free:-32768}" -lt 32768 ]; then set -- "no space left on device in $PWD: $1" "${2:-1}"; fi
  printf 'error: %s\n' "$(printf %s "$1" | tr '\n' ' ' | cut -c1-500)" >&2
  exit "${2:-1}"
}
take_in_tablespaces() {
  for link in restored/pg_tblspc/*; do
    [ -L "$link" ] || continue
    place=$(readlink "$link")
    case $place in "$PWD"/tablespaces/*) ;; *) refuse "tablespace ${link##*/} was restored to $place" ;; esac
    rm "$link" && mv "$place" "$link" || exit 1
  done
}
)sh";

Result<ListedBackup> ChooseBackup(const RepositoryPlace& place, const std::string& where,
                                  std::vector<ListedBackup> backups) {
  if (backups.empty()) {
    return Fail(ErrorCode::kNotFound, where + " has no backup",
                "Make one there first, or name another place.");
  }
  std::stable_sort(backups.begin(), backups.end(),
                   [](const auto& a, const auto& b) { return a.ended < b.ended; });
  if (!place.backup.empty()) {
    const auto found = std::find_if(backups.begin(), backups.end(),
                                    [&](const auto& one) { return one.label == place.backup; });
    if (found != backups.end()) return *found;
    return Fail(ErrorCode::kNotFound,
                where + " has no backup '" + place.backup + "'; it has " + LabelsOf(backups),
                "Without `backup:` the newest is taken.");
  }
  if (!IsTime(place.at)) return backups.back();
  const std::string at = place.at.substr(0, kToTheSecond);
  // One that ended within the same second may have ended behind it.
  for (const bool same_second : {false, true}) {
    for (auto one = backups.rbegin(); one != backups.rend(); ++one) {
      if (one->ended < at || (same_second && one->ended == at)) return *one;
    }
  }
  return Fail(ErrorCode::kNotFound,
              where + " has no backup from before " + place.at + ": its oldest, " + backups.front().label +
                  ", ended at " + backups.front().ended + "Z",
              "A time from then on can be had.");
}

Result<void> CheckServerFor(const FetchRequest& request, const ListedBackup& backup,
                            const std::vector<Installation>& usable) {
  if (backup.version.empty()) return {};
  const std::string is = "backup " + backup.label + " is of PostgreSQL " + backup.version;
  if (!request.version.empty() && NumberIn(request.version) != NumberIn(backup.version)) {
    return Fail(ErrorCode::kInvalidArgument, is + ", and `version: " + request.version + "` is asked for",
                "Leave `version:` out: files are read by the version that wrote them.");
  }
  const bool here = std::any_of(usable.begin(), usable.end(), [&](const Installation& one) {
    return PostgresqlEngine().Satisfies(one.version, backup.version);
  });
  if (here) return {};
  return Fail(ErrorCode::kUnsupported, is + ", and here is " + VersionsIn(usable),
              "Install it, e.g. `apt install postgresql-" + backup.version + "` from apt.postgresql.org.");
}

FetchCommand ToolScript(const FetchRequest& request, std::string script, std::vector<std::string> arguments) {
  FetchCommand command;
  command.programs = {"/bin/sh"};
  command.arguments = {"-c", std::move(script), "sh"};
  for (std::string& argument : arguments) command.arguments.push_back(std::move(argument));
  command.environment = {{"LC_ALL", "C"}, {"TZ", "UTC"}};
  // Words that are no part of anybody's paths.
  command.failures = {
      {"no space left on device", ErrorCode::kNoSpace,
       "TMPDIR names a folder on a larger disk; what is fetched takes the size of the database there."},
      {"permission denied", ErrorCode::kForbidden,
       "The tool runs as you, with your rights: the repository has to be yours to read."},
      {"is not in the archive", ErrorCode::kNotFound,
       "Nothing behind the gap can be recovered: `at:` names a time before it, or `backup:` a later backup."},
      {"cipher header", ErrorCode::kForbidden,
       "The repository is encrypted: `configFile:` names the tool's own file that has its passphrase."},
      {"actual checksum", ErrorCode::kIo, "The repository is damaged there: take another backup of it."},
      {"log is damaged", ErrorCode::kIo, "The repository is damaged there: take another backup of it."},
      {"no such file", ErrorCode::kNotFound, ""},
  };
  command.grows = request.folder + kRestoredFolder;
  return command;
}

FetchPlan FinishPlan(const FetchRequest& request, const std::string& name, const ListedBackup& backup,
                     std::vector<FetchCommand> commands) {
  FetchPlan plan;
  plan.commands = std::move(commands);
  plan.complete = true;
  plan.backup_name = "backup " + backup.label + " of " + name;
  plan.backup_folder = request.folder + kRestoredFolder;
  plan.wal_folder = request.folder + kLogFolder;
  plan.version = backup.version;
  return plan;
}

std::string ComparablePoint(const std::string& at) {
  constexpr size_t kMicroseconds = std::string_view("2026-11-28T09:47:01.123456").size();
  if (!IsTime(at) || at.size() <= kToTheSecond) return {};
  std::string point = at.substr(0, at.find('Z'));
  point[point.find('T')] = ' ';
  if (point.size() == kToTheSecond) point += '.';
  point.resize(kMicroseconds, '0');
  return point;
}

std::string WaldumpFor(const ListedBackup& backup, const std::vector<Installation>& usable) {
  for (const Installation& one : usable) {
    if (NumberIn(one.version) == NumberIn(backup.version)) return one.root + "/bin/pg_waldump";
  }
  return {};
}

std::string LogScript(const std::string& get) {
  return get + kLogScript;
}

std::vector<std::string> LogArguments(const FetchRequest& request, const ListedBackup& backup,
                                      const std::vector<Installation>& usable) {
  const bool to_its_end = request.repository.at == kImmediate && !backup.last.empty();
  // Of an archive that has got nothing since, the backup's own is the last.
  const bool none_since = backup.newest.empty() || backup.newest < backup.last;
  return {request.folder, backup.first, to_its_end || none_since ? backup.last : backup.newest,
          ComparablePoint(request.repository.at), WaldumpFor(backup, usable)};
}

Result<FetchPlan> PostgresqlEngine::PlanRepository(const FetchRequest& request,
                                                   const std::vector<Installation>& installed) const {
  const std::vector<Installation> usable = UsableOf(Name(), installed);
  const std::string& tool = request.repository.tool;
  if (tool == "pgbackrest") return PlanPgbackrest(request, usable);
  if (tool == "barman") return PlanBarman(request, usable);
  if (tool == "wal-g") return PlanWalg(request, usable);
  return Fail(ErrorCode::kInvalidArgument, "unknown tool '" + tool + "'",
              "It is one of pgbackrest, barman, wal-g.");
}

}  // namespace spawnd::engines::postgresql
