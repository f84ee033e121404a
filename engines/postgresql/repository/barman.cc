/// https://docs.pgbarman.org: recover; what is in a server's folder, and in each backup's backup.info there.
/// Tried with 3.4.0.
#include <algorithm>

#include "engines/postgresql/repository/repository.h"

namespace spawnd::engines::postgresql {
namespace {

/// Sets `config`: the caller's own file, or one that is made for a repository's folder. The tool wants to run
/// as the user that its configuration names, and to write its locks and its log somewhere.
constexpr const char* kConfigure = R"sh(
set -u
cd "$1" || exit 1
server=$2 path=$3 config=$4
shift 4
why() {
  # What a program of its own said is in the middle of an exception.
  reason=$(printf '%s\n' "$1" | sed -n "s/^EXCEPTION: .*'err': '\(.*\)'}\$/\1/p" | sed 's/\\n/ /g; s/^ *//; s/ *$//' | head -n 1)
  case $reason in *gzip* | *bzip2* | *xz* | *zstd* | *lz4*) reason="its log is damaged: $reason" ;; esac
  [ -n "$reason" ] || reason=$(printf '%s\n' "$1" | grep -m 1 'No space left on device')
  [ -n "$reason" ] || reason=$(printf '%s\n' "$1" | grep -m 1 -iE 'error|critical|denied|unknown|exception|no space' | sed 's/^[A-Z]*: //')
  refuse "${reason:-$(printf '%s\n' "$1" | tail -n 1)}"
}
if [ -z "$config" ] && [ -n "$path" ]; then
  config=$PWD/barman.conf
  mkdir -p tool/configuration || exit 1
  printf '%s\n' '[barman]' "barman_user = $(id -un)" "barman_home = $path" "barman_lock_directory = $PWD/tool" \
    "log_file = $PWD/tool/log" "configuration_files_directory = $PWD/tool/configuration" \
    "[$server]" "description = $server" 'conninfo = host=/nonexistent' 'streaming_conninfo = host=/nonexistent' \
    'backup_method = postgres' 'archiver = on' >barman.conf || exit 1
fi
run() { if [ -n "$config" ]; then barman -c "$config" "$@"; else barman "$@"; fi; }
field() { sed -n "s/^$1=//p" "$2"; }
)sh";

/// A line for each backup: B label version end first last; and N newest segment of the archive. Or: S, the
/// servers that there are.
constexpr const char* kListScript = R"sh(
if [ -n "$path" ]; then
  server_folder=$path/$server
else
  said=$(run show-servers "$server" 2>&1) || why "$said"
  server_folder=$(printf '%s\n' "$said" | sed -n 's/^[[:space:]]*backup_directory: //p')
  [ -n "$server_folder" ] || why "$said"
fi
list=$(ls "$server_folder/base" 2>&1) || {
  case $list in *'No such file'*) list=$(ls "$path" 2>&1 >/dev/null) || refuse "${list#ls: }" ;; *) refuse "${list#ls: }" ;; esac
  servers=
  for one in "$path"/*/base; do one=${one%/base}; [ "$one" = "$path/*" ] || servers="$servers ${one##*/}"; done
  echo "S$servers"
  exit 0
}
for id in $list; do
  info=$server_folder/base/$id/backup.info
  [ -r "$info" ] || { [ ! -e "$info" ] || refuse "cannot read $info: permission denied"; continue; }
  case $(field status "$info") in DONE | WAITING_FOR_WALS) ;; *) continue ;; esac
  ended=$(date -u -d "$(field end_time "$info")" +%Y-%m-%dT%H:%M:%S 2>/dev/null) || continue
  version=$(field version "$info")
  echo "B $id $((${version:-0} / 10000)) $ended $(field begin_wal "$info") $(field end_wal "$info")"
done
)sh";

/// Tablespaces go where the source had them unless each is told another place.
constexpr const char* kRestoreScript = R"sh(
id=$1 at=$2
shift 2
case $at in
  '') ;;
  immediate) set -- --target-immediate ;;
  *) set -- --target-time "$at" ;;
esac
if [ -n "$path" ]; then
  spaces=$(field tablespaces "$path/$server/base/$id/backup.info")
else
  spaces=$(run -f json show-backup "$server" "$id" 2>&1) || why "$spaces"
  case $spaces in '{'*) ;; *) why "$spaces" ;; esac
