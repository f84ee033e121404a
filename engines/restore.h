/// How a backup or a script gets into a server: what an engine plans (Engine::Recognise) and the daemon
/// carries out. Two ways, which one backup may combine:
///
///   steps       a tool talks to the running build server, as the caller (psql < dump.sql)
///   placements  files get onto the volume before the server is first started (a physical base backup)
///
/// All programs run inside the build's container, so that a backup which gets one to do what it should not
/// reaches nothing but that container (README.md, "Restoring").
///
/// Plans are made and used by the thread of one image build. A crash at any point leaves no image.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engines/parts.h"
#include "engines/unpack/packing.h"

namespace spawnd::engines {

/// Decides what becomes of each line that a restore tool prints, and sees the dump on its way in.
class RestoreSession {
 public:
  virtual ~RestoreSession() = default;
  /// Turns the next bytes of the backup, unpacked, into bytes for the tool's standard input (locale
  /// replacement). `last` is true once, with the final bytes. Errors name the place: "line 12 of dump.sql".
  virtual Result<std::string> FilterInput(std::string_view bytes, bool last) = 0;
  /// One line (without the newline) that the tool wrote to standard error. An error ends the restore.
  virtual Result<void> OnToolMessage(std::string_view line) = 0;
  /// The tool ended with `exit_code`; the last word on whether the restore worked.
  virtual Result<void> OnToolExit(int exit_code) = 0;
  /// Warnings for the image's log, e.g. a locale that was replaced.
  virtual std::vector<std::string> Warnings() const = 0;
  /// How many of the server's errors were passed over because RestoreOptions say so.
  virtual uint64_t PassedOver() const { return 0; }
};

/// Where a tool that opens the backup itself finds it. The file can be read at any offset, and opened again
/// where RestoreRequest::reopens says so.
inline constexpr const char* kBackupFile = "/proc/self/fd/3";
inline constexpr const char* kBackupFolder = "/run/spawnd/backup";

/// What of the backup a tool is given.
enum class ToolReads {
  kInput,   ///< its bytes through session->FilterInput, as standard input
  kBackup,  ///< itself, as kBackupFile or kBackupFolder
  kLogs,    ///< RestoreRequest::logs, as kBackupFolder
  kNothing,
};

struct RestoreStep {
  std::string title;  ///< for progress: "restoring pagila.sql.gz"
  /// Runs in the container as the caller, without capabilities, sees processes of its own alone, can write to
  /// a /tmp of its own alone, and reaches nothing on the network but the endpoint. Of paths there are those
  /// of ProgramForTools, and the backup.
  Command command;
  ToolReads reads = ToolReads::kInput;
  Packing packing{};         ///< of what is read for kInput
  std::string input_file{};  ///< for kInput, where the backup is a folder: the file in it that is read
  /// command.argv[0] is a program of ours, which may lie where no container sees it.
  bool is_our_program = false;
  std::unique_ptr<RestoreSession> session;
};

/// Where tools find a program of the host's: below /usr, which every container has, or in the installation,
/// which is at `engine_root` (Paths). Empty when it lies elsewhere, out of their reach.
std::string ProgramForTools(const std::string& host_path, const Installation& installation,
                            const std::string& engine_root);

inline constexpr size_t kMaxCommandInput = 64 * 1024;
inline constexpr size_t kMaxCommandOutput = 16 * 1024;

/// A program that runs inside the container of a build, as the engine's user, without privileges, while no
/// server runs. Its paths are those of Paths; the host's own programs (/bin/tar, /bin/sh) are there. What it
/// prints is in the image's log.
struct ContainerCommand {
  std::string title;  ///< for progress and messages: "recovering base.tar.gz"
  Command command;
  std::string
      input{};  ///< its standard input, at most kMaxCommandInput bytes; a sink gets the source's output
  /// Why it failed, for the user, from the last kMaxCommandOutput bytes that it printed. Empty: the title and
  /// the last line.
  std::function<Error(std::string_view output)> explain{};
  /// What its output has to warn of when it worked; empty: nothing.
  std::function<std::string(std::string_view output)> warn{};
};

/// Makes or replaces a small file in the container; a command like any other.
ContainerCommand WriteFileInContainer(const std::string& path, std::string content);

/// Files that have to be on the volume before the server starts, because the backup is files and no
/// statements: a physical base backup, a snapshot file, the folder of a backup tool.
///
///   source (a tool, as the caller) | pipe | sink (a command, as the engine's user); then `afterwards`, one
///   by one
///
/// The volume is the empty, initialised image of the chosen version, as for every build, and all placements
/// come before its server is first started. No byte passes through a process with more rights than the
/// caller's on one side of the pipe and the engine's user's on the other. The first failure ends the build
/// with the words of the tool that failed, and leaves nothing.
///
/// What is placed may hold foreign users and settings. It is the plan's part to see to it that the server
/// starts as StartCommand says and that Probe gets in as superuser, e.g. with a command in `afterwards`.
struct Placement {
  bool replaces_data = false;  ///< the data directory is emptied first; it stays itself, owner and mode too
  /// What its command writes to standard output is placed. PassOnBackup() of source_session.h for
  /// the backup file itself;
  /// `tar -C kBackupFolder -c .` for a folder. Needs no server.
  RestoreStep source;
  /// `/bin/tar -x -C DATA`, `/bin/sh -c 'cat > dump.rdb'`. Reads its input to the end.
  ContainerCommand sink;
  std::vector<ContainerCommand> afterwards{};
};

/// A backup that is a folder, as the caller may see it. More than a few small files is for tools to read,
/// which run as the caller.
class BackupFolder {
 public:
  virtual ~BackupFolder() = default;
  /// Names in the folder itself, sorted, at most some ten thousand.
  virtual const std::vector<std::string>& Names() const = 0;
  bool Has(std::string_view name) const;
  /// Opens a regular file below the folder with the caller's rights.
  virtual Result<UniqueFd> Open(const std::string& relative_path) const = 0;
  /// Names of the programs of this machine that work in the folder itself, as servers do in the folder of
  /// their data. May be out of date as soon as it is told.
  virtual std::vector<std::string> WorkedInBy() const { return {}; }
};

/// A backup or a script, as the caller of the daemon named it.
struct RestoreRequest {
  std::string backup_name{};  ///< as the user wrote it, for messages
  /// Opened by the caller, regular file; read with offsets of one's own. It and `folder` outlive what
  /// Recognise returns, and stay the caller's to close.
  int backup_fd = -1;
  /// A tool, which runs as the caller, may open kBackupFile: not of a file that was opened with rights that
  /// the caller does not have.
  bool reopens = false;
  const BackupFolder* folder = nullptr;  ///< set: the backup is a folder, and backup_fd is -1
  /// A folder of logs that the files of a server are recovered by, and its name; nullptr: none was given.
  const BackupFolder* logs = nullptr;
  std::string logs_name{};
  /// One of the user's own scripts (preScript, postScript, scripts folders): the product's statements as
  /// text, never an archive; may be empty. Its plan has steps only, and any error ends it.
  bool is_script = false;
};

/// RestoreOptions::at: the end of the backup itself.
inline constexpr std::string_view kImmediate = "immediate";

/// What the user wants of a restore beyond the backup itself (docs/backups.md has the keys). An engine that
/// cannot do one of them refuses it by name in RecognisedBackup::Plan.
struct RestoreOptions {
  std::string locale{};    ///< of the database that is made for the backup; empty: the backup's own
  std::string encoding{};  ///< the same
  /// What the server refuses is passed over and counted (RestoreSession::PassedOver): everything, or what one
  /// of `ignored_errors` matches, which are error codes of the product and words that a statement begins
  /// with.
  bool continue_on_error = false;
  std::vector<std::string> ignored_errors{};
  std::vector<std::string> skip_extensions{};  ///< extensions, plugins and modules that are left out
  std::vector<std::string> tables{};           ///< nothing but these
  std::vector<std::string> exclude_tables{};
  std::vector<std::string> exclude_data{};  ///< tables that come without their rows
  bool schema_only = false;                 ///< no rows at all
  /// The files of a server are recovered up to here: "2026-11-28T09:40:18.5Z", or kImmediate; empty: to the
  /// end of the logs. Only for what takes logs (RecognisedBackup::TakesLogs).
  std::string at{};

