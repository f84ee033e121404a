/// The differences between Redis and Valkey, its continuation, as data. One constant of this type for each,
/// in its own folder; lives as long as the process.
#pragma once

#include <string_view>
#include <vector>

#include "engines/parts.h"

namespace spawnd::engines::redis {

/// The newest format of snapshots that servers of a version, and later ones, read.
struct RdbStep {
  std::string_view from;
  int newest = 0;  ///< 0: not known here, the server itself is asked
};

struct Product {
  std::string_view name;          ///< in the registry
  std::string_view display_name;  ///< one word
  std::string_view short_name;    ///< of redis-server, redis-cli and their like: "redis"
  /// Of the server's program below an installation's root, best first: packages have one by the other's name.
  std::vector<std::string_view> server_programs;
  std::vector<std::string_view> clients;  ///< "redis-cli", best first
  std::string_view version_words;         ///< in front of the version in what "--version" prints
  std::vector<RdbStep> rdb_formats;       ///< of files that begin with REDIS, newest first
  std::vector<RdbStep> own_formats;       ///< of files that begin with VALKEY; none: it reads none
  std::string_view oldest;                ///< whose persistence and access lists work as launch.cc needs them
  std::vector<std::string_view> relatives;
  std::string_view install_hint;
  std::string_view client_hint;
};

const Product& RedisProduct();

/// "7.0.15" of "Redis server v=7.0.15 sha=..."; empty: something else.
std::string_view VersionAfter(std::string_view words, std::string_view output);

/// RdbStep::newest for a server of this version ("7.0.15"); 0 as there.
int NewestOf(const std::vector<RdbStep>& steps, std::string_view server_version);

}  // namespace spawnd::engines::redis
