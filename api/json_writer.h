/// Writes one object through api/mapping.h. Only for api/json.cc.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/mapping.h"

namespace spawnd::api {

using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

/// `text` with every byte that is not valid UTF-8, and U+0000, replaced by U+FFFD: what tools print may be
/// any bytes, and the other side refuses a document that holds them.
std::string SafeUtf8(std::string_view text);

void WriteText(Writer& writer, std::string_view text);

/// Whether fields that hold nothing are left out: requests and progress, where absence is the default.
/// Resources have every field every time, so that scripts need no "if present"; a time of 0 is null.
enum class Empties { kKeep, kOmit };

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
  /// A list of structs.
  template <typename T>
  requires std::is_class_v<T>
  void Field(std::string_view name, const std::vector<T>& values) {
    if (!Key(name, values.empty())) return;
    writer_.StartArray();
    for (const T& value : values) {
      ObjectWriter inner(writer_, empties_);
      Describe(inner, value);
      inner.End();
    }
    writer_.EndArray();
  }
  void Time(std::string_view name, int64_t seconds);

 private:
  /// Writes the key unless the field is to be left out.
  bool Key(std::string_view name, bool empty);

  Writer& writer_;
  Empties empties_;
};

}  // namespace spawnd::api
