/// A script of Redis commands, one a line, on its way to redis-cli. Used by one thread at a time.
///
/// redis-cli runs on after an error and does not say which line it came from. So every command is followed by
/// an ECHO of its line's number under a random name, and the first error that comes back before that ends the
/// script. What does not belong into a build (script_rules.h) is refused or left out before redis-cli
/// sees it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"
#include "engines/restore_warnings.h"

namespace spawnd::engines::redis {

/// Bounds one line, and with it what is held in memory. Longer lines are refused.
inline constexpr size_t kMaxScriptLine = size_t{64} << 20U;

class ScriptSession final : public RestoreSession {
 public:
  /// `options`: which errors are passed over.
  explicit ScriptSession(std::string name, RestoreOptions options = {});

  Result<std::string> FilterInput(std::string_view bytes, bool last) override;
  Result<void> OnToolMessage(std::string_view line) override;
  Result<void> OnToolExit(int exit_code) override;
  std::vector<std::string> Warnings() const override { return warnings_.InOrder(); }
  uint64_t PassedOver() const override { return passed_over_; }

 private:
  /// Appends what redis-cli is to get for one line of the script.
  Result<void> AddLine(std::string_view line, std::string& out);
  struct Sent {
    uint64_t line = 0;
    bool has_echo = true;     ///< not within a transaction, up to its end
    std::string beginning{};  ///< of the command
    /// What follows means another database by it: its error is none that is passed over.
    bool changes_database = false;
  };
  /// The command whose answer comes next: in a transaction every one is answered with one line.
  const Sent& InQuestion() const;
  Result<void> PassOverOrFail(const std::string& error, const Sent& command);
  bool MayPassOver(std::string_view error, const Sent& command) const;

  const std::string name_;
  const std::string marker_;  ///< "spawnd-qkzvbnwa-"
  std::string partial_;       ///< of a line whose end has not come yet
  uint64_t line_ = 0;         ///< read from the script
  std::deque<Sent> sent_;     ///< not known to be done; no more than fit into the pipes to and from redis-cli
  size_t answers_ = 0;        ///< lines of answer since the last ECHO
  uint64_t transaction_ = 0;  ///< the line of the MULTI that is open
  bool transaction_selects_ = false;  ///< it changes the database
  const RestoreOptions options_;
  uint64_t passed_over_ = 0;
  RestoreWarnings warnings_;
};

}  // namespace spawnd::engines::redis
