#include "engines/redis/placed_data.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <utility>

#include "base/text.h"
#include "engines/redis/explain_exit.h"
#include "engines/redis/launch.h"
#include "engines/redis/manifest.h"
#include "engines/redis/rdb_header.h"
#include "engines/redis/rdb_modules.h"
#include "engines/source_session.h"

namespace spawnd::engines::redis {
namespace {

/// Passes a file on, and refuses it at its end when it holds what only modules know.
class DataSource final : public SourceSession {
 public:
  DataSource(const Loader& loader, const DataFile& file)
      : SourceSession(file.name),
        name_(file.name),
        server_(std::string(loader.product.display_name) + " " + loader.installation.version) {}

  Result<std::string> FilterInput(std::string_view bytes, bool last) override {
    modules_.Feed(bytes);
    if (!last) return SourceSession::FilterInput(bytes, last);
    TRY(CheckEnd());
    if (modules_.Names().empty()) return SourceSession::FilterInput(bytes, last);
    return Fail(
        ErrorCode::kUnsupported,
        "'" + name_ + "' holds data of modules, which " + server_ +
            " here does not have: " + WithTheirModules(modules_.Names()),
        "spawnd starts servers without modules. Make a snapshot of a server from which these keys and "
        "modules are gone.");
  }

 private:
  /// Commands may follow a snapshot: that is an append-only file.
  Result<void> CheckEnd() const {
    const std::string_view following = modules_.Following();
    if (modules_.IsCut()) return Fail(TruncatedSnapshot(name_));
    if (following.empty() || BeginsCommands(following)) return {};
    const std::string place = " behind byte " + std::to_string(modules_.SnapshotBytes());
    if (ReadRdbHeader(following)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'" + name_ + "' holds more than one snapshot: another one begins" + place,
                  "A server has one data set. Name one snapshot; load the others into a server and have it "
                  "write one of all.");
    }
    return Fail(ErrorCode::kInvalidArgument,
                "'" + name_ + "' is a snapshot with something else at its end" + place,
                "Only the commands of an append-only file may follow one. Cut it there (`head -c " +
                    std::to_string(modules_.SnapshotBytes()) +
                    "`), and name a script of commands under `postScript`.");
  }

  const std::string name_;
  const std::string server_;
  RdbModules modules_;
};

/// $1: the file. One that is there is another backup's.
constexpr const char* kPlaceScript = R"(set -eu
umask 077
if [ -e "$1" ]; then
  cat >/dev/null
  echo 'spawnd: a second data set'
  exit 1
fi
mkdir -p "${1%/*}"
cat >"$1"
)";

/// $1: names of the server, $2: a folder in memory, $3: the folder that becomes the data set.
///
/// A snapshot alone (it ends in FF and a checksum) is read through by the server's own checker, which is the
/// server by another name. Anything else is loaded, once, by a server that nobody can reach: what it says of
/// a cut end or an open transaction, which it then leaves out, nobody would read at the start that counts,
/// and its checker of append-only files knows less than itself. What counts is the snapshot
/// that it makes at its end: commands for a database that the real start does not have would fail in silence
/// there, and those behind them reach another one.
constexpr const char* kCheckScript = R"sh(set -eu
umask 077
for server in $1; do [ ! -x "$server" ] || break; done
cd "$3"
is_snapshot() {
  [ -f appendonly.aof ] || return 1
  case $(head -c 6 appendonly.aof | tr -d '\0') in REDIS* | VALKEY) ;; *) return 1 ;; esac
  case $(tail -c 9 appendonly.aof | od -An -v -tx1 | tr -d ' \n') in *0d0a) return 1 ;; ff*) ;; *) return 1 ;; esac
}
if is_snapshot; then
  checker=${server##*/}
  ln -sf "$server" "$2/${checker%-server}-check-rdb"
  code=0
  "$2/${checker%-server}-check-rdb" appendonly.aof || code=$?
  rm -f "$2/${checker%-server}-check-rdb"
  exit "$code"
fi
sh -c 'echo $$ >"$0"; exec "$@"' "$2/load.pid" "$server" --port 0 --unixsocket "$2/load.sock" --dir "$3" \
  --dbfilename loaded.rdb --appendonly yes --appendfilename appendonly.aof --aof-load-truncated yes --save '3600 1' \
  --auto-aof-rewrite-percentage 0 --databases 10000 --rename-command REPLICAOF '' --rename-command SLAVEOF '' --rename-command MIGRATE '' \
  --rename-command CLUSTER '' --rename-command SHUTDOWN '' --daemonize no --logfile '' 2>&1 | {
  ready=
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in *'eady to accept connections'*)
      [ -n "$ready" ] || kill -TERM "$(cat "$2/load.pid")"
      ready=1
    esac
  done
  rm -f "$2/load.pid" "$2/load.sock"
  [ -n "$ready" ]
}
rm -rf appendonly.aof appendonlydir
mv loaded.rdb appendonly.aof
)sh";

