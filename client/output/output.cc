#include "client/output/output.h"

#include <fmt/format.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/stringbuffer.h>

#include <array>
#include <utility>
#include <vector>

#include "api/json_document.h"
#include "base/text.h"
#include "client/output/text.h"
#include "client/yaml/writer.h"

namespace spawnd::client {
namespace {

struct FormatName {
  Format format;
  std::string_view name;
  std::string_view field{};  ///< of the one-field forms
};

constexpr std::array<FormatName, 9> kFormats{{{Format::kJson, "json"},
                                              {Format::kYaml, "yaml"},
                                              {Format::kName, "name", "name"},
                                              {Format::kHost, "host", "host"},
                                              {Format::kPort, "port", "port"},
                                              {Format::kUrl, "url", "url"},
                                              {Format::kEnv, "env"},
                                              {Format::kJdbc, "jdbc", "jdbcConnectionString"},
                                              {Format::kTable, "table"}}};

Result<rapidjson::Document> Parse(std::string_view json) {
  return api::ParseJson(json, api::kResponseLimits, "the answer");
}

/// Where what clients need to connect is empty.
constexpr const char* kWhyEmpty =
    "A data container has one, once it runs; an access token for reading only sees none.";

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
  if (!document.IsArray()) {
    TRY_ASSIGN(std::string line, FieldLine(document, field));
    if (line.size() > 1) return line;  // more than its end
    return Fail(ErrorCode::kForbidden, fmt::format("there is no '{}' to print", field), kWhyEmpty);
  }
  std::string lines;
  for (const rapidjson::Value& resource : document.GetArray()) {
    TRY_ASSIGN(const std::string line, FieldLine(resource, field));
    lines += line;
  }
  return lines;
}

/// Lines NAME=value that a shell can evaluate.
Result<std::string> EnvironmentLines(std::string_view json) {
  TRY_ASSIGN(const rapidjson::Document document, Parse(json));
  if (document.IsArray()) {
    return Fail(ErrorCode::kInvalidArgument, "-o env is for one data container",
                "Name it: spawnctl get data-container <name> -o env");
  }
  const auto member = document.IsObject() ? document.FindMember("environment") : document.MemberEnd();
  if (!document.IsObject() || member == document.MemberEnd() || !member->value.IsObject()) {
    return Fail(ErrorCode::kInvalidArgument, "there is no environment to print", kWhyEmpty);
  }
  if (member->value.ObjectEmpty()) {
    return Fail(ErrorCode::kForbidden, "there is no environment to print", kWhyEmpty);
  }
  std::string lines;
  for (const auto& [name, value] : member->value.GetObject()) {
    if (!value.IsString()) continue;
    lines +=
        fmt::format("{}={}\n", name.GetString(), ShellWord({value.GetString(), value.GetStringLength()}));
  }
  return lines;
}

Result<std::string> TemplateLines(std::string_view json, const FormatTemplate& format_template) {
  TRY_ASSIGN(const rapidjson::Document document, Parse(json));
  std::string lines;
  if (!document.IsArray()) {
    TRY_ASSIGN(lines, format_template.Fill(document));
    return lines + "\n";
  }
  for (const rapidjson::Value& resource : document.GetArray()) {
    TRY_ASSIGN(const std::string line, format_template.Fill(resource));
    lines += line + "\n";
  }
  return lines;
}

}  // namespace

Result<Format> ParseFormat(std::string_view text) {
  if (text.empty()) return Format::kTable;
  const std::string lower = LowerCase(text);
  std::vector<std::string_view> names;
  for (const FormatName& entry : kFormats) {
    if (entry.name == lower) return entry.format;
    names.push_back(entry.name);
  }
  return Fail(
      ErrorCode::kInvalidArgument, fmt::format("unknown output format '{}'", OneLine(text.substr(0, 64))),
      fmt::format("It is one of {}; or use --format '{{{{.host}}}}:{{{{.port}}}}'.", fmt::join(names, ", ")));
}

Result<Output> ParseOutput(std::string_view output, std::string_view format_template) {
  Output parsed;
  TRY_ASSIGN(parsed.format, ParseFormat(output));
  if (format_template.empty()) return parsed;
  // As docker's --format json.
  if (output.empty() && format_template.find("{{") == std::string_view::npos) {
    TRY_ASSIGN(parsed.format, ParseFormat(format_template));
    return parsed;
  }
  if (!output.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "--output and --format are both given", "Give one of them.");
  }
  parsed.format = Format::kTemplate;
  TRY_ASSIGN(parsed.format_template, FormatTemplate::Parse(format_template));
  return parsed;
}

Result<std::string> Render(std::string_view json, const Output& output) {
  if (output.format == Format::kTemplate) return TemplateLines(json, output.format_template);
  if (output.format == Format::kJson) return Json(json, output.indented);
  if (output.format == Format::kYaml) return Yaml(json);
  if (output.format == Format::kEnv) return EnvironmentLines(json);
  for (const FormatName& entry : kFormats) {
    if (entry.format == output.format && !entry.field.empty()) return FieldLines(json, entry.field);
  }
  return Fail(ErrorCode::kInternal, "this form is not made from JSON alone");
}

std::string ShellWord(std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string_view::npos) return std::string(text);
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

Result<std::string> Json(std::string_view json, bool indented) {
  TRY_ASSIGN(const rapidjson::Document document, Parse(json));
  rapidjson::StringBuffer buffer;
  if (indented) {
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
    writer.SetIndent(' ', 2);
    document.Accept(writer);
  } else {
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    document.Accept(writer);
  }
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

Result<std::string> Yaml(std::string_view json) {
  TRY_ASSIGN(const rapidjson::Document document, Parse(json));
  return WriteYaml(document);
}

}  // namespace spawnd::client
