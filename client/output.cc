#include "client/output.h"

#include <fmt/core.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <array>
#include <utility>

#include "api/json_document.h"
#include "client/text.h"
#include "client/yaml_writer.h"

namespace spawnd::client {
namespace {

struct FormatName {
  Format format;
  std::string_view name;
};

constexpr std::array<FormatName, 7> kFormats{{{Format::kJson, "json"},
                                              {Format::kYaml, "yaml"},
                                              {Format::kName, "name"},
                                              {Format::kHost, "host"},
                                              {Format::kPort, "port"},
                                              {Format::kUrl, "url"},
                                              {Format::kTable, "table"}}};

Result<rapidjson::Document> Parse(std::string_view json) {
  return api::ParseJson(json, api::kResponseLimits, "the answer");
}

/// One field of one resource as a line.
Result<std::string> FieldLine(const rapidjson::Value& resource, std::string_view field) {
  if (resource.IsObject()) {
    const auto member = resource.FindMember(std::string(field).c_str());
    if (member != resource.MemberEnd()) {
      if (member->value.IsString()) {
        return OneLine({member->value.GetString(), member->value.GetStringLength()}) + "\n";
      }
      if (member->value.IsInt64()) return fmt::format("{}\n", member->value.GetInt64());
    }
  }
  return Fail(ErrorCode::kInvalidArgument, fmt::format("there is no '{}' to print", field),
              "Use -o json to see what there is.");
}

Result<std::string> FieldLines(std::string_view json, std::string_view field) {
  TRY_ASSIGN(const rapidjson::Document document, Parse(json));
  if (!document.IsArray()) return FieldLine(document, field);
  std::string lines;
  for (const rapidjson::Value& resource : document.GetArray()) {
    TRY_ASSIGN(const std::string line, FieldLine(resource, field));
    lines += line;
  }
  return lines;
}

}  // namespace

Result<Format> ParseFormat(std::string_view text) {
  if (text.empty()) return Format::kTable;
  const std::string lower = LowerCase(text);
  for (const FormatName& entry : kFormats) {
    if (entry.name == lower) return entry.format;
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("unknown output format '{}'", OneLine(text.substr(0, 64))),
              "Use json, yaml, name, host, port, url or table.");
}

Result<std::string> Render(std::string_view json, Format format) {
  if (format == Format::kJson) return PrettyJson(json);
  if (format == Format::kYaml) return Yaml(json);
  for (const FormatName& entry : kFormats) {
    if (entry.format == format) return FieldLines(json, entry.name);
  }
  return Fail(ErrorCode::kInternal, "a table is not made from JSON");
}

Result<std::string> PrettyJson(std::string_view json) {
  TRY_ASSIGN(const rapidjson::Document document, Parse(json));
  rapidjson::StringBuffer buffer;
  rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
  writer.SetIndent(' ', 2);
  document.Accept(writer);
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

Result<std::string> Yaml(std::string_view json) {
  TRY_ASSIGN(const rapidjson::Document document, Parse(json));
  return WriteYaml(document);
}

}  // namespace spawnd::client
