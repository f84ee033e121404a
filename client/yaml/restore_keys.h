/// The keys of a data image's YAML that say what becomes of its backup, and the server's settings
/// (docs/backups.md): one function a key. Only for client/yaml/image_reader.cc. Pure.
#pragma once

#include "yaml/tree.h"

#include <array>
#include <string_view>

#include "api/types.h"
#include "base/result.h"

namespace spawnd::client {

/// In the order of ReadRestoreKey.
inline constexpr std::array<std::string_view, 11> kRestoreKeys{
    "settings",      "onError",     "locale",     "encoding", "skipExtensions", "tables",
    "excludeTables", "excludeData", "schemaOnly", "at",       "walFolder"};
/// Whose value is a path, which the reader of paths takes.
inline constexpr std::string_view kWalFolderKey = kRestoreKeys.back();

/// `key`: one of kRestoreKeys but kWalFolderKey. kInvalidArgument with the place in the file.
Result<void> ReadRestoreKey(const yaml::File& file, std::string_view key, const yaml::Node& value,
                            api::CreateDataImageRequest& request);

}  // namespace spawnd::client
