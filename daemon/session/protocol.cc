#include "daemon/session/protocol.h"

#include <algorithm>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/mapping.h"
#include "api/mask.h"
#include "daemon/session/mask_mapping.h"
#include "engines/engine.h"

namespace spawnd::daemon {
namespace {

using Op = SessionRequest::Op;

constexpr std::array<std::pair<Op, std::string_view>, 14> kOpNames{
    {{Op::kProbe, "probe"},
     {Op::kPrepareContainer, "prepareContainer"},
     {Op::kPrepareImage, "prepareImage"},
     {Op::kCreateDatabase, "createDatabase"},
     {Op::kUserDatabases, "userDatabases"},
     {Op::kUsedLibraries, "usedLibraries"},
     {Op::kMask, "mask"},
     {Op::kKeepsSettings, "keepsSettings"},
     {Op::kBeforeSave, "beforeSave"},
     {Op::kAfterSave, "afterSave"},
     {Op::kKeepsAwake, "keepsAwake"},
     {Op::kStandBy, "standBy"},
     {Op::kTakeOver, "takeOver"},
     {Op::kClientsOnTheirWayIn, "clientsOnTheirWayIn"}}};

constexpr size_t kMaxMessage = 2048;
/// As many as there may be rules of a mask, or names.
constexpr api::JsonLimits kLimits{kMaxSessionPacket, 4, size_t{4} << 10,
                                  std::max(api::kMaxMaskRules, engines::kMaxUserDatabases)};
constexpr api::JsonLimits kRequestLimits{kMaxSessionRequest, 4, size_t{4} << 10, api::kMaxMaskRules};

/// Codes that say something about the keeper's own state (poisoned, in use, cancelled) are not a server's to
/// give.
ErrorCode CodeOfServer(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kNoSpace:
    case ErrorCode::kIo:
    case ErrorCode::kUnavailable:
    case ErrorCode::kTimeout:
    case ErrorCode::kUnsupported:
      return code;
    default:
      return ErrorCode::kInternal;
  }
}

std::string Cut(std::string text) {
  if (text.size() > kMaxMessage) text.replace(kMaxMessage - 3, std::string::npos, "...");
  return text;
}

}  // namespace

constexpr const auto& NamesOf(Op) {
  return kOpNames;
}

void Describe(auto& visit, api::Is<SessionRequest> auto& x) {
  visit.Field("op", x.op);
  visit.Field("database", x.database);
  visit.Field("mask", x.mask);
}

void Describe(auto& visit, api::Is<SessionReply> auto& x) {
  visit.Field("error", x.error);
  visit.Field("databases", x.databases);
  visit.Field("libraries", x.libraries);
  visit.Field("keepsSettings", x.keeps_settings);
  visit.Field("maskedRows", x.masked_rows);
  visit.Field("words", x.words);
  visit.Field("clients", x.clients);
}

std::string EncodeSessionRequest(const SessionRequest& request) {
  return api::JsonOf(request, api::Empties::kOmit);
}

Result<SessionRequest> DecodeSessionRequest(std::string_view text) {
  return api::ReadJson<SessionRequest>(text, kRequestLimits, api::Strictness::kStrict,
                                       "a request to a session");
}

std::string EncodeSessionReply(const SessionReply& reply) {
  SessionReply shorter = reply;
  shorter.words = Cut(std::move(shorter.words));
  if (shorter.error) {
    shorter.error->message = Cut(std::move(shorter.error->message));
    shorter.error->hint = Cut(std::move(shorter.error->hint));
  }
  return api::JsonOf(shorter, api::Empties::kOmit);
}

Result<SessionReply> DecodeSessionReply(std::string_view text) {
  TRY_ASSIGN(SessionReply reply,
             api::ReadJson<SessionReply>(text, kLimits, api::Strictness::kStrict, "a session's reply"));
  if (reply.databases.size() > engines::kMaxUserDatabases ||
      reply.libraries.size() > engines::kMaxUsedLibraries) {
    return Fail(ErrorCode::kInvalidArgument, "a session's reply has too many names");
  }
  if (reply.error) reply.error->code = CodeOfServer(reply.error->code);
  return reply;
}

}  // namespace spawnd::daemon
