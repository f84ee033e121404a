#include "client/yaml/source_keys.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <utility>

#include "base/text.h"
#include "client/fetch/source_url.h"
#include "client/output/text.h"
#include "client/yaml/repository_keys.h"
#include "client/yaml/restore_keys.h"

namespace spawnd::client {
namespace {

using yaml::Node;

constexpr int64_t kMaxJobs = 64;

/// The map `connection`.
class ConnectionReader {
 public:
  ConnectionReader(const ImageYaml& yaml, const yaml::File& file, FetchSource& source)
      : yaml_(yaml), file_(file), source_(source) {}

  Result<void> Read(const Node& value) {
    if (value.kind == Node::Kind::kText) return Url(value);
    if (value.kind != Node::Kind::kMap) {
      return file_.Bad(value.line,
                       fmt::format("connection must be a map, found {}", yaml::KindName(value.kind)),
                       "Write 'url:' below it, or 'host:', 'port:', 'user:', 'database:'.");
    }
    static constexpr std::array<std::string_view, 10> kNames{
        "url",     "host",       "port", "user", "database", "password", "passwordFile", "passwordVariable",
        "sslMode", "sslRootCert"};
    TRY(file_.ReadKeys(value, kNames, "connection.", [&](size_t key, const Node& inner) -> Result<void> {
      if (inner.kind == Node::Kind::kNull) return {};
      if (kNames[key] == "url") return Url(inner);
      TRY_ASSIGN(std::string text, file_.Text(inner, kNames[key]).map(Trim));
      if (text.empty()) return file_.Bad(inner.line, fmt::format("'connection.{}' is empty", kNames[key]));
      if (key <= 4) has_parts_ = true;
      return Take(kNames[key], std::move(text), inner.line);
    }));
    if (has_url_ && has_parts_) {
      return file_.Bad(value.line, "connection has 'url' besides 'host', 'port', 'user' or 'database'",
                       "Give 'url', or the parts of it.");
    }
    const SecretPlace& secret = source_.secret;
    if (int{!secret.text.empty()} + int{!secret.file.empty()} + int{!secret.variable.empty()} > 1) {
      return file_.Bad(value.line, "connection says in more than one way where the password is",
                       "Keep passwordFile or passwordVariable, and take the password out of the rest.");
    }
    return {};
  }

 private:
  Result<void> Url(const Node& value) {
    TRY_ASSIGN(const std::string text, file_.Text(value, "url").map(Trim));
    auto url = ParseSourceUrl(text);
    if (!url) return file_.Bad(value.line, url.error().message, url.error().hint);
    has_url_ = true;
    api::SourceConnection& to = source_.request.connection;
    // What stands beside it counts more, wherever it stands.
    if (to.ssl_mode.empty()) to.ssl_mode = url->connection.ssl_mode;
    if (to.ssl_root_cert.empty() && !url->connection.ssl_root_cert.empty()) {
      to.ssl_root_cert = JoinPath(yaml_.folder, url->connection.ssl_root_cert);
    }
    to.scheme = url->connection.scheme;
    to.host = url->connection.host;
    to.port = url->connection.port;
    to.user = url->connection.user;
    to.database = url->connection.database;
    if (!url->password.empty()) source_.secret.text = std::move(url->password);
    return {};
  }

  Result<void> Take(std::string_view key, std::string text, int line) {
    api::SourceConnection& to = source_.request.connection;
    if (key == "host") {
      to.host = std::move(text);
    } else if (key == "port") {
      return Parsed(ParseSourcePort(text), line, to.port);
    } else if (key == "user") {
      to.user = std::move(text);
    } else if (key == "database") {
      to.database = std::move(text);
    } else if (key == "password") {
      source_.secret.text = std::move(text);
    } else if (key == "passwordFile") {
      source_.secret.file = JoinPath(yaml_.folder, text);
    } else if (key == "passwordVariable") {
      if (text.find('=') != std::string::npos)
        return file_.Bad(line, "passwordVariable is no name of a variable");
      source_.secret.variable = std::move(text);
    } else if (key == "sslMode") {
      return Parsed(ParseSslMode(text), line, to.ssl_mode);
    } else {
      to.ssl_root_cert = JoinPath(yaml_.folder, text);
    }
    return {};
  }

  template <typename T>
  Result<void> Parsed(Result<T> value, int line, T& out) const {
    if (!value) return file_.Bad(line, value.error().message, value.error().hint);
    out = std::move(*value);
    return {};
  }

