/// From the tree of a data image's YAML to the request: one function a key. Only for image_yaml.cc. Pure but
/// for looking whether the named files exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "client/yaml/image.h"
#include "client/yaml/tree.h"

namespace spawnd::client {

/// Errors as ParseImageYaml; the name may be missing.
Result<api::CreateDataImageRequest> ReadImageTree(const ImageYaml& yaml, const YamlNode& root);

/// Tags and teams: a text that is in the list already is not added again.
void AddUnique(std::vector<std::string>& list, const std::string& text);

/// "/a/b" + "c/d" -> "/a/b/c/d"; an absolute `path` stands alone.
std::string JoinPath(std::string_view folder, std::string_view path);

/// Without symbolic links and dots, as messages of the daemon should show it; the path itself when it is not
/// there.
std::string CanonicalPath(const std::string& path);

}  // namespace spawnd::client
