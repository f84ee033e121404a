/// Reads a JSON object into any struct that has a Describe (as in api/mapping.h). The requests and answers of
/// the API have FromJson in api/json.h; other rooms describe their own structs and call ReadJson.
///
/// Pure functions and values, safe from any thread.
///
/// An absent or null field leaves the member as it is. The first thing that does not fit is kept as the
/// error; later calls do nothing.
#pragma once

#include <rapidjson/document.h>

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/json_document.h"
#include "api/types.h"
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
  template <std::integral T>
  void Field(std::string_view name, T& out) {
    constexpr T kMost = std::numeric_limits<T>::max();
    constexpr int64_t kHigh = std::cmp_less(kMaxInteger, kMost) ? kMaxInteger : static_cast<int64_t>(kMost);
    out = static_cast<T>(Integer(name, 0, kHigh, static_cast<int64_t>(out)));
  }
  template <std::integral T>
  void Field(std::string_view name, std::vector<T>& out) {
    const rapidjson::Value* value = Find(name);
    if (value == nullptr) return;
    if (!value->IsArray()) return Expected(name, "a list of whole numbers");
    std::vector<T> numbers;
    for (const rapidjson::Value& item : value->GetArray()) {
      if (!item.IsInt64() || !std::in_range<T>(item.GetInt64())) {
        return Expected(name, "a list of whole numbers");
      }
      numbers.push_back(static_cast<T>(item.GetInt64()));
    }
    out = std::move(numbers);
  }
  void Field(std::string_view name, ErrorCode& out);
  void Field(std::string_view name, std::optional<Error>& out);
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
    out = std::move(value);
  }
  /// What names a path is refused in words of its own: that is how they came once, and is what people try.
  void Field(std::string_view name, std::vector<ClientFile>& out);
  /// A struct.
  template <typename T>
  requires std::is_class_v<T>
  void Field(std::string_view name, T& out) {
    if (const rapidjson::Value* value = Find(name)) Take(*value, out);
  }
  /// A list of structs.
  template <typename T>
  requires std::is_class_v<T>
  void Field(std::string_view name, std::vector<T>& out) {
    if (const rapidjson::Value* value = Find(name)) TakeList(name, *value, out);
  }
  void Time(std::string_view name, int64_t& out);
  void Secret(std::string_view name, std::string& out) { Field(name, out); }
  /// A number that -1 takes back.
  void OrDefault(std::string_view name, std::optional<int64_t>& out) {
    if (Find(name) == nullptr) return;
    known_.pop_back();  // the call below notes the name again
    out = Integer(name, -1, kMaxInteger, 0);
  }

  /// After all fields: the verdict. Strict readers complain here about what nobody asked for.
  Result<void> Finish();

 private:
  /// No number in this API is larger: beyond 2^53 a JSON reader in another language would round it.
  static constexpr int64_t kMaxInteger = int64_t{1} << 53;

  template <typename T>
  void Take(const rapidjson::Value& value, T& out) {
    if (error_) return;
    ObjectReader inner(value, strictness_, what_);
    Describe(inner, out);
    if (auto read = inner.Finish(); !read) error_ = std::move(read.error());
  }

  template <typename T>
  void TakeList(std::string_view name, const rapidjson::Value& value, std::vector<T>& out) {
    if (!value.IsArray()) return Expected(name, std::string_view("a list"));
    std::vector<T> items;
    for (const rapidjson::Value& item : value.GetArray()) Take(item, items.emplace_back());
    if (!error_) out = std::move(items);
  }

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

/// Reads a struct out of a value of a document.
template <typename T>
Result<T> ReadObject(const rapidjson::Value& json, Strictness strictness, std::string_view what) {
  T value;
  ObjectReader reader(json, strictness, what);
  Describe(reader, value);
  TRY(reader.Finish());
  return value;
}

/// Reads a struct out of a text of unknown origin.
template <typename T>
Result<T> ReadJson(std::string_view text, const JsonLimits& limits, Strictness strictness,
                   std::string_view what) {
  TRY_ASSIGN(const rapidjson::Document document, ParseJson(text, limits, what));
  return ReadObject<T>(document, strictness, what);
}

}  // namespace spawnd::api
