#include "api/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/mapping.h"
#include "api/timestamp.h"
#include "base/nearest.h"

namespace spawnd::api {
namespace {

std::string_view TextOf(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

}  // namespace

ObjectReader::ObjectReader(const rapidjson::Value& value, Strictness strictness, std::string_view what)
    : object_(value), strictness_(strictness), what_(what) {
  if (!value.IsObject()) {
    error_ = Error(ErrorCode::kInvalidArgument, fmt::format("{} is not a JSON object", what));
  }
}

const rapidjson::Value* ObjectReader::Find(std::string_view name) {
  known_.push_back(name);
  if (error_) return nullptr;
  const auto member = object_.FindMember(
      rapidjson::Value(rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size()))));
  if (member == object_.MemberEnd() || member->value.IsNull()) return nullptr;
  return &member->value;
}

void ObjectReader::Expected(std::string_view name, std::string_view what) {
  if (error_) return;
  error_ = Error(ErrorCode::kInvalidArgument, fmt::format("field '{}' of {} must be {}", name, what_, what));
}

void ObjectReader::Expected(std::string_view name, const std::vector<std::string_view>& words) {
  Expected(name, fmt::format("one of {}", fmt::join(words, ", ")));
}

void ObjectReader::Field(std::string_view name, std::string& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsString()) return Expected(name, "text");
  out = TextOf(*value);
}

void ObjectReader::Field(std::string_view name, std::vector<std::string>& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsArray()) return Expected(name, "a list of texts");
  std::vector<std::string> texts;
  for (const rapidjson::Value& item : value->GetArray()) {
    if (!item.IsString()) return Expected(name, "a list of texts");
    texts.emplace_back(TextOf(item));
  }
  out = std::move(texts);
}

void ObjectReader::Field(std::string_view name, std::vector<std::pair<std::string, double>>& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsObject()) return Expected(name, "an object of numbers");
  std::vector<std::pair<std::string, double>> numbers;
  for (const auto& member : value->GetObject()) {
    if (!member.value.IsNumber()) return Expected(name, "an object of numbers");
    numbers.emplace_back(TextOf(member.name), member.value.GetDouble());
  }
  out = std::move(numbers);
}

void ObjectReader::Field(std::string_view name, std::vector<std::pair<std::string, std::string>>& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsObject()) return Expected(name, "an object of texts");
  std::vector<std::pair<std::string, std::string>> texts;
  for (const auto& member : value->GetObject()) {
    if (!member.value.IsString()) return Expected(name, "an object of texts");
    texts.emplace_back(TextOf(member.name), TextOf(member.value));
  }
  out = std::move(texts);
}

void ObjectReader::Field(std::string_view name, std::vector<ClientFile>& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  const auto names_path = [](const rapidjson::Value& item) {
    return item.IsString() || (item.IsObject() && item.HasMember("path"));
  };
  if (value->IsArray() && std::any_of(value->Begin(), value->End(), names_path)) {
    error_ = Error(ErrorCode::kInvalidArgument,
                   fmt::format("field '{}' of {} names a path, and the daemon opens no files for its clients",
                               name, what_),
                   "Send an open descriptor along with the request, or upload the file first: "
                   "docs/openapi.yaml, \"Files of the client\". spawnctl does so by itself.");
    return;
  }
  TakeList(name, *value, out);
}

void ObjectReader::Field(std::string_view name, double& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsNumber()) return Expected(name, "a number");
  out = value->GetDouble();
}

namespace {

/// Numbers in whose place -1 takes back what was said: the image's counts again, or the daemon's.
constexpr std::array<std::string_view, 2> kOrDefault{"warm", "sleepAfterSeconds"};

}  // namespace

int64_t ObjectReader::Integer(std::string_view name, int64_t low, int64_t high, int64_t present) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return present;
  if (std::find(kOrDefault.begin(), kOrDefault.end(), name) != kOrDefault.end()) low = -1;
  if (!value->IsInt64() || value->GetInt64() < low || value->GetInt64() > high) {
    Expected(name, fmt::format("a whole number from {} to {}", low, high));
    return present;
  }
  return value->GetInt64();
}

void ObjectReader::Field(std::string_view name, bool& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  if (!value->IsBool()) return Expected(name, std::string_view("true or false"));
  out = value->GetBool();
}

void ObjectReader::Field(std::string_view name, ErrorCode& out) {
  std::string word;
  Field(name, word);
  if (!word.empty()) out = ErrorCodeFromName(word);
}

void ObjectReader::Field(std::string_view name, std::optional<Error>& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  Error error(ErrorCode::kInternal, {});
  Take(*value, error);
  if (!error_) out = std::move(error);
}

void ObjectReader::Time(std::string_view name, int64_t& out) {
  const rapidjson::Value* value = Find(name);
  if (value == nullptr) return;
  const std::optional<int64_t> seconds = value->IsString() ? ParseTimestamp(TextOf(*value)) : std::nullopt;
  if (!seconds) return Expected(name, "a time such as 2025-01-02T03:04:05Z");
  out = *seconds;
}

Result<void> ObjectReader::Finish() {
  if (error_) return Fail(*error_);
  if (strictness_ == Strictness::kLenient) return {};
  for (const auto& member : object_.GetObject()) {
    const std::string_view name = TextOf(member.name);
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const std::string_view nearest = Nearest(name, known_);
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("unknown field '{}' in {}", name.substr(0, 64), what_),
                nearest.empty() ? std::string() : fmt::format("Did you mean '{}'?", nearest));
  }
  for (const std::string_view name : known_) {
    const auto same = [name](const auto& member) { return TextOf(member.name) == name; };
    const auto count = std::count_if(object_.MemberBegin(), object_.MemberEnd(), same);
    if (count > 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("field '{}' is given {} times in {}", name, count, what_));
    }
  }
  return {};
}

}  // namespace spawnd::api
