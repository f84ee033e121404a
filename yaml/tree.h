/// Text of a YAML file as a plain tree: the adaptor around yaml-cpp, whose exceptions and shared nodes stay
/// inside. And maps of known keys, which all files are that people write for us. Pure, safe from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace spawnd::yaml {

inline constexpr size_t kMaxBytes = size_t{1} << 20;
inline constexpr size_t kMaxNesting = 16;
/// Aliases make a small file a large tree: copying it out ends here.
inline constexpr size_t kMaxNodes = 10'000;

struct Entry;

struct Node {
  enum class Kind { kNull, kText, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;                ///< counted from 1
  std::string text;            ///< of kText: the literal text, so that 11.0 stays "11.0"
  std::vector<Node> items;     ///< of kList
  std::vector<Entry> entries;  ///< of kMap, in the order of the file; keys may repeat
};

struct Entry {
  Node key;
  Node value;
};

/// "text", "a list", "a map", "nothing"; for messages.
std::string_view KindName(Node::Kind kind);

/// `name` stands in messages: "<name>, line <line>: ...". An empty document is kNull. Error:
/// kInvalidArgument.
Result<Node> Parse(const std::string& text, std::string_view name);

/// What messages about one file need.
struct File {
  std::string_view name;
  /// What stands behind "unknown key 'x'": the one of `names` that was meant, in the file's own words.
  std::string (*guess)(std::string_view key, std::span<const std::string_view> names) = nullptr;

  /// "<file>, line <line>: <problem>", kInvalidArgument.
  tl::unexpected<Error> Bad(int line, std::string_view problem, std::string hint = {}) const;
  /// A scalar's literal text; `key` is whose value it is.
  Result<std::string> Text(const Node& value, std::string_view key) const;
  /// The scalars of a list, without blanks around them, and their lines.
  Result<std::vector<std::pair<std::string, int>>> Texts(const Node& value, std::string_view key) const;
  /// `true` or `false`, in any case; `hint` says what either means.
  Result<void> Truth(const Node& value, std::string_view key, std::string hint, bool& out) const;
  /// Calls `read` with the place in `names` and the value of each key of `map`, which is a kMap. Refuses keys
  /// that are unknown or given twice. `within` stands before keys in messages, such as "teams.".
  Result<void> ReadKeys(const Node& map, std::span<const std::string_view> names, std::string_view within,
                        const std::function<Result<void>(size_t name, const Node& value)>& read) const;
};

}  // namespace spawnd::yaml
