#include "engines/postgresql/standby/recipe.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "engines/postgresql/detect.h"
#include "engines/postgresql/physical/base_recovery.h"
#include "engines/postgresql/standby/conninfo.h"
#include "engines/server_log.h"

namespace spawnd::engines::postgresql {
namespace {

/// Before 12 a standby's settings stand in a file of its own, recovery.conf.
constexpr int kOldestMajor = 12;
/// READ_REPLICATION_SLOT came with it.
constexpr int kTellsOfSlots = 15;

std::string Program(const Launch& launch, const char* name) {
  return launch.paths.engine_root + "/bin/" + name;
}

Command ShellCommand(const char* script, std::vector<std::string> arguments) {
  Command command;
  command.argv = {"/bin/sh", "-c", script, "sh"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  command.working_directory = "/";
  return command;
}

/// Arguments: psql, how to connect, the name of a slot or nothing.
constexpr const char* kAskPrimaryScript = R"sh(
"$1" -wXAtq -v ON_ERROR_STOP=1 -d "$2" -c 'SHOW server_version' -c IDENTIFY_SYSTEM </dev/null || exit 1
if [ -n "$3" ]; then "$1" -wXAtq -v ON_ERROR_STOP=1 -d "$2" -c "READ_REPLICATION_SLOT $3" </dev/null; fi
)sh";

/// Arguments: psql, the socket's folder, the port, the user. "postgres" may have been dropped.
constexpr const char* kAskStandbyScript = R"sh(
for database in postgres template1; do
  "$1" -wXAtq -h "$2" -p "$3" -U "$4" -d "$database" -c "SELECT greatest(pg_catalog.pg_last_wal_receive_lsn(),
    pg_catalog.pg_last_wal_replay_lsn()), pg_catalog.pg_last_wal_replay_lsn(),
    (SELECT count(pid) FROM pg_catalog.pg_stat_wal_receiver), pg_catalog.pg_is_wal_replay_paused()" </dev/null && exit 0
done
exit 1
)sh";

/// Arguments: the data directory, pg_controldata, the file of settings that is made. A standby must allow
/// what its primary allows, which pg_control keeps up with, or it does not start. The primary's own files of
/// settings may name folders and libraries of another machine; in an image they are beside its settings
/// (engines/postgresql/physical/base_recovery.cc). Minimum and maximum of the log are counted in segments,
/// whose size the primary chose.
constexpr const char* kPrepareScript = R"sh(
set -eu
cd "$1"
rm -f recovery.signal postmaster.pid
: >standby.signal
if [ -e postgresql.auto.conf ]; then mv postgresql.auto.conf postgresql.auto.conf.source; fi
"$2" -D "$1" | sed -n 's/^\(max_connections\|max_worker_processes\|max_wal_senders\) setting: *\([0-9]*\)$/\1 = \2/p
s/^max_prepared_xacts setting: *\([0-9]*\)$/max_prepared_transactions = \1/p
s/^max_locks_per_xact setting: *\([0-9]*\)$/max_locks_per_transaction = \1/p
s/^Bytes per WAL segment: *\([0-9]*\)$/# segment \1/p' >"$3"
grep -q '^max_connections = [1-9]' "$3" || { echo 'pg_controldata does not say what the primary allows'; exit 1; }
segment=$(sed -n 's/^# segment //p' "$3")
megabytes=$((${segment:-16777216} / 1048576))
if [ "$megabytes" -gt 16 ]; then
  echo "min_wal_size = $((2 * megabytes))MB" >>"$3"
  echo "max_wal_size = $((megabytes > 256 ? 4 * megabytes : 1024))MB" >>"$3"
fi
)sh";

std::optional<uint64_t> ParsePosition(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  uint32_t high = 0;
  uint32_t low = 0;
  const auto read = [](std::string_view part, uint32_t& number) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number, 16);
    return error == std::errc() && end == part.data() + part.size();
  };
  if (!read(text.substr(0, slash), high) || !read(text.substr(slash + 1), low)) return std::nullopt;
  return (uint64_t{high} << 32U) | low;
}

