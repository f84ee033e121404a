/// The daemon's JSON in the form that `-o` asks for. It is re-formatted, not re-built from structs, so that a
/// field that a newer daemon adds is shown too. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spawnd::client {

/// `json`, `yaml`, or the one-field forms, one line a resource.
enum class Format { kTable, kJson, kYaml, kName, kHost, kPort, kUrl };

/// Empty text: kTable. Any case. Error: kInvalidArgument, listing the formats.
Result<Format> ParseFormat(std::string_view text);

/// Ends in a newline. `format` is not kTable. Error: kInvalidArgument (not JSON, or a resource
/// has no such field: an image has no port).
Result<std::string> Render(std::string_view json, Format format);

/// Indented by two, as jq prints it.
Result<std::string> PrettyJson(std::string_view json);

/// Block style, keys all lower case, scalars unquoted where that keeps their type.
Result<std::string> Yaml(std::string_view json);

}  // namespace spawnd::client
