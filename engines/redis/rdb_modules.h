/// Which modules the data of a snapshot (.rdb) belongs to, and what follows its end, found while its bytes
/// pass by. Used by one thread at a time.
///
/// A server that lacks one of them ends at the first value of it, and names that one. So the file is walked
/// before it is loaded: every value by its layout, nothing of one is kept. What this does not know (a newer
/// type) ends the walk, which then has no opinion of the rest: the server itself is the judge of that.
///
/// Format: rdb.c of Redis 7.0; https://rdb.fnordig.de/file_format.html.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace spawnd::engines::redis {

class RdbModules {
 public:
  /// The next bytes of the file, any number. Of one that is no snapshot, and of what follows one, nothing is
  /// said.
  void Feed(std::string_view bytes);
  /// Names of the types and auxiliary fields that were seen, such as "ReJSON-RL".
  const std::set<std::string>& Names() const { return names_; }
  /// All of it was understood, and its end was among the bytes; `snapshot_bytes` of them then, checksum
  /// included.
  bool Ended() const { return ended_; }
  uint64_t SnapshotBytes() const { return snapshot_bytes_; }
  /// The first bytes behind that.
  std::string_view Following() const { return following_; }
  /// It was understood up to the last byte, and has no end.
  bool IsCut() const { return !done_ && passed_ > 0; }

 private:
  /// What is expected next.
  enum class Part : uint8_t {
    kHeader,
    kOpcode,      ///< of the file: a field, or a type with its key and value
    kSkip,        ///< `count` bytes
    kLength,      ///< a number
    kString,      ///< a number, and so many bytes
    kCompressed,  ///< two numbers, and as many bytes as the first says
    kScore,       ///< of a sorted set in the old way: a short text
    kMany,        ///< a number, and so many `group`s
    kGroup,       ///< `count` more `group`s
    kModuleName,
    kModuleItems,  ///< up to their end
    kEnd,
  };
  enum class Group : uint8_t {
    kString,
    kPair,
    kScored,
    kBinaryScored,
    kNode,
    kPending,
    kConsumer,
    kConsumerWithTimes,
    kOwned,
    kStreamGroup,
    kStreamGroup2,
    kStreamGroup3,
  };
  struct Step {
    Part part;
    uint64_t count = 0;
    Group group = Group::kString;
  };

  bool Take(Step step);
  bool TakeOpcode();
  bool Skip(uint64_t count);
  bool TakeString();
  bool TakeModuleItem();
  void TakeEnd(std::string_view ahead);
  bool Value(uint8_t type);
  void Fields(uint8_t code);
  /// One item of a group: the steps that it is made of.
  static std::vector<Step> ItemOf(Group group);
  static std::vector<Step> Stream(uint8_t type);
  void Then(const std::vector<Step>& steps);
  /// False: the bytes that are there do not hold it yet.
  bool Number(uint64_t& number, bool* encoded = nullptr);
  bool Byte(uint8_t& byte);

  std::set<std::string> names_;
  std::vector<Step> steps_{{Part::kHeader}};  ///< the last one is next
  std::string pending_;                       ///< bytes of a part that is not whole yet
  size_t at_ = 0;                             ///< in pending_
  bool done_ = false;
  int version_ = 0;      ///< of the format
  uint64_t passed_ = 0;  ///< bytes that were given
  bool ended_ = false;
  uint64_t snapshot_bytes_ = 0;
  std::string following_;
};

/// "ReJSON-RL (RedisJSON), TSDB-TYPE (RedisTimeSeries)": with the module, where it is known.
std::string WithTheirModules(const std::set<std::string>& names);

}  // namespace spawnd::engines::redis
