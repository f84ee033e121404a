/// https://pgbackrest.org/command.html: info, restore, archive-get. Tried with 2.45.
#include <algorithm>

#include "engines/postgresql/repository/repository.h"

namespace spawnd::engines::postgresql {
namespace {

/// What the tool gives as its reason, of what it said. Kept in memory: the disk may be full.
constexpr const char* kWhy = R"sh(
why() {
  reason=$(printf '%s\n' "$1" | sed -n '/ERROR: \[/,$p' | sed 's/^.*ERROR: \[[0-9]*\]: //; s/^ *//; /^HINT/d' | tr '\n' ' ' | cut -c1-500)
  refuse "${reason:-$1}" "${2:-1}"
}
)sh";

/// Lines of a letter and words, of each stanza: S name, T status, D why, W version oldest/newest segment,
/// then of each backup B label, E when it ended, L first / last segment. The whole would be too much of an
/// answer.
constexpr const char* kListScript = R"sh(
set -u
cd "$1" || exit 1
shift
list=$(pgbackrest "$@" info 2>&1) || why "$list"
printf '%s\n' "$list" | sed -n -e 's/^stanza: /S /p' -e 's/^ *status: /T /p' -e 's/^ *\[\([A-Za-z]*\)\] /D /p' \
  -e '/Salted__/s/.*/D it is encrypted/p' \
  -e 's/^ *wal archive min\/max (\([^)]*\)): /W \1 /p' -e 's/^ *\(full\|diff\|incr\) backup: /B /p' \
  -e 's/^ *timestamp start\/stop: .* \/ \([0-9-]*\) \([0-9:]*\).*$/E \1T\2/p' -e 's/^ *wal start\/stop: /L /p'
)sh";

/// Tablespaces and links lead out of the folder that the tool restores to; they are taken in.
constexpr const char* kRestoreScript = R"sh(
set -u
cd "$1" || exit 1
label=$2
shift 2
mkdir -m 0700 restored || exit 1
said=$(pgbackrest "$@" --pg1-path="$PWD/restored" --set="$label" --type=none --no-link-all \
  --tablespace-map-all="$PWD/tablespaces" restore 2>&1) || why "$said"
take_in_tablespaces
)sh";

constexpr const char* kGet = R"sh(
get() {
  wanted=$1
  shift
  said=$(pgbackrest "$@" --pg1-path="$PWD/restored" archive-get "$wanted" "$PWD/wal/$wanted" 2>&1)
  case $? in
    0) return 0 ;;
    1) return 1 ;;
  esac
  why "$said" 2
}
)sh";

std::vector<std::string> OptionsOf(const RepositoryPlace& place) {
  std::vector<std::string> options;
  if (!place.config_file.empty()) {
    options.push_back("--config=" + place.config_file);
  } else if (!place.path.empty()) {
    options.emplace_back("--no-config");
  }
  if (!place.path.empty()) options.push_back("--repo1-path=" + place.path);
  return options;
}

/// Its own file may name places that are another user's, and what it does beside what it is asked to.
void SetPlaces(const FetchRequest& request, FetchCommand& command) {
  for (const char* place : {"LOCK", "SPOOL", "LOG"}) {
    command.environment.emplace_back("PGBACKREST_" + std::string(place) + "_PATH", request.folder + "/tool");
  }
  command.environment.emplace_back("PGBACKREST_LOG_LEVEL_FILE", "off");
  command.environment.emplace_back("PGBACKREST_LOG_LEVEL_CONSOLE", "off");
  command.environment.emplace_back("PGBACKREST_LOG_LEVEL_STDERR", "error");
  command.environment.emplace_back("PGBACKREST_ARCHIVE_ASYNC", "n");
  if (request.jobs > 0)
    command.environment.emplace_back("PGBACKREST_PROCESS_MAX", std::to_string(request.jobs));
}

FetchCommand Script(const FetchRequest& request, const std::string& script,
                    std::vector<std::string> arguments) {
  FetchCommand command =
      ToolScript(request, std::string(kCommonFunctions) + kWhy + script, std::move(arguments));
  SetPlaces(request, command);
  return command;
}

std::string RepositoryOf(const RepositoryPlace& place) {
  if (!place.path.empty()) return "repository '" + place.path + "'";
  return place.config_file.empty() ? "pgBackRest's own repository"
                                   : "repository of '" + place.config_file + "'";
}

FetchPlan Ask(const FetchRequest& request) {
  FetchCommand version;
  version.title = "asking pgBackRest its version";
  version.programs = {"pgbackrest"};
  version.arguments = {"version"};
  version.output = FetchCommand::Output::kAnswer;
  version.install_hint = "Install it: apt install pgbackrest.";
  std::vector<std::string> arguments{request.folder};
  for (std::string& option : OptionsOf(request.repository)) arguments.push_back(std::move(option));
  FetchCommand list = Script(request, kListScript, std::move(arguments));
  list.title = "looking for backups in " + RepositoryOf(request.repository);
  list.output = FetchCommand::Output::kAnswer;
  list.grows.clear();
  return {.commands = {std::move(version), std::move(list)}};
}

/// Of the list.
struct Stanza {
  std::string status{};
  std::string detail{};
  std::vector<ListedBackup> backups{};
};

/// Calls `take` with the letter and the words of each line.
template <typename Take>
void ForEachLine(std::string_view list, const Take& take) {
  while (!list.empty()) {
    const std::string_view line = list.substr(0, list.find('\n'));
    list.remove_prefix(std::min(list.size(), line.size() + 1));
    if (line.size() > 2 && line[1] == ' ') take(line[0], std::string(line.substr(2)));
  }
}

