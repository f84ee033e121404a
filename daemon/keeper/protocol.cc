#include "daemon/keeper/protocol.h"

#include <array>
#include <utility>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "base/message.h"
#include "daemon/session/mask_mapping.h"

namespace spawnd::daemon {
namespace {

using Op = KeeperRequest::Op;

constexpr std::array<std::pair<Op, std::string_view>, 21> kOpNames{{{Op::kStart, "start"},
                                                                    {Op::kStatus, "status"},
                                                                    {Op::kSpec, "spec"},
                                                                    {Op::kCreateDatabase, "createDatabase"},
                                                                    {Op::kUserDatabases, "userDatabases"},
                                                                    {Op::kUsedLibraries, "usedLibraries"},
                                                                    {Op::kMask, "mask"},
                                                                    {Op::kFinishImage, "finishImage"},
                                                                    {Op::kSeal, "seal"},
                                                                    {Op::kAbandon, "abandon"},
                                                                    {Op::kSave, "save"},
                                                                    {Op::kRunCommand, "runCommand"},
                                                                    {Op::kStartTool, "startTool"},
                                                                    {Op::kStartEngine, "startEngine"},
                                                                    {Op::kMeasureVolume, "measureVolume"},
                                                                    {Op::kAwaitStart, "awaitStart"},
                                                                    {Op::kKeepsAwake, "keepsAwake"},
                                                                    {Op::kDoor, "door"},
                                                                    {Op::kOpenGate, "openGate"},
                                                                    {Op::kShutGate, "shutGate"},
                                                                    {Op::kCutOff, "cutOff"}}};

constexpr api::JsonLimits kLimits{kMaxMessageBytes, 16, size_t{1} << 20, 200'000};

}  // namespace

constexpr const auto& NamesOf(Op) {
  return kOpNames;
}

void Describe(auto& visit, api::Is<KeeperRequest> auto& x) {
  visit.Field("op", x.op);
  visit.Field("spec", x.spec);
  visit.Field("launchedAtMicroseconds", x.launched_at_microseconds);
  visit.Field("doorDescriptors", x.door_descriptors);
  visit.Field("deadlineSeconds", x.deadline_seconds);
  visit.Field("database", x.database);
  visit.Field("command", x.command);
  visit.Field("tool", x.tool);
  visit.Field("seal", x.seal);
  visit.Field("mask", x.mask);
  visit.Field("revision", x.revision);
}

void Describe(auto& visit, api::Is<VolumeRoom> auto& x) {
  visit.Field("bytes", x.bytes);
  visit.Field("freeBytes", x.free_bytes);
}

void Describe(auto& visit, api::Is<KeeperReply> auto& x) {
  visit.Field("error", x.error);
  visit.Field("progress", x.progress);
  visit.Field("starting", x.starting);
  visit.Field("started", x.started);
  visit.Field("databases", x.databases);
  visit.Field("libraries", x.libraries);
  visit.Field("sealed", x.sealed);
  visit.Field("outcome", x.outcome);
  visit.Field("spec", x.spec);
  visit.Field("room", x.room);
  visit.Field("keepsSettings", x.keeps_settings);
  visit.Field("maskedRows", x.masked_rows);
  visit.Field("words", x.words);
}

std::string EncodeRequest(const KeeperRequest& request) {
  return api::JsonOf(request, api::Empties::kOmit);
}

Result<KeeperRequest> DecodeRequest(std::string_view text) {
  TRY_ASSIGN(KeeperRequest request,
             api::ReadJson<KeeperRequest>(text, kLimits, api::Strictness::kLenient, "a request to a keeper"));
  if (request.op == Op::kUnknown) {
    return Fail(ErrorCode::kUnsupported, "a keeper does not know what it is asked for");
  }
  return request;
}

std::string EncodeReply(const KeeperReply& reply) {
  return api::JsonOf(reply, api::Empties::kOmit);
}

Result<KeeperReply> DecodeReply(std::string_view text) {
  return api::ReadJson<KeeperReply>(text, kLimits, api::Strictness::kLenient, "a keeper's reply");
}

}  // namespace spawnd::daemon
