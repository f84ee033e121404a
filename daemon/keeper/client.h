/// The daemon's side of one keeper: launch it, find it again after a restart of the daemon, give it orders.
///
/// All calls block with a deadline and belong on job threads, never on the loop. One KeeperClient is used by
/// one thread at a time. A keeper outlives both the KeeperClient and the daemon.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/door/door.h"
#include "daemon/init/init_process.h"
#include "daemon/init/program_order.h"
#include "daemon/keeper/launcher.h"
#include "daemon/keeper/spec.h"
#include "engines/engine.h"
#include "storage/seal.h"
#include "storage/volume_values.h"

namespace spawnd::daemon {

/// For Kill: the kernel takes down what the keeper has open, and a slow disk may hold that up.
inline constexpr std::chrono::seconds kKillDeadline{20};

/// How a launch waits.
struct LaunchTerms {
  std::chrono::seconds deadline{0};  ///< of the engine's start; 0: as long as it shows life
  /// After which Launch returns although the engine still starts (Started().starting); 0: it waits.
  std::chrono::milliseconds patience{0};
  std::function<bool()> stop;                      ///< asked at least every 100 ms: give it up
  std::function<bool()> leave{};                   ///< the same: the patience is over now
  std::function<void(const std::string&)> says{};  ///< the engine's last words, now and then
  std::shared_ptr<const Door> door{};              ///< the container's; none: it has none
};

class KeeperClient {
 public:
  static Result<std::unique_ptr<KeeperClient>> Launch(KeeperLauncher& launcher, const KeeperSpec& spec,
                                                      const LaunchTerms& terms);
  /// Starts a keeper process and waits until its engine answers and is prepared. On any error the keeper and
  /// all it made (processes, mounts, loop device) are gone when this returns; files in spec.directory stay.
  /// Errors: whatever the keeper says (kInUse for a port that is taken, kNoSpace,
  /// kCorrupt...), kTimeout, kCancelled when `stop` says so (asked at least every 100 ms).
  static Result<std::unique_ptr<KeeperClient>> Launch(KeeperLauncher& launcher, const KeeperSpec& spec,
                                                      std::chrono::seconds deadline,
                                                      const std::function<bool()>& stop);
  /// Connects to the running keeper of a container directory. kUnavailable when none answers there.
  static Result<std::unique_ptr<KeeperClient>> Attach(const std::string& directory);
  /// Ends the keeper of a container directory if one runs: after success no process of it is left. Any
  /// failure to reach one leaves it open whether there is one, so that nothing it writes may be removed; what
  /// tells is its lock. Errors: as Kill and ContainerLock::AwaitRelease.
  static Result<void> End(const std::string& directory, std::chrono::seconds deadline);

  enum class Patience {
    kWait,   ///< for the clean end
    kKill,   ///< no longer: whatever is in the container is not needed
    kLeave,  ///< somebody else will see to it
  };
  /// Has the keeper of a container directory stop its engine in order, commit and end; kills it when that is
  /// not done by the deadline. Success: no process of it is left, with what was not in order about that, if
  /// anything. `patience` is asked every 100 ms. kCancelled for kLeave.
  static Result<std::optional<Error>> Stop(const std::string& directory, std::chrono::seconds deadline,
                                           const std::function<Patience()>& patience);

  virtual ~KeeperClient() = default;

