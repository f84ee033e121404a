/// The most that a mask may be goes to the session in one packet.
#include "api/mask.h"
#include "daemon/images/mask_digest.h"
#include "daemon/session/protocol.h"
#include "tests/support/catch.h"

using namespace spawnd;
using namespace spawnd::daemon;

TEST_CASE("as many rules as there may be fit into a request", "[mask]") {
  std::vector<api::MaskRule> rules(api::kMaxMaskRules);
  const size_t each = api::kMaxMaskBytes / api::kMaxMaskRules / 2;
  for (api::MaskRule& rule : rules) {
    rule.table = std::string(each, '"');  // two characters of JSON
    rule.column = std::string(each, '"');
    rule.rule = api::MaskKind::kShuffle;
    rule.line = 100'000;
  }
  REQUIRE(api::ValidateMask(rules));
  SessionRequest request;
  request.op = SessionRequest::Op::kMask;
  request.mask = MaskOf(rules);
  const std::string packet = EncodeSessionRequest(request);
  CHECK(packet.size() < kMaxSessionRequest);
  const auto read = DecodeSessionRequest(packet);
  REQUIRE(read);
  REQUIRE(read->mask.size() == rules.size());
  CHECK(read->mask.back().kind == engines::MaskKind::kShuffle);
  CHECK(read->mask.back().name == request.mask.back().name);
}

TEST_CASE("what became of them comes back", "[mask]") {
  SessionReply reply;
  reply.masked_rows = std::vector<int64_t>(api::kMaxMaskRules, int64_t{1} << 50);
  const std::string packet = EncodeSessionReply(reply);
  CHECK(packet.size() < kMaxSessionPacket);
  const auto read = DecodeSessionReply(packet);
  REQUIRE(read);
  CHECK(read->masked_rows == reply.masked_rows);
}
