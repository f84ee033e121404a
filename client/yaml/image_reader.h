/// From the tree of a data image's YAML to the request: one function a key. Only for client/yaml/image.cc.
/// Pure but for looking whether the named files exist.
#pragma once

#include "yaml/tree.h"

#include <optional>
#include <string>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "client/fetch/source.h"
#include "client/yaml/image_file.h"
#include "client/yaml/schedule_keys.h"

namespace spawnd::client {

struct ImageDescription {
  api::CreateDataImageRequest request;  ///< without the files
  std::vector<NamedFile> backups;
  std::vector<NamedFile> scripts_folders;
  std::vector<NamedFile> wal_folders;
  ScheduleKeys schedule;
  std::optional<FetchSource> source;   ///< what has to be fetched, and is the backup then
  std::optional<FetchSource> standby;  ///< what a standby is to follow
};

/// Errors as ParseImageYaml; the name may be missing.
Result<ImageDescription> ReadImageTree(const ImageYaml& yaml, const yaml::Node& root);

/// Tags and teams: a text that is in the list already is not added again.
void AddUnique(std::vector<std::string>& list, const std::string& text);

}  // namespace spawnd::client