std::string Hex(uint64_t number) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
  std::string text(digits.data(), end);
  for (char& c : text) c = static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c);
  return text;
}

/// "a|b|c", the first `count` of it; what is missing is empty.
std::vector<std::string_view> Columns(std::string_view line, size_t count) {
  std::vector<std::string_view> columns(count);
  for (size_t i = 0; i < count && !line.empty(); ++i) {
    const size_t end = std::min(line.find('|'), line.size());
    columns[i] = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return columns;
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) { return text.find(part) != std::string_view::npos; });
}

/// What a tool, or through it the server, says last, without who says it and where it was connected to: the
/// address is that of the container's own loopback.
std::string Words(std::string_view output) {
  std::string_view said;
  for (const std::string_view line : LogLines(output)) {
    const bool counts = IsOneOf(line, {"FATAL:", "ERROR:", "error:", "failed:"});
    if (counts || said.empty()) said = line;
  }
  for (const std::string_view before : {"error: ", "failed: ", "FATAL:  ", "ERROR:  "}) {
    const size_t at = said.find(before);
    if (at != std::string_view::npos) said.remove_prefix(at + before.size());
  }
  return said.empty() ? "no word of why" : std::string(said);
}

struct Refusal {
  std::initializer_list<std::string_view> words;
  ErrorCode code;
  const char* hint;
};

}  // namespace

Result<void> Recipe::CanFollow(const Installation& installation) const {
  if (MajorNumberOf(installation.version) < kOldestMajor) {
    return Fail(
        ErrorCode::kUnsupported, "PostgreSQL " + installation.version + " cannot be a standby here",
        "Standbys are of PostgreSQL 12 and later. Of an older server make images with `sourceType: server`.");
  }
  for (const char* program : {"pg_basebackup", "psql", "pg_receivewal", "pg_controldata"}) {
    const std::string path = installation.root + "/bin/" + program;
    if (::access(path.c_str(), X_OK) == 0) continue;
    const std::string major = std::to_string(MajorNumberOf(installation.version));
    return Fail(ErrorCode::kUnsupported, "a standby needs '" + path + "', which is not there",
                "Install it: `apt install postgresql-" + major + "` brings postgresql-client-" + major + ".");
  }
  return {};
}

Result<void> Recipe::CanFollow(const Installation& installation, const PrimaryState& primary) const {
  const int major = MajorNumberOf(primary.version);
  if (major == MajorNumberOf(installation.version)) return {};
  return Fail(
      ErrorCode::kUnsupported,
      "the server is PostgreSQL " + primary.version + ", and a standby of it has to be PostgreSQL " +
          std::to_string(major) + ", not " + installation.version,
      "Install postgresql-" + std::to_string(major) + ", or say the version that is installed as `version`.");
}

std::string Recipe::SlotName(int64_t source_id, std::string_view random) const {
  return "spawnd_" + std::to_string(source_id) + "_" + std::string(random);
}

Command Recipe::AskPrimary(const Launch& launch) const {
  const bool tells = MajorNumberOf(launch.installation.version) >= kTellsOfSlots;
  return ShellCommand(kAskPrimaryScript,
                      {Program(launch, "psql"), ConnectionInfo(launch) + " replication=true",
                       tells ? launch.primary->slot : std::string()});
}

Result<PrimaryState> Recipe::ReadPrimary(std::string_view output) const {
  const auto lines = LogLines(output);
  PrimaryState state;
  if (lines.size() >= 2) {
    state.version = lines[0].substr(0, lines[0].find(' '));
    const auto columns = Columns(lines[1], 3);
    state.identity = columns[0];
    state.position = ParsePosition(columns[2]).value_or(0);
  }
  if (state.identity.empty() || state.position == 0 || MajorNumberOf(state.version) == 0) {
    return Fail(ErrorCode::kUnavailable,
                "what the server says of itself is not understood: " + Words(output));
  }
  // Where it was not asked, it has it for all that is known.
  state.has_slot = true;
  if (lines.size() < 3) return state;
  const auto slot = Columns(lines[2], 2);
  state.has_slot = slot[0] == "physical";
  state.kept_from = ParsePosition(slot[1]).value_or(0);
  return state;
}