  const ImageYaml& yaml_;
  const yaml::File& file_;
  FetchSource& source_;
  bool has_url_ = false;
  bool has_parts_ = false;
};

Result<void> ReadMethod(const yaml::File& file, const Node& value, std::string& out) {
  TRY_ASSIGN(const std::string text, file.Text(value, "method").map(Trim));
  out = LowerCase(text);
  if (out == "dump" || out == "physical") return {};
  return file.Bad(value.line, fmt::format("unknown method '{}'", text), "It is one of dump, physical.");
}

Result<void> ReadJobs(const yaml::File& file, const Node& value, int64_t& out) {
  TRY_ASSIGN(const std::string text, file.Text(value, "jobs").map(Trim));
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc() && end == text.data() + text.size() && out >= 1 && out <= kMaxJobs) return {};
  return file.Bad(value.line, fmt::format("'{}' is no number of connections", text),
                  fmt::format("So many are made to the server at once: 1 to {}.", kMaxJobs));
}

bool IsOfRepository(std::string_view key) {
  return std::find(kRepositoryKeys.begin(), kRepositoryKeys.end(), key) != kRepositoryKeys.end();
}

/// What stands behind a key of the file, in lower case; empty: nothing that is a word.
std::string WordOf(const Node& root, std::string_view key) {
  const auto entry = std::find_if(root.entries.begin(), root.entries.end(),
                                  [key](const yaml::Entry& one) { return one.key.text == key; });
  return entry == root.entries.end() ? std::string() : LowerCase(Trim(entry->value.text));
}

/// What only a backup has that was made before: a running server is as it is now.
bool IsOfOlderBackup(std::string_view key) {
  return key == "at" || key == kWalFolderKey;
}

/// Of what is restored statement by statement. A server's own files come as a whole.
bool IsOfDump(std::string_view key) {
  return key != "settings" && !IsOfOlderBackup(key) &&
         std::find(kRestoreKeys.begin(), kRestoreKeys.end(), key) != kRestoreKeys.end();
}

}  // namespace

Result<void> RefuseKeysOfBackups(const yaml::File& file, const Node& root) {
  const std::string type = WordOf(root, "sourceType");
  const bool is_standby = type == "standby";
  if (!is_standby && type != "server") return {};
  const bool is_physical = is_standby || WordOf(root, "method") == "physical";
  for (const yaml::Entry& entry : root.entries) {
    const std::string& key = entry.key.text;
    const bool is_how = is_standby && (key == "method" || key == "jobs");
    const bool is_of_dump = is_physical && IsOfDump(key);
    if (entry.value.kind == Node::Kind::kNull || (!is_how && !is_of_dump && !IsOfOlderBackup(key))) continue;
    return file.Bad(
        entry.key.line,
        fmt::format("'{}' means nothing to sourceType {}{}", key, type,
                    is_of_dump && !is_standby ? " with method physical" : ""),
        is_of_dump ? "All of the server's files are copied: leave it out, or use `sourceType: server` with "
                     "`method: dump`."
                   : "Leave it out.");
  }
  return {};
}

Result<SourceWord> ReadSourceType(const yaml::File& file, const Node& value) {
  TRY_ASSIGN(const std::string text, file.Text(value, "sourceType").map(Trim));
  const std::string word = LowerCase(text);
  if (word == "empty") return SourceWord{api::SourceType::kEmpty};
  if (word == "backup") return SourceWord{api::SourceType::kBackup};
  if (word == "scripts") return SourceWord{api::SourceType::kScripts};
  // What is fetched is a backup like any other.
  if (word == "server") return SourceWord{api::SourceType::kBackup, FetchedFrom::kServer};
  if (word == "repository") return SourceWord{api::SourceType::kBackup, FetchedFrom::kRepository};
  if (word == "standby") return SourceWord{api::SourceType::kStandby, FetchedFrom::kStandby};
  return file.Bad(value.line, fmt::format("unknown sourceType '{}'", text),
                  "It is one of empty, backup, scripts, server, repository, standby.");
}

Result<void> CheckSource(const ImageYaml& yaml, const yaml::File& file, const SourceDescription& source) {
  const bool is_standby = source.from == FetchedFrom::kStandby;
  const bool is_server = source.from == FetchedFrom::kServer || is_standby;
  if (source.from == FetchedFrom::kNowhere && !source.first_key.empty()) {
    return file.Bad(source.line, fmt::format("'{}' is given, but sourceType is not {}", source.first_key,
                                             IsOfRepository(source.first_key) ? "repository" : "server"));
  }
  if (is_server && source.first_key.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: sourceType is {}, but not of which server", yaml.name,
                            is_standby ? "standby" : "server"),
                "Add 'connection:' with 'url:' under it, or 'host:', 'port:', 'user:', 'database:'.");
  }
  if (source.from == FetchedFrom::kRepository && source.fetched.request.repository.tool.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: sourceType is repository, but no tool is given", yaml.name),
                "Add 'tool:', one of pgbackrest, barman, wal-g.");
  }
  const auto [key, line] = is_server ? source.of_repository : source.of_server;
  if (source.from == FetchedFrom::kNowhere || key.empty()) return {};
  return file.Bad(line,
                  fmt::format("'{}' is given, but sourceType is {}", key,
                              is_standby  ? "standby"
                              : is_server ? "server"
                                          : "repository"),
                  key == "server" ? "Where a running server is, `connection:` says." : "");
}

Result<void> ReadSourceKey(const ImageYaml& yaml, const yaml::File& file, std::string_view key,
                           const Node& value, SourceDescription& source) {
  if (source.first_key.empty()) {
    source.first_key = key;
    source.line = value.line;
  }
  // Jobs both have.
  if (IsOfRepository(key)) {
    source.of_repository = {key, value.line};
    return ReadRepositoryKey(yaml, file, key, value, source.fetched.request.repository);
  }
  if (key != "jobs") source.of_server = {key, value.line};
  if (key == "method") return ReadMethod(file, value, source.fetched.request.method);
  if (key == "jobs") return ReadJobs(file, value, source.fetched.request.jobs);
  return ConnectionReader(yaml, file, source.fetched).Read(value);
}

}  // namespace spawnd::client
