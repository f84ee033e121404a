/// The YAML description of a data image (docs/contract.md, "Data image YAML") as a request to the daemon and
/// the files that go with it.
#pragma once

#include "yaml/tree.h"

#include <string>
#include <vector>

#include "base/result.h"
#include "client/yaml/image_file.h"
#include "client/yaml/image_reader.h"

namespace spawnd::client {

/// What the command line adds to or replaces in the file.
struct ImageOverrides {
  std::string name;      ///< empty: the file's
  std::string lifetime;  ///< empty: the file's
  std::vector<std::string> tags;
  std::vector<std::string> teams;
};

/// Every path is absolute and exists; OpenFiles opens them. Errors, one line "<file>, line <line>: ...":
/// kNotFound and kForbidden for a path that cannot be opened, kInvalidArgument for all else.
Result<ImageDescription> ParseImageYaml(const ImageYaml& yaml, const ImageOverrides& overrides);

/// The same of a tree that was read and changed. `other_name`: of the image, where neither says one.
Result<ImageDescription> ParseImageTree(const ImageYaml& yaml, const yaml::Node& root,
                                        const ImageOverrides& overrides, const std::string& other_name = {});

}  // namespace spawnd::client
