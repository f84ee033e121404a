/// What a keeper asks of the session with its server, and what it hears back: one JSON object in one packet
/// of a SOCK_SEQPACKET socket each way, one request after the other. Both ends are forks of one program.
///
/// Whoever owns the server at the other end of the session may have taken the session's process over, so a
/// reply is believed no more than the server itself: it is short, read strictly, and its error is one of
/// those that a server can bring about. Pure functions, safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"

namespace spawnd::daemon {

/// Of a reply: engines::kMaxUserDatabases names have room in it.
inline constexpr size_t kMaxSessionPacket = size_t{64} << 10;

/// A request may have the rules of a mask in it (api::ValidateMask), each with its name.
inline constexpr size_t kMaxSessionRequest = size_t{160} << 10;

struct SessionRequest {
  enum class Op {
    kUnknown,
    kProbe,
    kPrepareContainer,
    kPrepareImage,
    kCreateDatabase,
    kUserDatabases,
    kUsedLibraries,
    kMask,
    kKeepsSettings,
    kBeforeSave,
    kAfterSave,
    kKeepsAwake,
    kStandBy,
    kTakeOver,
    kClientsOnTheirWayIn
  };
  Op op = Op::kUnknown;
  std::string database{};                 ///< kCreateDatabase
  std::vector<engines::MaskRule> mask{};  ///< kMask
};

struct SessionReply {
  std::optional<Error> error{};
  std::vector<std::string> databases{};  ///< kUserDatabases
  std::vector<std::string> libraries{};  ///< kUsedLibraries, each as engines::TextOf
  bool keeps_settings = false;           ///< kKeepsSettings
  std::vector<int64_t> masked_rows{};    ///< kMask, one for each rule
  std::string words{};                   ///< kKeepsAwake
  int64_t clients = 0;                   ///< kClientsOnTheirWayIn
};

std::string EncodeSessionRequest(const SessionRequest& request);
/// Errors: kInvalidArgument.
Result<SessionRequest> DecodeSessionRequest(std::string_view text);
/// A message that is longer than a reply may have is cut.
std::string EncodeSessionReply(const SessionReply& reply);
/// Errors: kInvalidArgument. The error of a reply that is not one of a server's is kInternal.
Result<SessionReply> DecodeSessionReply(std::string_view text);

}  // namespace spawnd::daemon