  /// Whether any of the four that take parts of a backup is there.
  bool TakesParts() const {
    return schema_only || !tables.empty() || !exclude_tables.empty() || !exclude_data.empty();
  }
};

/// Where a restore goes.
struct RestoreTarget {
  std::string database{};  ///< initialDatabaseName, may be empty
  /// Of backups. Of the user's own scripts every error is one.
  RestoreOptions options{};
  /// Bytes that a volume can have at most: what unpacks to more is refused.
  uint64_t volume_bytes = 0;
  Paths paths{};  ///< for placements
  Endpoint endpoint{};
  Credentials credentials{};  ///< of the build server's superuser
  /// Versions of the product that this machine has, newest first; for messages.
  std::vector<std::string> installed{};
};

/// The steps that restore one backup. Any list may be empty.
struct RestorePlan {
  std::vector<Placement> placements;
  std::vector<RestoreStep> steps;
  /// Make RestoreTarget::database as the backup, or RestoreOptions, want it: once the server runs, before
  /// anything else. Empty: it is made as any other (Session::CreateDatabase).
  std::vector<RestoreStep> database{};
};

/// What an engine saw in a backup (Engine::Recognise). Used by one thread at a time.
class RecognisedBackup {
 public:
  virtual ~RecognisedBackup() = default;
  /// The version that the backup dictates ("15"), because it holds the server's own files; empty: any may
  /// take it.
  virtual std::string Version() const { return {}; }
  /// Its plan has placements. Only one such backup fits into one image.
  virtual bool IsPlaced() const { return false; }
  /// It can be recovered by RestoreRequest::logs.
  virtual bool TakesLogs() const { return false; }
  /// How to restore it with this installation and the tools of this host. Reads nothing of the backup, so
  /// that it costs little to ask before a build, with no target yet, whether that is possible at all:
  /// kUnsupported otherwise. The plan that is carried out is another one, and one alone: placements and steps
  /// of a plan belong together.
  virtual Result<RestorePlan> Plan(const Installation& installation, const RestoreTarget& target) const = 0;
};

/// For engines that take no folder (or not this one).
Error FolderRefused(const RestoreRequest& request);

}  // namespace spawnd::engines
