#include "client/yaml/writer.h"

#include <fmt/core.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

/// Plain words that YAML 1.1 or 1.2 readers resolve to something other than text.
bool IsReservedWord(std::string_view text) {
  constexpr std::array<std::string_view, 12> kWords = {"null", "true", "false", "yes", "no",   "on",
                                                       "off",  "y",    "n",     "~",   ".nan", ".inf"};
  std::string lower = LowerCase(text);
  if (lower == "-.inf" || lower == "+.inf") return true;
  return std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
}

/// Everything that could be a number in YAML 1.1 or 1.2: 15, 11.0, 1e5, 0x1f, 1_000, 12:30. A time such as
/// 2025-01-02T03:04:05Z has letters that no number has.
bool LooksLikeNumber(std::string_view text) {
  const size_t sign = text.front() == '-' || text.front() == '+' ? 1 : 0;
  const std::string_view digits = text.substr(sign);
  if (digits.empty() || (digits.front() != '.' && (digits.front() < '0' || digits.front() > '9')))
    return false;
  if (digits.starts_with("0x") || digits.starts_with("0o") || digits.starts_with("0b")) return true;
  if (std::count(digits.begin(), digits.end(), '.') > 1) return false;  // 127.0.0.1 is no number anywhere
  return digits.find_first_not_of("0123456789.eE+-_:") == std::string_view::npos;
}

/// Whether the plain form would be read as structure (YAML 1.2.2, 7.3.3).
bool HasIndicator(std::string_view text) {
  constexpr std::string_view kFirst = ",[]{}#&*!|>'\"%@`";
  const char first = text.front();
  if (kFirst.find(first) != std::string_view::npos) return true;
  // "-", "?" and ":" begin a plain scalar only when something other than a blank follows.
  if ((first == '-' || first == '?' || first == ':') && (text.size() == 1 || text[1] == ' ')) return true;
  if (text == "---" || text == "...") return true;
  if (first == ' ' || text.back() == ' ' || text.back() == ':') return true;
  return text.find(": ") != std::string_view::npos || text.find(" #") != std::string_view::npos;
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

std::string Quoted(std::string_view text) {
  // JSON's escapes are a subset of YAML's double-quoted ones.
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
  return {buffer.GetString(), buffer.GetSize()};
}

class YamlText {
 public:
  std::string Take() { return std::move(text_); }

  /// `indent`: column of this value's keys or dashes; the cursor stands at that column of a fresh line.
  void Block(const rapidjson::Value& value, size_t indent) {
    if (value.IsObject() && value.MemberCount() > 0) {
      Map(value, indent);
    } else if (value.IsArray() && !value.Empty()) {
      List(value, indent);
    } else {
      text_ += Scalar(value);
      text_ += '\n';
    }
  }

 private:
  static bool IsBlock(const rapidjson::Value& value) {
    return (value.IsObject() && value.MemberCount() > 0) || (value.IsArray() && !value.Empty());
  }

  void Map(const rapidjson::Value& map, size_t indent) {
    bool first = true;
    for (const auto& member : map.GetObject()) {
      if (!std::exchange(first, false)) text_.append(indent, ' ');
      text_ += YamlScalar(Key({member.name.GetString(), member.name.GetStringLength()}));
      text_ += ':';
      if (IsBlock(member.value)) {
        text_ += '\n';
        text_.append(indent + 2, ' ');
        Block(member.value, indent + 2);
      } else {
        text_ += ' ';
        Block(member.value, indent + 2);
      }
    }
  }

  void List(const rapidjson::Value& list, size_t indent) {
    bool first = true;
    for (const rapidjson::Value& item : list.GetArray()) {
      if (!std::exchange(first, false)) text_.append(indent, ' ');
      text_ += "- ";
      Block(item, indent + 2);
    }
  }

  /// Lower case, but for the names of environment variables: those are data, no field of the API begins with
  /// a capital.
  static std::string Key(std::string_view name) {
    return !name.empty() && name.front() >= 'A' && name.front() <= 'Z' ? std::string(name) : LowerCase(name);
  }

  static std::string Scalar(const rapidjson::Value& value) {
    if (value.IsObject()) return "{}";
    if (value.IsArray()) return "[]";
    if (value.IsNull()) return "null";
    if (value.IsBool()) return value.GetBool() ? "true" : "false";
    if (value.IsString()) return YamlScalar({value.GetString(), value.GetStringLength()});
    rapidjson::StringBuffer buffer;
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    value.Accept(writer);
    return {buffer.GetString(), buffer.GetSize()};
  }

  std::string text_;
};

}  // namespace

std::string YamlScalar(std::string_view text) {
  const bool quote =
      text.empty() || IsReservedWord(text) || LooksLikeNumber(text) || HasIndicator(text) || HasControl(text);
  return quote ? Quoted(text) : std::string(text);
}

std::string WriteYaml(const rapidjson::Value& value) {
  YamlText yaml;
  yaml.Block(value, 0);
  return yaml.Take();
}

}  // namespace spawnd::client
