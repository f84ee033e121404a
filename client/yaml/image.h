/// The YAML description of a data image (docs/contract.md, "Data image YAML") as a request to the daemon.
#pragma once

#include <string>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "client/yaml/image_file.h"

namespace spawnd::client {

/// What the command line adds to or replaces in the file.
struct ImageOverrides {
  std::string name;      ///< empty: the file's
  std::string lifetime;  ///< empty: the file's
  std::vector<std::string> tags;
  std::vector<std::string> teams;
};

/// Every path in the request is absolute and exists. Errors, one line "<file>, line <line>: ...": kNotFound
/// and kForbidden for a path that cannot be opened, kInvalidArgument for all else.
Result<api::CreateDataImageRequest> ParseImageYaml(const ImageYaml& yaml, const ImageOverrides& overrides);

}  // namespace spawnd::client