fi
names=$(python3 - "$spaces" 2>&1 <<'END'
import ast, json, sys
text = sys.argv[1].strip()
found = []
if text.startswith("{"):
    for server in json.loads(text).values():
        found = [space["name"] for space in server.get("tablespaces") or [] if isinstance(space, dict)]
elif text:
    found = [space[0] for space in ast.literal_eval(text) or []]
for name in found:
    print(name)
END
) || why "$names"
while read -r name; do
  [ -n "$name" ] || continue
  case $name in *:* | */*) refuse "the name of tablespace '$name' cannot be given to barman" ;; esac
  set -- "$@" --tablespace "$name:$PWD/tablespaces/$name"
done <<END
$names
END
said=$(run recover "$@" "$server" "$id" "$PWD/restored" 2>&1) || why "$said"
case $said in ERROR:* | *'
ERROR:'*) why "$said" ;; esac
take_in_tablespaces
mkdir -p wal || exit 1
for logs in restored/barman_wal restored/pg_wal; do
  [ ! -d $logs ] || find $logs -maxdepth 1 -type f -exec mv -t wal -- {} + || exit 1
done
rm -rf restored/barman_wal
)sh";

/// A server's name is part of a file that is made of it.
Result<void> CheckName(const std::string& server) {
  const bool fits =
      !server.empty() && server != "barman" && std::all_of(server.begin(), server.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
      });
  if (fits) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      server.empty() ? "'server' is missing" : "'" + server + "' is no name of one of Barman's servers",
      "`server:` is the name that Barman's configuration has in brackets, and the folder in its "
      "barman_home.");
}

std::string RepositoryOf(const RepositoryPlace& place) {
  if (!place.path.empty()) return "'" + place.path + "'";
  return place.config_file.empty() ? "Barman's own configuration" : "'" + place.config_file + "'";
}

FetchCommand Script(const FetchRequest& request, const std::string& script, std::vector<std::string> more) {
  const RepositoryPlace& place = request.repository;
  std::vector<std::string> arguments{request.folder, place.stanza, place.path, place.config_file};
  arguments.insert(arguments.end(), more.begin(), more.end());
  FetchCommand command =
      ToolScript(request, std::string(kCommonFunctions) + kConfigure + script, std::move(arguments));
  command.failures.insert(
      command.failures.begin(),
      {{"run barman as", ErrorCode::kForbidden,
        "Its configuration names another user: say `repository:` with its barman_home in the place "
        "of `configFile:`, where that is yours to read."},
       {"unknown server", ErrorCode::kNotFound, "`barman list-servers` lists them."}});
  return command;
}

FetchPlan Ask(const FetchRequest& request, const std::string& where) {
  FetchCommand version;
  version.title = "asking Barman its version";
  version.programs = {"barman"};
  version.arguments = {"--version"};
  version.output = FetchCommand::Output::kAnswer;
  version.install_hint = "Install it: apt install barman.";
  FetchCommand list = Script(request, kListScript, {});
  list.title = "looking for backups of " + where;
  list.output = FetchCommand::Output::kAnswer;
  list.grows.clear();
  return {.commands = {std::move(version), std::move(list)}};
}

/// "ID VERSION END FIRST LAST"
ListedBackup BackupOf(const std::string& line) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin < line.size();) {
    const size_t end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  words.resize(5);
  return {.label = words[0], .version = words[1], .ended = words[2], .first = words[3], .last = words[4]};
}

/// As its option has it.
std::string TargetOf(const std::string& at) {
  const std::string point = ComparablePoint(at);
  return point.empty() ? at : point + "+00:00";
}

}  // namespace

Result<FetchPlan> PlanBarman(const FetchRequest& request, const std::vector<Installation>& usable) {
  constexpr size_t kAnswers = 2;
  const RepositoryPlace& place = request.repository;
  TRY(CheckName(place.stanza));
  if (!place.path.empty() && !place.config_file.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "'repository' and 'configFile' both say where Barman's backups are", "Give one of them.");
  }
  const std::string where = "server '" + place.stanza + "' in " + RepositoryOf(place);
  if (request.answers.size() < kAnswers) return Ask(request, where);
  const std::string& list = request.answers[1];
  for (const std::string& others : AnswersTo("S", list)) {
    return Fail(ErrorCode::kNotFound, "there is no " + where + (others.empty() ? "" : "; there is" + others),
                "`repository:` is the folder that barman_home names.");
  }
  std::vector<ListedBackup> backups;
  for (const std::string& line : AnswersTo("B ", list)) backups.push_back(BackupOf(line));
  TRY_ASSIGN(const ListedBackup backup, ChooseBackup(place, where, std::move(backups)));
  TRY(CheckServerFor(request, backup, usable));
  FetchCommand restore = Script(request, kRestoreScript, {backup.label, TargetOf(place.at)});
  restore.title = "restoring backup " + backup.label + " of " + where;
  return FinishPlan(request, place.stanza, backup, {std::move(restore)});
}

}  // namespace spawnd::engines::postgresql
