#include "engines/redis/rdb_modules.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace spawnd::engines::redis {
namespace {

constexpr size_t kHeaderBytes = 9;
/// The first format with a checksum behind its end.
constexpr int kFirstWithChecksum = 5;
constexpr uint64_t kChecksumBytes = 8;
/// As much is kept of what follows.
constexpr size_t kFollowingBytes = 64;
/// More are no real file; what is said of them has an end.
constexpr size_t kMostNames = 100;

/// Nine letters of six bits each, and ten bits of version (moduleTypeEncodeId of module.c).
std::string ModuleName(uint64_t id) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string name(9, ' ');
  id >>= 10U;
  for (size_t i = name.size(); i > 0; --i, id >>= 6U) name[i - 1] = kLetters[id & 63U];
  return name;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kModules{{
    {"ReJSON-RL", "RedisJSON"},
    {"TSDB-TYPE", "RedisTimeSeries"},
    {"MBbloom--", "RedisBloom"},
    {"MBbloomCF", "RedisBloom"},
    {"CMSk-TYPE", "RedisBloom"},
    {"TopK-TYPE", "RedisBloom"},
    {"TDIS-TYPE", "RedisBloom"},
    {"ft_index0", "RediSearch"},
    {"ft_invidx", "RediSearch"},
    {"scdtype00", "RediSearch"},
    {"trietype0", "RediSearch"},
    {"graphdata", "RedisGraph"},
    {"graphmeta", "RedisGraph"},
    {"GearsType", "RedisGears"},
    {"bloomfltr", "valkey-bloom"},
}};

}  // namespace

std::string WithTheirModules(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    const auto module = std::find_if(kModules.begin(), kModules.end(),
                                     [&name](const auto& known) { return known.first == name; });
    text.append(text.empty() ? "" : ", ").append(name);
    if (module != kModules.end()) text.append(" (").append(module->second).append(")");
  }
  return text;
}

void RdbModules::Feed(std::string_view bytes) {
  passed_ += bytes.size();
  if (ended_) {
    following_ += bytes.substr(0, kFollowingBytes - following_.size());
    return;
  }
  while (!done_ && !bytes.empty()) {
    // Long values are passed over without keeping them.
    if (!steps_.empty() && steps_.back().part == Part::kSkip && at_ == pending_.size()) {
      const size_t some = std::min<uint64_t>(steps_.back().count, bytes.size());
      bytes.remove_prefix(some);
      if ((steps_.back().count -= some) == 0) steps_.pop_back();
      if (!steps_.empty() && steps_.back().part == Part::kEnd) TakeEnd(bytes);
      continue;
    }
    constexpr size_t kSome = 4096;
    pending_.erase(0, at_);
    at_ = 0;
    pending_.append(bytes.substr(0, kSome));
    bytes.remove_prefix(std::min(bytes.size(), kSome));
    while (!done_ && !steps_.empty() && steps_.back().part != Part::kEnd) {
      const size_t before = at_;
      const Step step = steps_.back();
      steps_.pop_back();
      if (Take(step)) continue;
      at_ = before;
      if (step.part != Part::kSkip) steps_.push_back(step);
      break;
    }
    if (!done_ && !steps_.empty() && steps_.back().part == Part::kEnd) TakeEnd(bytes);
  }
}

/// `ahead`: what was given and is not looked at yet.
void RdbModules::TakeEnd(std::string_view ahead) {
  done_ = ended_ = true;
  snapshot_bytes_ = passed_ - ahead.size() - (pending_.size() - at_);
  following_ = pending_.substr(at_, kFollowingBytes);
  following_ += ahead.substr(0, kFollowingBytes - following_.size());
}

bool RdbModules::Byte(uint8_t& byte) {
  if (at_ >= pending_.size()) return false;
  byte = static_cast<uint8_t>(pending_[at_++]);
  return true;
}

/// `encoded`: whether the number is the code of another way to write a string.
bool RdbModules::Number(uint64_t& number, bool* encoded) {
  uint8_t first = 0;
  if (!Byte(first)) return false;
  size_t more = 0;
  number = first & 63U;
  switch (first >> 6U) {
    case 0:
      return true;
    case 1:
      more = 1;
      break;
    case 2:
      more = first == 0x80 ? 4 : 8;
      number = 0;
      done_ = done_ || first > 0x81;
      if (done_) return false;
      break;
    default:
      if (encoded != nullptr) *encoded = true;
      done_ = done_ || encoded == nullptr;
      return !done_;
  }
  for (; more > 0; --more) {
    uint8_t next = 0;
    if (!Byte(next)) return false;
    number = number << 8U | next;
  }
  return true;
}

