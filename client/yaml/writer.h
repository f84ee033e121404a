/// A JSON document as YAML 1.2 block style, for people and for grep: keys in lower case, scalars plain where
/// YAML lets them be and they stay what they are. Pure.
#pragma once

#include <rapidjson/document.h>

#include <string>
#include <string_view>

namespace spawnd::client {

/// Ends in a newline. Nesting is bounded by whoever parsed the document.
std::string WriteYaml(const rapidjson::Value& value);

/// `text` as a YAML scalar on one line: plain, or double-quoted when a reader would take the plain form for a
/// number, a boolean, null or structure. Times stay plain.
std::string YamlScalar(std::string_view text);

}  // namespace spawnd::client