Command Recipe::CopyCommand(const Launch& launch) const {
  Command command;
  command.argv = {Program(launch, "pg_basebackup"), "--dbname=" + ConnectionInfo(launch),
                  "--pgdata=" + launch.paths.data_directory, "--wal-method=stream", "--create-slot",
                  "--slot=" + launch.primary->slot, "--checkpoint=fast", "--progress", "--no-password",
                  // The volume is synced as a whole when it is sealed.
                  "--no-sync"};
  if (MajorNumberOf(launch.installation.version) >= 13) command.argv.emplace_back("--no-manifest");
  command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  command.working_directory = "/";
  return command;
}

/// "  23456/123456 kB (19%), 0/1 tablespace"
std::optional<CopyProgress> Recipe::ReadProgress(std::string_view line) const {
  const size_t start = line.find_first_not_of(' ');
  const size_t end = line.find(" kB (");
  if (start == std::string_view::npos || end == std::string_view::npos || end < start) return std::nullopt;
  line = line.substr(start, end - start);
  const size_t slash = line.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  CopyProgress progress;
  std::from_chars(line.data(), line.data() + slash, progress.bytes_done);
  std::from_chars(line.data() + slash + 1, line.data() + line.size(), progress.bytes_total);
  progress.bytes_done *= 1024;
  progress.bytes_total *= 1024;
  return progress;
}

Command Recipe::DropSlot(const Launch& launch) const {
  return ShellCommand(
      "out=$(\"$1\" --dbname=\"$2\" --drop-slot --slot=\"$3\" --no-password 2>&1 </dev/null) && exit 0\n"
      "case $out in *'does not exist'*) exit 0 ;; esac\n"
      "echo \"$out\"; exit 1",
      {Program(launch, "pg_receivewal"), ConnectionInfo(launch), launch.primary->slot});
}

std::string Recipe::HowToDropSlot(const Primary& primary) const {
  return "It keeps write-ahead log on the server until it is dropped there: `SELECT "
         "pg_drop_replication_slot('" +
         primary.slot + "')`.";
}

Error Recipe::Explain(const Primary& primary, std::string_view output) const {
  const std::string server = primary.user + "@" + primary.host + ":" + std::to_string(primary.port);
  const std::array<Refusal, 9> refusals{{
      {{"Connection refused", "timed out", "timeout expired", "Network is unreachable", "No route to host",
        "closed the connection", "could not receive data", "starting up", "shutting down", "in recovery mode",
        "connection to server was lost", "connection not open", "Broken pipe",
        "unexpected termination of replication stream", "Connection reset", "terminating connection"},
       ErrorCode::kUnavailable,
       "Is it running, and does it listen there? Containers reach it from this machine, so try `psql` from "
       "here."},
      {{"no pg_hba.conf entry"},
       ErrorCode::kForbidden,
       "Let it in on the server: a line `host replication USER ADDRESS scram-sha-256` in pg_hba.conf, then "
       "reload."},
      {{"no password supplied"},
       ErrorCode::kForbidden,
       "Name a file with the password as `connection.passwordFile`, or put it into ~/.pgpass of the source's "
       "owner."},
      {{"password authentication failed", "role \""},
       ErrorCode::kForbidden,
       "Correct the user or the password that `connection` names."},
      {{"replication role", "permission denied to start WAL sender", "must be superuser or replication"},
       ErrorCode::kForbidden,
       "Give it the right on the server: `ALTER ROLE ... REPLICATION`."},
      {{"all replication slots are in use", "max_replication_slots"},
       ErrorCode::kUnavailable,
       "Raise max_replication_slots on the server, or drop a slot that nobody uses."},
      {{"wal_level"}, ErrorCode::kInvalidArgument, "Set `wal_level = replica` on the server and restart it."},
      {{"could not create directory", "tablespace"},
       ErrorCode::kUnsupported,
       "A standby takes no tablespaces. Move what is in them to pg_default, or use `sourceType: server`."},
      {{"No space left on device"}, ErrorCode::kNoSpace, "Raise `volumeSize` in spawnd.yaml, or make room."},
  }};
  Error error{ErrorCode::kInvalidArgument, "server " + server + ": " + Words(output)};
  for (const Refusal& refusal : refusals) {
    if (!IsOneOf(output, refusal.words)) continue;
    error.code = refusal.code;
    error.hint = refusal.hint;
    break;
  }
  return error;
}

