/// An image of a data source: what the source's YAML says, and what another file or the command line says
/// instead. Pure but for looking whether the named files exist.
#pragma once

#include <optional>

#include "api/source/types.h"
#include "base/result.h"
#include "client/yaml/image.h"

namespace spawnd::client {

/// The value of a key at the top of a YAML, a scalar; empty when it is not there. kInvalidArgument: it is no
/// YAML.
Result<std::string> TopLevelText(const ImageYaml& yaml, std::string_view key);

/// `instead`: each of its keys takes the place of the source's. Paths begin where the source's YAML lay.
/// Errors as ParseImageYaml.
Result<ImageDescription> ParseImageOfSource(const api::DataSource& source,
                                            const std::optional<ImageYaml>& instead,
                                            const ImageOverrides& overrides);

}  // namespace spawnd::client