  virtual const KeeperStarted& Started() const = 0;
  /// The connection, for the caller to watch: on it the keeper says that it ends and why, and of an engine
  /// that still starts how that goes on and ends (KeeperReply). It polls readable at the keeper's end,
  /// whatever ends it; a keeper ends by itself when its engine does. Nothing can be asked here afterwards.
  virtual UniqueFd TakeConnection() = 0;
  /// What it was launched with, by whatever daemon that was. kUnsupported: by one of an older build.
  virtual Result<KeeperSpec> Spec() = 0;
  /// Runs a program as the engine's user, in a keeper with hold_engine. `stdin_fd` is the program's
  /// standard input (-1: none); the caller closes its own copy between the two calls and writes into the
  /// other end. Every Begin needs its Finish, which returns when the program has ended.
  virtual Result<void> BeginCommand(const engines::Command& command, int stdin_fd) = 0;
  virtual Result<CommandOutcome> FinishCommand(std::chrono::seconds deadline,
                                               const std::function<bool()>& stop) = 0;
  /// Has a restore tool started in the container and returns at once: its leash tells of its end
  /// (program_order.h). It may run beside a command that begins later.
  virtual Result<void> StartTool(ProgramOrder order, ProgramDescriptors descriptors) = 0;
  /// Starts the engine that hold_engine held back and waits as Launch does. Unlike Launch it leaves the
  /// keeper running after an error; the caller calls Kill.
  virtual Result<void> StartEngine(std::chrono::seconds deadline, const std::function<bool()>& stop) = 0;
  /// Makes `database` on the engine when it does not exist.
  /// New clients are let in to this keeper's engine, in one step from whichever had them. kUnavailable: it is
  /// not ready.
  virtual Result<void> OpenGate() = 0;
  /// New clients wait at the door, if they came to this keeper's engine. Those before them are let in first,
  /// as far as that is quick.
  virtual Result<void> ShutGate() = 0;
  virtual Result<void> CreateDatabase(const std::string& database) = 0;
  virtual Result<std::vector<std::string>> UserDatabases() = 0;
  /// What its databases need of the installation, each a text as engines::TextOf makes; what a server says
  /// that is none is left out.
  virtual Result<std::vector<std::string>> UsedLibraries(const std::function<bool()>& stop) = 0;
  /// As engines::Engine::Session's, in whatever words the server has put there. kUnsupported: of an older
  /// build.
  virtual Result<std::string> KeepsAwake(const std::function<bool()>& stop) = 0;
  /// How much room there is on its volume, while that is mounted.
  virtual Result<VolumeRoom> MeasureVolume() = 0;
  /// Saves the next revision, with everything in it that the engine had committed before, and returns all
  /// there are; the last one is new. The engine's writes wait for some milliseconds. kCancelled when `stop`
  /// says so: the revision may come all the same, and whoever attaches later finds it in Started. Its number
  /// is `number` or, if the volume has that already, the next.
  virtual Result<std::vector<storage::RevisionUsage>> Save(uint32_t number,
                                                           const std::function<bool()>& stop) = 0;
  /// As engines::Engine::Session's; rows for each rule. Afterwards the build goes on to its end or is given
  /// up.
  virtual Result<std::vector<int64_t>> Mask(const std::vector<engines::MaskRule>& rules,
                                            std::chrono::seconds deadline,
                                            const std::function<bool()>& stop) = 0;
  /// For an image build: takes the credentials out, stops the engine cleanly, trims and unmounts the file
  /// system. Afterwards only Seal and Kill make sense, and after kCancelled (`stop` said so) only Kill. True:
  /// the server keeps settings for its next start, which nobody has tried.
  virtual Result<bool> FinishImage(std::chrono::seconds deadline, const std::function<bool()>& stop) = 0;
  virtual Result<storage::SealResult> Seal(
      const storage::SealRequest& request,
      const std::function<bool(const storage::SealProgress&)>& progress) = 0;
  /// For the keeper of a container directory whose engine waits behind the door: as OpenGate.
  static Result<void> LetIn(const std::string& directory);
  /// Kills the engine of the keeper of a container directory, which another one has taken the place of: when
  /// this returns it answers nobody any more. Those who were in a handshake have been let in before. The
  /// keeper and what the kernel still takes down are left for End.
  static Result<void> CutOff(const std::string& directory);
  /// Ends the keeper whatever it does, tidily if it can in a few seconds, and returns once it and its
  /// namespaces are gone (at most `deadline` later, else kTimeout).
  virtual Result<void> Kill(std::chrono::seconds deadline) = 0;
};

/// Why the last keeper of this directory ended, as it wrote down itself ("engine ended: ..."); kUnavailable
/// and `otherwise` when it could not say (SIGKILL, no room for a file).
Error LastWords(const std::string& directory, std::string_view otherwise);

}  // namespace spawnd::daemon
