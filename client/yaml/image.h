/// The YAML description of a data image (docs/contract.md, "Data image YAML") as a request to the daemon.
#pragma once

#include <string>
#include <vector>

#include "api/types.h"
#include "base/result.h"

namespace spawnd::client {

struct ImageYaml {
  std::string name;  ///< of the file as the user typed it, for messages
  std::string text;
  std::string folder;             ///< absolute: relative paths are tried here first
  std::string current_directory;  ///< absolute: and here second
};

/// What the command line adds to or replaces in the file.
struct ImageOverrides {
  std::string name;      ///< empty: the file's
  std::string lifetime;  ///< empty: the file's
  std::vector<std::string> tags;
  std::vector<std::string> teams;
};

/// Reads a file ("-": standard input) of at most kMaxYamlBytes. Error: kInvalidArgument, naming file and
/// cause.
Result<ImageYaml> ReadImageYaml(const std::string& path);

/// Every path in the request is absolute and exists. Errors, one line "<file>, line <line>: ...": kNotFound
/// and kForbidden for a path that cannot be opened, kInvalidArgument for all else.
Result<api::CreateDataImageRequest> ParseImageYaml(const ImageYaml& yaml, const ImageOverrides& overrides);

}  // namespace spawnd::client