/// "first / last", "first/last"
std::pair<std::string, std::string> Split(const std::string& words) {
  const size_t slash = words.find('/');
  if (slash == std::string::npos) return {};
  const size_t end = words.find_last_not_of(' ', slash - 1);
  const size_t begin = words.find_first_not_of(' ', slash + 1);
  return {words.substr(0, end + 1), begin == std::string::npos ? "" : words.substr(begin)};
}

/// All names go to `names`.
Stanza StanzaIn(std::string_view list, const std::string& wanted, std::vector<std::string>& names) {
  Stanza stanza;
  bool inside = false;
  std::string version;
  std::string newest;
  ForEachLine(list, [&](char letter, const std::string& words) {
    if (letter == 'S') {
      // So the tool calls what it cannot look at.
      const bool invalid = words == "[invalid]";
      if (!invalid) names.push_back(words);
      inside = words == wanted || invalid;
    }
    if (!inside) return;
    const bool in_backup = !stanza.backups.empty();
    if (letter == 'T') {
      stanza.status = words;
    } else if (letter == 'D') {
      stanza.detail = words;
    } else if (letter == 'W') {
      version = words.substr(0, words.find(' '));
      newest = Split(words.substr(version.size())).second;
    } else if (letter == 'B') {
      stanza.backups.push_back({.label = words, .version = version, .newest = newest});
    } else if (letter == 'E' && in_backup) {
      stanza.backups.back().ended = words;
    } else if (letter == 'L' && in_backup) {
      std::tie(stanza.backups.back().first, stanza.backups.back().last) = Split(words);
    }
  });
  return stanza;
}

/// `name`: may be empty where there is one alone.
Result<std::string> ChooseStanza(const RepositoryPlace& place, const std::string& list) {
  if (!place.stanza.empty()) return place.stanza;
  std::vector<std::string> names;
  StanzaIn(list, "", names);
  if (names.size() == 1) return names.front();
  if (names.empty() && list.find("S [invalid]") != std::string::npos) return std::string();
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return Fail(ErrorCode::kInvalidArgument,
              names.empty() ? RepositoryOf(place) + " has no stanza"
                            : RepositoryOf(place) + " has several stanzas: " + all,
              names.empty() ? "Is it the folder that repo1-path names?"
                            : "Name one, as `stanza: " + names.front() + "`.");
}

Result<std::vector<ListedBackup>> BackupsOf(const RepositoryPlace& place, const std::string& name,
                                            const std::string& list) {
  std::vector<std::string> names;
  Stanza stanza = StanzaIn(list, name, names);
  if (!stanza.backups.empty()) return std::move(stanza.backups);
  names.erase(std::remove(names.begin(), names.end(), name), names.end());
  std::string others;
  for (const std::string& other : names) others += (others.empty() ? "; it has " : ", ") + other;
  if (stanza.status.empty() || stanza.status.find("missing stanza") != std::string::npos) {
    return Fail(ErrorCode::kNotFound, RepositoryOf(place) + " has no stanza '" + name + "'" + others,
                others.empty() ? "Is it the folder that repo1-path names?" : "");
  }
  if (stanza.detail.empty() || stanza.status.find("no valid backups") != std::string::npos) {
    return std::vector<ListedBackup>();
  }
  const bool denied = stanza.detail.find("Permission denied") != std::string::npos;
  const bool secret =
      stanza.detail.find("cipher") != std::string::npos || stanza.detail.find("encrypt") != std::string::npos;
  return Fail(denied || secret ? ErrorCode::kForbidden : ErrorCode::kIo,
              (name.empty() ? "" : "stanza '" + name + "' of ") + RepositoryOf(place) +
                  " cannot be read: " + stanza.detail,
              denied ? "The tool runs as you, with your rights: the repository has to be yours to read."
              : secret
                  ? "It is encrypted: `configFile:` names pgBackRest's own file, with repo1-cipher-type and "
                    "repo1-cipher-pass."
                  : "");
}

}  // namespace

Result<FetchPlan> PlanPgbackrest(const FetchRequest& request, const std::vector<Installation>& usable) {
  constexpr size_t kAnswers = 2;
  if (request.answers.size() < kAnswers) return Ask(request);
  const RepositoryPlace& place = request.repository;
  const std::string& list = request.answers[1];
  TRY_ASSIGN(const std::string stanza, ChooseStanza(place, list));
  const std::string where = "stanza '" + stanza + "' of " + RepositoryOf(place);
  TRY_ASSIGN(std::vector<ListedBackup> backups, BackupsOf(place, stanza, list));
  TRY_ASSIGN(const ListedBackup backup, ChooseBackup(place, where, std::move(backups)));
  TRY(CheckServerFor(request, backup, usable));
  std::vector<std::string> options = OptionsOf(place);
  options.push_back("--stanza=" + stanza);
  std::vector<std::string> arguments{request.folder, backup.label};
  arguments.insert(arguments.end(), options.begin(), options.end());
  FetchCommand restore = Script(request, kRestoreScript, std::move(arguments));
  restore.title = "restoring backup " + backup.label + " of " + where;
  arguments = LogArguments(request, backup, usable);
  arguments.insert(arguments.end(), options.begin(), options.end());
  FetchCommand log = Script(request, LogScript(kGet), std::move(arguments));
  log.title = "getting the log of " + where;
  log.grows = request.folder + kLogFolder;
  return FinishPlan(request, stanza, backup, {std::move(restore), std::move(log)});
}

}  // namespace spawnd::engines::postgresql
