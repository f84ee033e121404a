/// The keys of a data image's YAML that say where its data come from: sourceType, and what a running server
/// or a repository needs (docs/backups.md). Only for client/yaml/image_reader.cc. Pure.
#pragma once

#include "yaml/tree.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "api/types.h"
#include "base/result.h"
#include "client/fetch/source.h"
#include "client/yaml/image_file.h"

namespace spawnd::client {

/// And those of repository_keys.h, but for `backup`, which others have, too.
inline constexpr std::array<std::string_view, 8> kSourceKeys{
    "connection", "method", "jobs", "tool", "stanza", "server", "repository", "configFile"};

/// From where the data have to be fetched before anything else.
enum class FetchedFrom { kNowhere, kServer, kStandby, kRepository };

/// What the file says of a source that is to be fetched, as far as it is read.
struct SourceDescription {
  FetchSource fetched;
  std::string_view first_key;  ///< of kSourceKeys; empty: none was given
  int line = 0;                ///< of that
  FetchedFrom from = FetchedFrom::kNowhere;
  /// One that only a running server, or a repository, has, and its line; empty: there is none.
  std::pair<std::string_view, int> of_server{};
  std::pair<std::string_view, int> of_repository{};
};

/// `sourceType`. kInvalidArgument with the place in the file.
struct SourceWord {
  api::SourceType type = api::SourceType::kEmpty;  ///< of the request
  FetchedFrom from = FetchedFrom::kNowhere;
};
Result<SourceWord> ReadSourceType(const yaml::File& file, const yaml::Node& value);

/// `key`: one of kSourceKeys, or `backup` of a repository. Paths are made absolute against the file's folder.
/// kInvalidArgument with the place in the file, and never a word of a password.
Result<void> ReadSourceKey(const ImageYaml& yaml, const yaml::File& file, std::string_view key,
                           const yaml::Node& value, SourceDescription& source);

/// Keys of a backup that mean nothing to what sourceType and method say, before any is read: kInvalidArgument
/// with the place and the name of the first.
Result<void> RefuseKeysOfBackups(const yaml::File& file, const yaml::Node& root);

/// What the keys say together, and with sourceType.
Result<void> CheckSource(const ImageYaml& yaml, const yaml::File& file, const SourceDescription& source);

}  // namespace spawnd::client
