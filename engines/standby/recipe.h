/// How a server of a product follows another one, and how an image is made of what it has received: a part of
/// the engine's recipe (Engine::Standby). Like that it runs nothing itself.
///
/// The life of a standby as daemon/sources drives it. Every command runs in a container that reaches the
/// primary and nothing else (KeeperSpec::primary), as the engine's user:
///   base copy:  AskPrimary -> CopyCommand (into an empty data directory; it makes the slot) -> seal
///   standby:    PrepareStart -> Start, with Purpose::kFollow -> Probe -> AskPrimary, AskStandby ... -> Stop
///   an image:   Promote, in a build over the sealed standby -> Start, with Purpose::kPromote -> as any image
///   the end:    DropSlot
///
/// Objects are immutable and safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/engine.h"
#include "engines/restore.h"

namespace spawnd::engines {

/// What a primary says of itself.
struct PrimaryState {
  std::string version;     ///< "15.20"
  std::string identity;    ///< of its data: a server with another one has never been the same
  uint64_t position = 0;   ///< in its log: all that was committed before it was asked lies below
  bool has_slot = false;   ///< of Primary::slot
  uint64_t kept_from = 0;  ///< with has_slot: where what it keeps for that begins; 0: it does not say
};

struct StandbyState {
  uint64_t received = 0;  ///< position in the primary's log up to which its log is here
  uint64_t replayed = 0;
  bool connected = false;  ///< to the primary
  bool paused = false;     ///< it replays no more until it is started anew
};

struct CopyProgress {
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;  ///< may grow
};

class StandbyRecipe {
 public:
  virtual ~StandbyRecipe() = default;

  /// Whether an installation has what is needed. kUnsupported, with what to install.
  virtual Result<void> CanFollow(const Installation& installation) const = 0;
  /// Fills in what the user has left out and refuses options that the product's client does not have, or that
  /// would lead it elsewhere. `home`: folder of the user whose names count. kInvalidArgument.
  virtual Result<Primary> Complete(Primary primary, const std::string& user_name) const = 0;
  /// Those of Primary::options that name a file.
  virtual std::vector<std::string_view> FileOptions() const = 0;
  /// A file in the user's home that may have the password, and what it says for a primary; empty: nothing.
  virtual std::string PasswordFile() const = 0;
  virtual std::string PasswordIn(std::string_view text, const Primary& primary) const = 0;
  /// A name for the slot of a data source, for this store alone.
  virtual std::string SlotName(int64_t source_id, std::string_view random) const = 0;

  virtual Command AskPrimary(const Launch& launch) const = 0;
  virtual Result<PrimaryState> ReadPrimary(std::string_view output) const = 0;
  /// kUnsupported: what this installation cannot follow.
  virtual Result<void> CanFollow(const Installation& installation, const PrimaryState& primary) const = 0;
  /// Progress is in its messages, a line or a part of one each.
  virtual Command CopyCommand(const Launch& launch) const = 0;
  virtual std::optional<CopyProgress> ReadProgress(std::string_view line) const = 0;
  /// One that is not there is no error.
  virtual Command DropSlot(const Launch& launch) const = 0;
  /// What somebody does there who has to do it by hand.
  virtual std::string HowToDropSlot(const Primary& primary) const = 0;
  /// Why one of the commands above has failed, for the user. kUnavailable: what may pass by itself.
  virtual Error Explain(const Primary& primary, std::string_view output) const = 0;

  /// Before each start.
  virtual Command PrepareStart(const Launch& launch) const = 0;
  virtual Command AskStandby(const Launch& launch) const = 0;
  virtual Result<StandbyState> ReadStandby(std::string_view output) const = 0;
  /// What the server's log says that will not pass by itself: the slot or the log behind it is gone, the
  /// primary goes another way. None: nothing.
  virtual std::optional<Error> Broken(const Primary& primary, std::string_view log_tail) const = 0;

  /// In this order, before the server of the image is first started. `name`: of the source, for messages.
  virtual std::vector<ContainerCommand> Promote(const std::string& name, const Paths& paths,
                                                const std::string& version) const = 0;

  /// "0/3000148", as the product writes a position.
  virtual std::string PositionText(uint64_t position) const = 0;
};

}  // namespace spawnd::engines
