/// The JSON mapping of every struct in api/types.h. Field names are camelCase; unknown fields in a request
/// are an error that names the field, so that a typo never passes silently; in a response they are skipped,
/// so that an older spawnctl understands a newer daemon. Bounds: a request over 1 MiB, nesting over 16
/// levels, a string over 64 KiB or an array over 1,000 items is kInvalidArgument (responses: kResponseLimits
/// in api/json_document.h). Text that is not UTF-8 is written with U+FFFD in place of the bad bytes.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/types.h"
#include "base/result.h"

namespace spawnd::api {

/// T is any struct of api/types.h but Progress, or a std::vector of resources.
template <typename T>
std::string ToJson(const T& value);
/// {"error":{"code","message","hint"}}
std::string ToJson(const Error& error);

/// Errors: kInvalidArgument.
template <typename T>
Result<T> FromJson(std::string_view json);
/// Reads what ToJson(Error) wrote; kInternal naming the text when it is something else.
Error ErrorFromJson(std::string_view json);

/// Lines of a streamed response, each ending in '\n'.
std::string ProgressLine(const Progress& progress);
std::string ResultLine(std::string_view result_json);
std::string ErrorLine(const Error& error);

struct StreamResult {
  std::string json;  ///< the result object, to be given to FromJson
};
using StreamLine = std::variant<Progress, StreamResult, Error>;
Result<StreamLine> ParseStreamLine(std::string_view line);

}  // namespace spawnd::api