void RdbModules::Then(const std::vector<Step>& steps) {
  steps_.insert(steps_.end(), steps.rbegin(), steps.rend());
}

/// False: there are too few bytes, and nothing has changed.
bool RdbModules::Take(Step step) {
  uint64_t number = 0;
  uint8_t byte = 0;
  switch (step.part) {
    case Part::kHeader:
      if (pending_.size() - at_ < kHeaderBytes) return false;
      done_ = !pending_.starts_with("REDIS") && !pending_.starts_with("VALKEY");
      // Of VALKEY three digits are left: 080 and later.
      version_ = std::atoi(pending_.substr(at_ + kHeaderBytes - 3, 3).c_str());
      at_ += kHeaderBytes;
      steps_.push_back({Part::kOpcode});
      return true;
    case Part::kOpcode:
      return TakeOpcode();
    case Part::kSkip:
      return Skip(step.count);
    case Part::kLength:
      return Number(number);
    case Part::kString:
      return TakeString();
    case Part::kCompressed: {
      uint64_t unpacked = 0;
      if (!Number(number) || !Number(unpacked)) return false;
      steps_.push_back({Part::kSkip, number});
      return true;
    }
    case Part::kScore:
      if (!Byte(byte)) return false;
      if (byte < 253) steps_.push_back({Part::kSkip, byte});
      return true;
    case Part::kMany:
      if (!Number(number)) return false;
      steps_.push_back({Part::kGroup, number, step.group});
      return true;
    case Part::kGroup:
      if (step.count == 0) return true;
      steps_.push_back({Part::kGroup, step.count - 1, step.group});
      Then(ItemOf(step.group));
      return true;
    case Part::kModuleName:
      if (!Number(number)) return false;
      if (names_.size() < kMostNames) names_.insert(ModuleName(number));
      return true;
    case Part::kModuleItems:
      return TakeModuleItem();
    case Part::kEnd:
      break;
  }
  return true;
}

/// As far as the bytes go; the rest is the next step.
bool RdbModules::Skip(uint64_t count) {
  const uint64_t some = std::min<uint64_t>(count, pending_.size() - at_);
  at_ += some;
  if (some < count) steps_.push_back({Part::kSkip, count - some});
  return some == count || some > 0;
}

bool RdbModules::TakeString() {
  uint64_t number = 0;
  bool encoded = false;
  if (!Number(number, &encoded)) return false;
  if (!encoded) {
    steps_.push_back({Part::kSkip, number});
  } else if (number < 3) {
    steps_.push_back({Part::kSkip, uint64_t{1} << number});
  } else {
    steps_.push_back({Part::kCompressed});
    done_ = done_ || number > 3;
  }
  return true;
}

bool RdbModules::TakeModuleItem() {
  uint64_t code = 0;
  if (!Number(code)) return false;
  if (code == 0) return true;
  steps_.push_back({Part::kModuleItems});
  if (code == 1 || code == 2) steps_.push_back({Part::kLength});
  if (code == 3 || code == 4) steps_.push_back({Part::kSkip, code == 3 ? uint64_t{4} : uint64_t{8}});
  if (code == 5) steps_.push_back({Part::kString});
  done_ = done_ || code > 5;
  return true;
}

bool RdbModules::TakeOpcode() {
  uint8_t code = 0;
  if (!Byte(code)) return false;
  constexpr uint8_t kFirstField = 0xF3;
  constexpr uint8_t kEnd = 0xFF;
  if (code == kEnd) {
    steps_.push_back({Part::kEnd});
    if (version_ >= kFirstWithChecksum) steps_.push_back({Part::kSkip, kChecksumBytes});
    return true;
  }
  steps_.push_back({Part::kOpcode});
  if (code >= kFirstField) {
    Fields(code);
    return true;
  }
  if (!Value(code)) done_ = true;
  // The key comes first.
  steps_.push_back({Part::kString});
  return true;
}

