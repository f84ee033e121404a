/// The file that describes a data image, as it was read: its text, and where its relative paths begin. The
/// client's one thread calls it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::client {

struct ImageYaml {
  std::string name;  ///< of the file as the user typed it, for messages
  std::string text;
  std::string folder;             ///< absolute: relative paths are tried here first
  std::string current_directory;  ///< absolute: and here second
  bool is_standard_input = false;
};

/// A backup or a scripts folder that the file names.
struct NamedFile {
  std::string path;         ///< absolute, and something is there; empty: standard input
  std::string name;         ///< for messages: its last part, as it was written
  std::string cannot_open;  ///< "shop.yaml, line 5: cannot open backup './x.sql'"
};

/// Reads a file ("-": standard input) of at most yaml::kMaxBytes. Error: kInvalidArgument, naming file and
/// cause.
Result<ImageYaml> ReadImageYaml(const std::string& path);

/// "/a/b" + "c/d" -> "/a/b/c/d"; an absolute `path` stands alone.
std::string JoinPath(std::string_view folder, std::string_view path);

/// Without symbolic links and dots; the path itself when it is not there.
std::string CanonicalPath(const std::string& path);

}  // namespace spawnd::client