Command Recipe::PrepareStart(const Launch& launch) const {
  return ShellCommand(kPrepareScript, {launch.paths.data_directory, Program(launch, "pg_controldata"),
                                       LimitsFile(launch.paths)});
}

Command Recipe::AskStandby(const Launch& launch) const {
  return ShellCommand(kAskStandbyScript, {Program(launch, "psql"), launch.paths.socket_directory,
                                          std::to_string(launch.endpoint.port), launch.primary->user});
}

Result<StandbyState> Recipe::ReadStandby(std::string_view output) const {
  for (const std::string_view line : LogLines(output)) {
    const auto columns = Columns(line, 4);
    const auto received = ParsePosition(columns[0]);
    const auto replayed = ParsePosition(columns[1]);
    if (!received || !replayed) continue;
    return StandbyState{*received, *replayed, columns[2] != "0", columns[3] == "t"};
  }
  return Fail(ErrorCode::kUnavailable, "the standby does not say how far it is: " + Words(output));
}

std::optional<Error> Recipe::Broken(const Primary& primary, std::string_view log_tail) const {
  const std::string server = primary.host + ":" + std::to_string(primary.port);
  constexpr std::string_view kAnew = "Delete the data source and create it anew: it begins with a new copy.";
  struct Cause {
    std::string_view words;
    std::string message;
  };
  const std::string restored =
      "server " + server + " was restored, or promoted before what the standby has received";
  const std::array<Cause, 10> causes{{
      {"does not exist", "its slot '" + primary.slot + "' is gone from server " + server},
      {"can no longer get changes from replication slot", "server " + server + " has given its slot up"},
      {"This slot has been invalidated", "server " + server + " has given its slot up"},
      {"can no longer access replication slot", "server " + server + " has given its slot up"},
      {"has already been removed",
       "server " + server + " does not have the log any more that the standby needs"},
      {"database system identifier differs",
       "server " + server + " has other data than the one that was copied"},
      {"is not in this server's history", restored},
      {"forked off current database system timeline", restored},
      {"is behind recovery timeline", restored},
      {"is ahead of the WAL flush position of this server", restored},
  }};
  const size_t streams = log_tail.rfind("started streaming WAL from primary");
  for (const Cause& cause : causes) {
    const size_t at = log_tail.rfind(cause.words);
    if (at == std::string_view::npos || (streams != std::string_view::npos && at < streams)) continue;
    const size_t start = log_tail.rfind('\n', at) + 1;
    const std::string_view line = log_tail.substr(start, log_tail.find('\n', at) - start);
    if (cause.words == "does not exist" && line.find("replication slot") == std::string_view::npos) continue;
    return Error{ErrorCode::kInvalidArgument, cause.message + ": " + Words(line), std::string(kAnew)};
  }
  return std::nullopt;
}

std::vector<ContainerCommand> Recipe::Promote(const std::string& name, const Paths& paths,
                                              const std::string& version) const {
  std::vector<ContainerCommand> commands = RecoverBaseBackup(name, paths, version, "");
  // An archive recovery follows the primary's timelines, and insists on all that the standby had in its
  // files. After the first command, which tidies, and before the one that recovers.
  ContainerCommand recover_all;
  recover_all.title = "promoting " + name;
  recover_all.command = ShellCommand(": >\"$1\"/recovery.signal", {paths.data_directory});
  commands.insert(commands.begin() + 1, std::move(recover_all));
  return commands;
}

std::string Recipe::PositionText(uint64_t position) const {
  return Hex(position >> 32U) + "/" + Hex(position & 0xffffffffU);
}

}  // namespace spawnd::engines::postgresql
