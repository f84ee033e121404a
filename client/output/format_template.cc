#include "client/output/format_template.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <utility>

#include "base/nearest.h"
#include "base/text.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

constexpr size_t kMaxTemplateBytes = 4096;
constexpr size_t kMaxShown = 64;

std::string_view Text(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

std::string Json(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return {buffer.GetString(), buffer.GetSize()};
}

/// "\t" and "\n" written out, which shells pass on inside quotes.
std::string Unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == 't' || next == 'n') {
      plain += next == 't' ? '\t' : '\n';
      ++i;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::string Shown(const rapidjson::Value& value) {
  if (value.IsNull()) return {};
  if (value.IsString()) return OneLine(Text(value));
  if (!value.IsArray()) return Json(value);
  std::string joined;
  for (const rapidjson::Value& item : value.GetArray()) {
    if (item.IsObject() || item.IsArray()) return Json(value);
    if (!joined.empty()) joined += ',';
    joined += Shown(item);
  }
  return joined;
}

Result<const rapidjson::Value*> Member(const rapidjson::Value& object, std::string_view name) {
  std::vector<std::string_view> known;
  if (object.IsObject()) {
    for (const auto& member : object.GetObject()) {
      if (LowerCase(Text(member.name)) == LowerCase(name)) return &member.value;
      known.push_back(Text(member.name));
    }
  }
  const std::string_view nearest = Nearest(name, known);
  const std::string meant = nearest.empty() ? std::string() : fmt::format("Did you mean '{}'? ", nearest);
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("--format: there is no field '{}'", OneLine(name.substr(0, kMaxShown))),
              known.empty() ? "That is a field without fields of its own."
                            : fmt::format("{}The fields are {}.", meant, fmt::join(known, ", ")));
}

}  // namespace

Result<FormatTemplate::Part> FormatTemplate::ParseField(std::string_view inside) {
  Part part;
  part.is_field = true;
  std::string field = Trim(inside);
  if (field.starts_with("json ")) {
    part.as_json = true;
    field = Trim(std::string_view(field).substr(5));
  }
  if (!field.starts_with('.') || field.find_first_of(" \t|(){}\"") != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--format: '{{{{{}}}}}' is not understood", OneLine(inside.substr(0, kMaxShown))),
                "Write {{.host}} for a field, {{json .}} for JSON.");
  }
  std::string_view rest = std::string_view(field).substr(1);
  while (!rest.empty()) {
    const size_t dot = rest.find('.');
    part.path.emplace_back(rest.substr(0, dot));
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
  }
  return part;
}

Result<FormatTemplate> FormatTemplate::Parse(std::string_view text) {
  if (text.size() > kMaxTemplateBytes) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("--format: the template is longer than {} bytes", kMaxTemplateBytes));
  }
  FormatTemplate parsed;
  while (!text.empty()) {
    const size_t open = text.find("{{");
    if (open != 0) {
      Part literal;
      literal.text = Unescape(text.substr(0, open));
      parsed.parts_.push_back(std::move(literal));
    }
    if (open == std::string_view::npos) break;
    text.remove_prefix(open + 2);
    const size_t close = text.find("}}");
    if (close == std::string_view::npos) {
      return Fail(ErrorCode::kInvalidArgument, "--format: a '{{' has no '}}'",
                  "Write {{.host}} for a field.");
    }
    TRY_ASSIGN(Part part, ParseField(text.substr(0, close)));
    parsed.parts_.push_back(std::move(part));
    text.remove_prefix(close + 2);
  }
  return parsed;
}

Result<std::string> FormatTemplate::Fill(const rapidjson::Value& resource) const {
  std::string filled;
  for (const Part& part : parts_) {
    if (!part.is_field) {
      filled += part.text;
      continue;
    }
    const rapidjson::Value* value = &resource;
    for (const std::string& name : part.path) {
      TRY_ASSIGN(value, Member(*value, name));
    }
    filled += part.as_json || part.path.empty() ? Json(*value) : Shown(*value);
  }
  return filled;
}

}  // namespace spawnd::client
