/// The list `mask` of a data image's YAML (docs/masking.md). Only for client/yaml/image_reader.cc, and
/// whoever reads a source's. Pure.
#pragma once

#include "yaml/tree.h"

#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/result.h"

namespace spawnd::client {

inline constexpr std::string_view kMaskKey = "mask";

/// Each rule complete by itself (api::ValidateMaskRule), with the line where it begins. kInvalidArgument with
/// the place in the file.
Result<std::vector<api::MaskRule>> ReadMask(const yaml::File& file, const yaml::Node& value);

}  // namespace spawnd::client