std::string WhyNot(std::string_view output) {
  // "--- RDB ERROR DETECTED ---" and then "[offset 27] Unexpected EOF reading RDB file".
  const size_t detected = output.find("RDB ERROR DETECTED");
  const size_t start = detected == std::string_view::npos ? detected : output.find("] ", detected);
  if (start == std::string_view::npos) return {};
  return std::string(output.substr(start + 2, output.find('\n', start) - start - 2));
}

/// "Unknown command 'REPLICAOF' reading the append only file"; Valkey: "error: unknown command 'REPLICAOF',
/// with".
bool NamesUnknown(std::string_view output, std::string_view command) {
  constexpr std::string_view kUnknown = "nknown command '";
  const size_t at = output.rfind(kUnknown);
  if (at == std::string_view::npos) return false;
  const std::string_view name = output.substr(at + kUnknown.size());
  return name.size() > command.size() && name[command.size()] == '\'' && StartsInAnyCase(name, command);
}

/// What the checker, the server or the script around them has against the files.
Error ExplainCheck(const std::string& backup, const std::string& both, std::string_view output) {
  if (output.find("spawnd: a second data set") != std::string_view::npos) {
    return {ErrorCode::kInvalidArgument, "'" + backup + "' is a second data set",
            "A Redis has one: name one file or folder."};
  }
  if (output.find("No space left") != std::string_view::npos) {
    // The daemon knows whether it is the volume or the disk, and has the hint.
    return {ErrorCode::kNoSpace, "there is no room for '" + backup + "'"};
  }
  for (const char* command : {"replicaof", "slaveof", "migrate", "cluster", "shutdown"}) {
    if (!NamesUnknown(output, command)) continue;
    return {ErrorCode::kInvalidArgument,
            "backup '" + backup + "' cannot be read: it holds the command '" + command +
                "', which is for a server among others and no data",
            "Take it out of the file, or make the backup again."};
  }
  for (const char* crash : {"crashed by signal", "Segmentation fault"}) {
    if (output.find(crash) == std::string_view::npos) continue;
    return {
        ErrorCode::kInvalidArgument,
        "backup '" + backup + "' cannot be read: the server crashes over it" + both,
        "A command in it has too few words, or it is damaged: `redis-check-aof` and `redis-check-rdb` look "
        "for that."};
  }
  const std::string checked = WhyNot(output);
  Error why = ExplainLog(checked.empty() ? output : std::string_view(checked));
  if (why.code == ErrorCode::kUnavailable || why.code == ErrorCode::kCorrupt) {
    why.code = ErrorCode::kInvalidArgument;
  }
  constexpr std::string_view kEnded = "the server ended: ";
  if (why.message.starts_with(kEnded)) why.message.erase(0, kEnded.size());
  why.message = "backup '" + backup + "' cannot be read: " + why.message;
  if (why.code == ErrorCode::kUnsupported) why.message += both;
  return why;
}

