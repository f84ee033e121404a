/// The keys of a data image's YAML that say which backup of a backup tool's repository it is made of
/// (docs/backups.md). Only for client/yaml/source_keys.cc. Pure.
#pragma once

#include "yaml/tree.h"

#include <array>
#include <string_view>

#include "api/source/repository.h"
#include "base/result.h"
#include "client/yaml/image_file.h"

namespace spawnd::client {

/// `server` is another word for `stanza`: Barman's.
inline constexpr std::array<std::string_view, 6> kRepositoryKeys{"tool",       "stanza",     "server",
                                                                 "repository", "configFile", "backup"};

/// `key`: one of kRepositoryKeys. Paths are made absolute against the file's folder. kInvalidArgument with
/// the place in the file.
Result<void> ReadRepositoryKey(const ImageYaml& yaml, const yaml::File& file, std::string_view key,
                               const yaml::Node& value, api::SourceRepository& repository);

}  // namespace spawnd::client
