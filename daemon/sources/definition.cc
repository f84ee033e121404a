#include "daemon/sources/definition.h"

#include "yaml/tree.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace spawnd::daemon {
namespace {

using yaml::Node;
using Kind = Node::Kind;

constexpr const char* kName = "the data source's YAML";
constexpr const char* kHint =
    "A data source is kept, and a password in it would be. Write `passwordFile:` with a file that only you "
    "can "
    "read, or leave it to the product's own file, such as ~/.pgpass.";

/// How the names of keys end that hold one.
constexpr std::array<std::string_view, 4> kSecretEnds{"password", "passwd", "pwd", "secret"};

/// "scheme://user:password@host": a URL with more than a name before the '@'.
bool IsUrlWithPassword(std::string_view text) {
  for (size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://", at + 3)) {
    const std::string_view rest = text.substr(at + 3);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?# \t\n"));
    const size_t end = authority.rfind('@');
    if (end == std::string_view::npos) continue;
    const size_t colon = authority.substr(0, end).find(':');
    if (colon != std::string_view::npos && colon + 1 < end) return true;
  }
  return false;
}

/// "...?password=x": as connection URLs and strings have it.
bool NamesPassword(std::string_view text) {
  const std::string lower = LowerCase(text);
  for (const std::string_view word : {"?password=", "&password=", " password=", "?passwd=", "&passwd="}) {
    if (lower.find(word) != std::string::npos) return true;
  }
  return lower.starts_with("password=");
}

Result<void> Check(const Node& node, const yaml::File& file) {
  if (node.kind == Kind::kText && IsUrlWithPassword(node.text)) {
    return file.Bad(node.line, "a password stands in a URL", kHint);
  }
  for (const Node& item : node.items) TRY(Check(item, file));
  for (const yaml::Entry& entry : node.entries) {
    const std::string key = LowerCase(entry.key.text);
    const bool is_secret = std::any_of(kSecretEnds.begin(), kSecretEnds.end(),
                                       [&key](std::string_view end) { return key.ends_with(end); });
    if (is_secret && entry.value.kind != Kind::kNull) {
      return file.Bad(entry.key.line, "'" + key + "' is given in clear", kHint);
    }
    // Scripts may speak of passwords as they like: they are no connection.
    const bool is_connection = key == "connection" || key == "url" || key == "uri" || key == "dsn";
    if (is_connection && entry.value.kind == Kind::kText && NamesPassword(entry.value.text)) {
      return file.Bad(entry.value.line, "a password stands in '" + key + "'", kHint);
    }
    TRY(Check(entry.value, file));
  }
  return {};
}

Result<void> CheckVariables(const Node& node, const yaml::File& file) {
  for (const Node& item : node.items) TRY(CheckVariables(item, file));
  for (const yaml::Entry& entry : node.entries) {
    if (entry.key.text == "passwordVariable" && entry.value.kind != Kind::kNull) {
      return file.Bad(
          entry.key.line,
          "a schedule goes on when nobody is there: its password cannot be in an environment "
          "variable ('passwordVariable')",
          "Write `passwordFile:` with a file that only you can read, or leave it to the product's "
          "own file.");
    }
    TRY(CheckVariables(entry.value, file));
  }
  return {};
}

}  // namespace

Result<void> CheckNeedsNoEnvironment(const std::string& definition) {
  TRY_ASSIGN(const Node root, yaml::Parse(definition, kName));
  return CheckVariables(root, {kName});
}

Result<void> CheckHoldsNoSecret(const std::string& definition) {
  TRY_ASSIGN(const Node root, yaml::Parse(definition, kName));
  if (root.kind != Kind::kMap) {
    return Fail(ErrorCode::kInvalidArgument, std::string(kName) + " has no keys",
                "`spawnctl create data-source --help` shows one.");
  }
  return Check(root, {kName});
}

}  // namespace spawnd::daemon
