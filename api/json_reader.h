/// Reads one object through api/mapping.h. Only for api/json.cc.
///
/// An absent or null field leaves the member as it is. The first thing that does not fit is kept as the
/// error; later calls do nothing.
#pragma once

#include <rapidjson/document.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/mapping.h"
#include "base/result.h"

namespace spawnd::api {

/// Requests are read strictly: a field that is unknown or given twice, or a word that an enumeration does not
/// have, is an error. Responses are not, so that an older spawnctl understands a newer daemon; there an
/// unknown word leaves the member's default.
enum class Strictness { kStrict, kLenient };

class ObjectReader {
 public:
  /// `what` is the subject of messages ("the request") and must outlive the reader, as must `value`.
  ObjectReader(const rapidjson::Value& value, Strictness strictness, std::string_view what);

  void Field(std::string_view name, std::string& out);
  void Field(std::string_view name, std::vector<std::string>& out);
  void Field(std::string_view name, std::vector<std::pair<std::string, double>>& out);
  void Field(std::string_view name, std::vector<std::pair<std::string, std::string>>& out);
  void Field(std::string_view name, double& out);
  void Field(std::string_view name, bool& out);
  void Field(std::string_view name, int64_t& out) { out = Integer(name, 0, kMaxInteger, out); }
  void Field(std::string_view name, uint16_t& out) {
    out = static_cast<uint16_t>(Integer(name, 0, std::numeric_limits<uint16_t>::max(), out));
  }
  void Field(std::string_view name, uint32_t& out) {
    out = static_cast<uint32_t>(Integer(name, 0, std::numeric_limits<uint32_t>::max(), out));
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  void Field(std::string_view name, Enum& out) {
    const rapidjson::Value* value = Find(name);
    if (value == nullptr) return;
    std::vector<std::string_view> words;
    for (const auto& [candidate, text] : NamesOf(out)) {
      if (value->IsString() && text == std::string_view(value->GetString(), value->GetStringLength())) {
        out = candidate;
        return;
      }
      words.push_back(text);
    }
    if (strictness_ == Strictness::kStrict || !value->IsString()) Expected(name, words);
  }
  template <typename T>
  void Field(std::string_view name, std::optional<T>& out) {
    if (Find(name) == nullptr) return;
    known_.pop_back();  // the call below notes the name again
    T value{};
    Field(name, value);
    out = value;
  }
  /// A list of structs.
  template <typename T>
  requires std::is_class_v<T>
  void Field(std::string_view name, std::vector<T>& out) {
    const rapidjson::Value* value = Find(name);
    if (value == nullptr) return;
    if (!value->IsArray()) return Expected(name, std::string_view("a list"));
    std::vector<T> items;
    for (const rapidjson::Value& item : value->GetArray()) {
      ObjectReader inner(item, strictness_, what_);
      Describe(inner, items.emplace_back());
      if (auto read = inner.Finish(); !read) {
        if (!error_) error_ = std::move(read.error());
        return;
      }
    }
    out = std::move(items);
  }
  void Time(std::string_view name, int64_t& out);

  /// After all fields: the verdict. Strict readers complain here about what nobody asked for.
  Result<void> Finish();

 private:
  /// No number in this API is larger: beyond 2^53 a JSON reader in another language would round it.
  static constexpr int64_t kMaxInteger = int64_t{1} << 53;

  /// The field's value; null when it is absent, null, or an error has been found before.
  const rapidjson::Value* Find(std::string_view name);
  int64_t Integer(std::string_view name, int64_t low, int64_t high, int64_t present);
  void Expected(std::string_view name, std::string_view what);
  void Expected(std::string_view name, const std::vector<std::string_view>& words);

  const rapidjson::Value& object_;
  Strictness strictness_;
  std::string_view what_;
  std::vector<std::string_view> known_;
  std::optional<Error> error_;
};

}  // namespace spawnd::api
