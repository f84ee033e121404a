/// The keys of a data image's YAML that say where its data come from: sourceType, and what a running server
/// needs (docs/backups.md). Only for client/yaml/image_reader.cc. Pure.
#pragma once

#include "yaml/tree.h"

#include <array>
#include <optional>
#include <string_view>

#include "api/types.h"
#include "base/result.h"
#include "client/fetch/source.h"
#include "client/yaml/image_file.h"

namespace spawnd::client {

inline constexpr std::array<std::string_view, 3> kSourceKeys{"connection", "method", "jobs"};

/// What the file says of a source that is to be fetched, as far as it is read.
struct SourceDescription {
  FetchSource fetched;
  std::string_view first_key;  ///< of kSourceKeys; empty: none was given
  int line = 0;                ///< of that
};

/// `sourceType`; `server`: is to be fetched from a running one. kInvalidArgument with the place in the file.
struct SourceWord {
  api::SourceType type = api::SourceType::kEmpty;  ///< of the request
  bool is_server = false;
};
Result<SourceWord> ReadSourceType(const yaml::File& file, const yaml::Node& value);

/// `key`: one of kSourceKeys. Paths are made absolute against the file's folder. kInvalidArgument with the
/// place in the file, and never a word of a password.
Result<void> ReadSourceKey(const ImageYaml& yaml, const yaml::File& file, std::string_view key,
                           const yaml::Node& value, SourceDescription& source);

}  // namespace spawnd::client