void RdbModules::Fields(uint8_t code) {
  switch (code) {
    case 0xFE:  // a database
    case 0xF8:  // how long a key was idle
      return Then({{Part::kLength}});
    case 0xFD:
      return Then({{Part::kSkip, 4}});
    case 0xFC:
      return Then({{Part::kSkip, 8}});
    case 0xFB:  // sizes
      return Then({{Part::kLength}, {Part::kLength}});
    case 0xFA:  // a field of the file
      return Then({{Part::kString}, {Part::kString}});
    case 0xF9:  // how often a key was used
      return Then({{Part::kSkip, 1}});
    case 0xF7:  // a module's own, with when it is to be loaded
      return Then({{Part::kModuleName}, {Part::kLength}, {Part::kLength}, {Part::kModuleItems}});
    case 0xF5:  // a library of functions
      return Then({{Part::kString}});
    case 0xF4:  // sizes of a slot
      return Then({{Part::kLength}, {Part::kLength}, {Part::kLength}});
    default:
      done_ = true;
  }
}

/// What follows the key. False: not known.
bool RdbModules::Value(uint8_t type) {
  switch (type) {
    case 0:  // string, and what is one string: zipmap, ziplist, intset, listpack
    case 9:
    case 10:
    case 11:
    case 12:
    case 13:
    case 16:
    case 17:
    case 20:
      Then({{Part::kString}});
      return true;
    case 1:   // list
    case 2:   // set
    case 14:  // list of ziplists
      Then({{Part::kMany, 0, Group::kString}});
      return true;
    case 3:
      Then({{Part::kMany, 0, Group::kScored}});
      return true;
    case 4:
      Then({{Part::kMany, 0, Group::kPair}});
      return true;
    case 5:
      Then({{Part::kMany, 0, Group::kBinaryScored}});
      return true;
    case 7:
      Then({{Part::kModuleName}, {Part::kModuleItems}});
      return true;
    case 18:
      Then({{Part::kMany, 0, Group::kNode}});
      return true;
    case 15:
    case 19:
    case 21:
      Then(Stream(type));
      return true;
    default:
      return false;
  }
}

std::vector<RdbModules::Step> RdbModules::Stream(uint8_t type) {
  std::vector<Step> steps{{Part::kMany, 0, Group::kPair}, {Part::kLength}, {Part::kLength}, {Part::kLength}};
  if (type > 15) steps.insert(steps.end(), 5, {Part::kLength});
  const Group group = type == 15   ? Group::kStreamGroup
                      : type == 19 ? Group::kStreamGroup2
                                   : Group::kStreamGroup3;
  steps.push_back({Part::kMany, 0, group});
  return steps;
}

std::vector<RdbModules::Step> RdbModules::ItemOf(Group group) {
  switch (group) {
    case Group::kString:
      return {{Part::kString}};
    case Group::kPair:
      return {{Part::kString}, {Part::kString}};
    case Group::kScored:
      return {{Part::kString}, {Part::kScore}};
    case Group::kBinaryScored:
      return {{Part::kString}, {Part::kSkip, 8}};
    case Group::kNode:
      return {{Part::kLength}, {Part::kString}};
    case Group::kPending:  // id, when it was delivered, how often
      return {{Part::kSkip, 16}, {Part::kSkip, 8}, {Part::kLength}};
    case Group::kConsumer:
      return {{Part::kString}, {Part::kSkip, 8}, {Part::kMany, 0, Group::kOwned}};
    case Group::kConsumerWithTimes:
      return {{Part::kString}, {Part::kSkip, 16}, {Part::kMany, 0, Group::kOwned}};
    case Group::kOwned:
      return {{Part::kSkip, 16}};
    case Group::kStreamGroup:
    case Group::kStreamGroup2:
    case Group::kStreamGroup3:
      break;
  }
  std::vector<Step> steps{{Part::kString}, {Part::kLength}, {Part::kLength}};
  if (group != Group::kStreamGroup) steps.push_back({Part::kLength});
  steps.push_back({Part::kMany, 0, Group::kPending});
  steps.push_back(
      {Part::kMany, 0, group == Group::kStreamGroup3 ? Group::kConsumerWithTimes : Group::kConsumer});
  return steps;
}

}  // namespace spawnd::engines::redis
