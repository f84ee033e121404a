/// The daemon's JSON in the form that --output or --format asks for. It is re-formatted, not re-built from
/// structs, so that a field that a newer daemon adds is shown too. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "client/output/format_template.h"

namespace spawnd::client {

/// `json`, `yaml`, `env` for a shell, or the one-field forms, one line a resource; kTemplate: --format.
enum class Format { kTable, kJson, kYaml, kName, kHost, kPort, kUrl, kEnv, kJdbc, kTemplate };

struct Output {
  Format format = Format::kTable;
  FormatTemplate format_template{};  ///< of kTemplate
  bool indented = false;             ///< kJson: for eyes, over several lines; programs get one line
};

/// Empty text: kTable. Any case. Error: kInvalidArgument, listing the formats.
Result<Format> ParseFormat(std::string_view text);
/// What --output and --format say; either may be empty. Error: kInvalidArgument.
Result<Output> ParseOutput(std::string_view output, std::string_view format_template);

/// Ends in a newline. `format` is not kTable. Errors: kInvalidArgument (not JSON; a resource has no such
/// field: an image has no port; several containers' environments).
Result<std::string> Render(std::string_view json, const Output& output);

/// On one line, or indented by two, as jq prints it.
Result<std::string> Json(std::string_view json, bool indented);

/// Block style, keys all lower case, scalars unquoted where that keeps their type.
Result<std::string> Yaml(std::string_view json);

/// `text` as one word of a POSIX shell: in quotes only where it needs them.
std::string ShellWord(std::string_view text);

}  // namespace spawnd::client