/// What the server left out, and says of it.
std::string WarnOfLoss(const std::string& backup, std::string_view output) {
  constexpr std::string_view kWhere = "Truncating the AOF";
  std::string place;
  const size_t at = output.find(kWhere);
  if (at != std::string_view::npos) {
    const size_t digits = output.find("at offset ", at);
    if (digits != std::string_view::npos && digits - at < 300) {
      const std::string_view rest = output.substr(digits + 10);
      place = " (byte " + std::string(rest.substr(0, rest.find_first_not_of("0123456789"))) + ")";
    }
  }
  if (output.find("Revert incomplete MULTI/EXEC transaction") != std::string_view::npos) {
    return "'" + backup + "' ends within a transaction, MULTI without EXEC" + place +
           ": all of it is left out, as the server does at its own start";
  }
  if (output.find("hort read while loading the AOF") == std::string_view::npos) return {};
  return "the end of '" + backup + "' is cut" + place +
         ": the command there is left out, as the server does at its own start";
}

ContainerCommand InContainer(std::string title, const char* script, const std::vector<std::string>& words,
                             const Loader& loader) {
  ContainerCommand command;
  command.title = std::move(title);
  command.command.argv = {"/bin/sh", "-c", script, "redis"};
  command.command.argv.insert(command.command.argv.end(), words.begin(), words.end());
  command.command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  command.command.working_directory = "/";
  std::string both = loader.writer.empty() ? "" : "; it was written by " + loader.writer;
  both += "; here is " + std::string(loader.product.display_name) + " " + loader.installation.version;
  command.explain = [backup = loader.backup, both](std::string_view output) {
    return ExplainCheck(backup, both, output);
  };
  return command;
}

Placement Place(const Loader& loader, const DataFile& file) {
  Placement placement;
  placement.source = PassOnBackup(file.name, file.packing);
  placement.source.session = std::make_unique<DataSource>(loader, file);
  placement.source.input_file = file.path_in_folder;
  placement.sink =
      InContainer("placing " + file.name, kPlaceScript,
                  {loader.paths.data_directory + "/" + kRestoreFolder + "/" + file.placed_as}, loader);
  return placement;
}

ContainerCommand Check(const Loader& loader, const std::string& warning) {
  ContainerCommand check =
      InContainer("checking " + loader.backup, kCheckScript,
                  {ServerPrograms(loader.product, loader.paths), loader.paths.socket_directory,
                   loader.paths.data_directory + "/" + kRestoreFolder},
                  loader);
  check.warn = [backup = loader.backup, warning](std::string_view output) {
    const std::string loss = WarnOfLoss(backup, output);
    return warning.empty() || loss.empty() ? warning + loss : warning + "; " + loss;
  };
  return check;
}

}  // namespace

Error TruncatedSnapshot(const std::string& name) {
  return {ErrorCode::kInvalidArgument, "backup '" + name + "' is truncated: its end is missing",
          "Copy or make the backup again; `redis-check-rdb` checks a file."};
}

std::string_view NewerServerHint() {
  return "Install a server that is at least as new as the one that made the backup.";
}

std::vector<Placement> PlaceFile(const Loader& loader, DataFile file, const std::string& warning) {
  // What a server before 7.0 left behind, which any later one takes over: an append-only file may begin
  // with, and be nothing but, a snapshot. (With appendonly on, it would not look at dump.rdb at all.)
  file.placed_as = "appendonly.aof";
  std::vector<Placement> placements;
  placements.push_back(Place(loader, file));
  placements.back().afterwards.push_back(Check(loader, warning));
  return placements;
}

std::vector<Placement> PlaceFolder(const Loader& loader, const std::vector<DataFile>& files,
                                   const std::string& warning) {
  std::vector<Placement> placements;
  for (size_t i = 0; i < files.size(); ++i) {
    DataFile file = files[i];
    const size_t slash = file.path_in_folder.rfind('/');
    const std::string own = file.path_in_folder.substr(slash == std::string::npos ? 0 : slash + 1);
    file.placed_as = "appendonlydir/" + (i == 0 ? "appendonly.aof.manifest" : own);
    placements.push_back(Place(loader, file));
  }
  placements.back().afterwards.push_back(Check(loader, warning));
  return placements;
}

}  // namespace spawnd::engines::redis
