/// The text of --format: '{{.host}}:{{.port}}', as docker's. Fields by name in any case, also of fields
/// ({{.environment.PGHOST}}); {{json .}} and {{json .tags}} give JSON. \t and \n mean what they do in C.
/// Pure.
#pragma once

#include <rapidjson/document.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::client {

class FormatTemplate {
 public:
  /// Error: kInvalidArgument (a '{{' without end, or something in it that is neither a field nor json).
  static Result<FormatTemplate> Parse(std::string_view text);

  /// `resource` in that form, without a newline at the end. Text loses its control characters, a list of
  /// texts is joined with commas, null is nothing. Error: kInvalidArgument, an unknown field, with those that
  /// there are.
  Result<std::string> Fill(const rapidjson::Value& resource) const;

 private:
  struct Part {
    std::string text;               ///< literal, when `is_field` is not set
    bool is_field = false;          ///< else `path` says which
    bool as_json = false;           ///< {{json ...}}
    std::vector<std::string> path;  ///< {"environment", "PGHOST"}; empty: the resource itself
  };

  static Result<Part> ParseField(std::string_view inside);

  std::vector<Part> parts_;
};

}  // namespace spawnd::client
