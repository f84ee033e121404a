/// The one failure of a container that the daemon never retries: a sync of its volume failed, so nobody knows
/// what of its last writes is on the disk (docs/durability.md, "A failed sync is final"). Starting it again
/// would quietly go back to the last commit, which a person has to decide.
///
/// A keeper says so with this error, which travels to the daemon as any other: its hint is what tells it from
/// them. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace spawnd::daemon {

inline constexpr std::string_view kPoisonedHint =
    "Look for the disk's errors in `dmesg`, then decide: `spawnctl delete data-container`, or `spawnctl "
    "reset "
    "data-container` where there is a state to go back to.";
/// How the detail of a container begins that stays down until a person decides, restarts of the daemon
/// included. The catalog keeps no other mark of it.
inline constexpr std::string_view kStaysDown = "not started again by itself: ";

inline Error PoisonedError(std::string message) {
  return {ErrorCode::kIo, std::move(message), std::string(kPoisonedHint)};
}
inline bool IsPoisoned(const Error& error) {
  return error.code == ErrorCode::kIo && error.hint == kPoisonedHint;
}
inline std::string PoisonedDetail(const Error& error) {
  return std::string(kStaysDown) + error.message + ". " + error.hint;
}
inline bool StaysDown(std::string_view detail) {
  return detail.starts_with(kStaysDown);
}

}  // namespace spawnd::daemon
