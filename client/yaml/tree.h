/// Text of a YAML file as a plain tree: the adaptor around yaml-cpp, whose exceptions and shared nodes stay
/// inside. Pure, safe from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::client {

inline constexpr size_t kMaxYamlBytes = size_t{1} << 20;
inline constexpr size_t kMaxYamlNesting = 16;
/// Aliases make a small file a large tree: copying it out ends here.
inline constexpr size_t kMaxYamlNodes = 10'000;

struct YamlEntry;

struct YamlNode {
  enum class Kind { kNull, kText, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;                    ///< counted from 1
  std::string text;                ///< of kText: the literal text, so that 11.0 stays "11.0"
  std::vector<YamlNode> items;     ///< of kList
  std::vector<YamlEntry> entries;  ///< of kMap, in the order of the file; keys may repeat
};

struct YamlEntry {
  YamlNode key;
  YamlNode value;
};

/// "text", "a list", "a map", "nothing"; for messages.
std::string_view YamlKindName(YamlNode::Kind kind);

/// `name` stands in messages: "<name>, line <line>: ...". An empty document is kNull. Error:
/// kInvalidArgument.
Result<YamlNode> ParseYaml(const std::string& text, std::string_view name);

}  // namespace spawnd::client
