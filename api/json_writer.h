/// Writes any struct that has a Describe (as in api/mapping.h) as a JSON object. The requests and answers of
/// the API have ToJson in api/json.h; other rooms describe their own structs and call JsonOf.
///
/// Pure functions and values, safe from any thread.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace spawnd::api {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

/// `text` with every byte that is not valid UTF-8, and U+0000, replaced by U+FFFD: what tools print may be
/// any bytes, and the other side refuses a document that holds them.
std::string SafeUtf8(std::string_view text);

void WriteText(Writer& writer, std::string_view text);

/// Whether fields that hold nothing are left out: requests and progress, where absence is the default.
/// Resources have every field every time, so that scripts need no "if present"; a time of 0 is null.
enum class Empties { kKeep, kOmit };

template <typename T>
void WriteObject(Writer& writer, const T& value, Empties empties);

class ObjectWriter {
 public:
  ObjectWriter(Writer& writer, Empties empties) : writer_(writer), empties_(empties) {
    writer_.StartObject();
  }
  void End() { writer_.EndObject(); }

  void Field(std::string_view name, const std::string& value) {
    if (Key(name, value.empty())) WriteText(writer_, value);
  }
  void Field(std::string_view name, const std::vector<std::string>& values);
  /// Pairs are an object, in their order.
  template <typename T>
  void Field(std::string_view name, const std::vector<std::pair<std::string, T>>& values) {
    if (!Key(name, values.empty())) return;
    ObjectWriter inner(writer_, Empties::kKeep);
    for (const auto& [key, value] : values) inner.Field(SafeUtf8(key), value);
    inner.End();
  }
  void Field(std::string_view name, double value);
  void Field(std::string_view name, bool value) {
    if (Key(name, !value)) writer_.Bool(value);
  }
  template <std::integral T>
  void Field(std::string_view name, T value) {
    if (Key(name, value == 0)) writer_.Int64(value);
  }
  template <std::integral T>
  void Field(std::string_view name, const std::vector<T>& values) {
    if (!Key(name, values.empty())) return;
    writer_.StartArray();
    for (const T value : values) writer_.Int64(value);
    writer_.EndArray();
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void Field(std::string_view name, Enum value) {
    if (!Key(name, false)) return;
    for (const auto& [candidate, text] : NamesOf(value)) {
      if (candidate == value) return WriteText(writer_, text);
    }
    writer_.Null();
  }
  template <typename T>
  void Field(std::string_view name, const std::optional<T>& value) {
    if (value) {
      // What is there counts, even when it is nothing: a lifetime of 0 is not no lifetime.
      const Empties kept = std::exchange(empties_, Empties::kKeep);
      Field(name, *value);
      empties_ = kept;
    } else if (Key(name, true)) {
      writer_.Null();
    }
  }
  void Field(std::string_view name, ErrorCode code) {
    if (Key(name, false)) WriteText(writer_, ErrorCodeName(code));
  }
  /// A struct.
  template <typename T>
  requires std::is_class_v<T>
  void Field(std::string_view name, const T& value) {
    if (Key(name, false)) WriteObject(writer_, value, empties_);
  }
  /// A list of structs.
  template <typename T>
  requires std::is_class_v<T>
  void Field(std::string_view name, const std::vector<T>& values) {
    if (!Key(name, values.empty())) return;
    writer_.StartArray();
    for (const T& value : values) WriteObject(writer_, value, empties_);
    writer_.EndArray();
  }
  void Time(std::string_view name, int64_t seconds);
  void OrDefault(std::string_view name, const std::optional<int64_t>& value) { Field(name, value); }
  void Secret(std::string_view name, const std::string& value) {
    if (!value.empty()) Field(name, value);
  }

 private:
  /// Writes the key unless the field is to be left out.
  bool Key(std::string_view name, bool empty);

  Writer& writer_;
  Empties empties_;
};

template <typename T>
void WriteObject(Writer& writer, const T& value, Empties empties) {
  ObjectWriter object(writer, empties);
  Describe(object, value);
  object.End();
}

/// The JSON text of a struct.
template <typename T>
std::string JsonOf(const T& value, Empties empties) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  WriteObject(writer, value, empties);
  return {buffer.GetString(), buffer.GetSize()};
}
/// Of a list of structs.
template <typename T>
std::string JsonOf(const std::vector<T>& values, Empties empties) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  writer.StartArray();
  for (const T& value : values) WriteObject(writer, value, empties);
  writer.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace spawnd::api
