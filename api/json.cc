#include "api/json.h"

#include <fmt/core.h>

#include <type_traits>

#include "api/json_document.h"
#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/mapping.h"
#include "api/source/fetch.h"
#include "api/source/mapping.h"
#include "api/source/types.h"

namespace spawnd::api {
namespace {

/// A message longer than this says nothing more, and a stream line has a limit on the other side.
constexpr size_t kMaxMessageBytes = size_t{16} << 10;

template <typename T>
constexpr bool kIsRequest =
    std::is_same_v<T, CreateDataImageRequest> || std::is_same_v<T, CreateDataContainerRequest> ||
    std::is_same_v<T, LoadDataContainerRequest> || std::is_same_v<T, GraduateDataContainerRequest> ||
    std::is_same_v<T, UpdateDataImageRequest> || std::is_same_v<T, UpdateDataContainerRequest> ||
    std::is_same_v<T, ImportDataImageRequest> || std::is_same_v<T, CreateAccessTokenRequest> ||
    std::is_same_v<T, CreateDataSourceRequest> || std::is_same_v<T, UpdateDataSourceRequest> ||
    std::is_same_v<T, FetchPlanRequest> || std::is_same_v<T, NothingRequest>;

template <typename T>
constexpr Empties kEmptiesOf = kIsRequest<T> || std::is_same_v<T, Progress> ? Empties::kOmit : Empties::kKeep;

template <typename T>
std::string Text(const T& value) {
  return JsonOf(value, kEmptiesOf<T>);
}
template <typename T>
std::string Text(const std::vector<T>& values) {
  return JsonOf(values, kEmptiesOf<T>);
}
std::string Text(const Error& error) {
  return JsonOf(
      Error(error.code, error.message.substr(0, kMaxMessageBytes), error.hint.substr(0, kMaxMessageBytes)),
      Empties::kOmit);
}

/// {"<key>":<value>}
template <typename T>
std::string Wrapped(std::string_view key, const T& value) {
  return fmt::format("{{\"{}\":{}}}", key, Text(value));
}

template <typename T>
constexpr Strictness kStrictnessOf = kIsRequest<T> ? Strictness::kStrict : Strictness::kLenient;

template <typename T>
struct Read {
  static Result<T> From(const rapidjson::Value& json, std::string_view what) {
    return ReadObject<T>(json, kStrictnessOf<T>, what);
  }
};

template <typename T>
struct Read<std::vector<T>> {
  static Result<std::vector<T>> From(const rapidjson::Value& json, std::string_view what) {
    if (!json.IsArray())
      return Fail(ErrorCode::kInvalidArgument, fmt::format("{} is not a JSON array", what));
    std::vector<T> values;
    values.reserve(json.Size());
    for (const rapidjson::Value& item : json.GetArray()) {
      TRY_ASSIGN(T value, ReadObject<T>(item, kStrictnessOf<T>, what));
      values.push_back(std::move(value));
    }
    return values;
  }
};

/// The error object inside {"error":...}; null when there is none.
const rapidjson::Value* Member(const rapidjson::Value& json, const char* name) {
  if (!json.IsObject()) return nullptr;
  const auto member = json.FindMember(name);
  return member == json.MemberEnd() || !member->value.IsObject() ? nullptr : &member->value;
}

Result<Error> ReadError(const rapidjson::Value& json) {
  Error error(ErrorCode::kInternal, {});
  ObjectReader reader(json, Strictness::kLenient, "the error");
  Describe(reader, error);
  TRY(reader.Finish());
  return error;
}

}  // namespace

template <typename T>
std::string ToJson(const T& value) {
  return Text(value);
}
std::string ToJson(const Error& error) {
  return Wrapped("error", error);
}

template std::string ToJson(const CreateDataImageRequest& value);
template std::string ToJson(const FetchPlanRequest& value);
template std::string ToJson(const FetchPlan& value);
template std::string ToJson(const CreateDataContainerRequest& value);
template std::string ToJson(const LoadDataContainerRequest& value);
template std::string ToJson(const GraduateDataContainerRequest& value);
template std::string ToJson(const UpdateDataImageRequest& value);
template std::string ToJson(const UpdateDataContainerRequest& value);
template std::string ToJson(const CreateAccessTokenRequest& value);
template std::string ToJson(const CreateDataSourceRequest& value);
template std::string ToJson(const UpdateDataSourceRequest& value);
template std::string ToJson(const Connection& value);
template std::string ToJson(const DataSource& value);
template std::string ToJson(const std::vector<DataSource>& value);
template std::string ToJson(const Deleted& value);
template std::string ToJson(const AccessToken& value);
template std::string ToJson(const std::vector<AccessToken>& value);
template std::string ToJson(const DataImage& value);
template std::string ToJson(const DataContainer& value);
template std::string ToJson(const std::vector<DataImage>& value);
template std::string ToJson(const std::vector<DataContainer>& value);
template std::string ToJson(const std::vector<Diagnosis>& value);
template std::string ToJson(const Event& value);
template std::string ToJson(const std::vector<Engine>& value);
template std::string ToJson(const CaCertificate& value);
template std::string ToJson(const Upload& value);
template std::string ToJson(const ExportedImage& value);
template std::string ToJson(const Import& value);
template std::string ToJson(const ImportDataImageRequest& value);
template std::string ToJson(const Version& value);
template std::string ToJson(const WhoAmI& value);

template <typename T>
Result<T> FromJson(std::string_view json) {
  const std::string_view what = kIsRequest<T> ? "the request" : "the answer";
  TRY_ASSIGN(const rapidjson::Document document,
             ParseJson(json, kIsRequest<T> ? kRequestLimits : kResponseLimits, what));
  return Read<T>::From(document, what);
}

template Result<CreateDataImageRequest> FromJson(std::string_view json);
template Result<FetchPlanRequest> FromJson(std::string_view json);
template Result<FetchPlan> FromJson(std::string_view json);
template Result<CreateDataContainerRequest> FromJson(std::string_view json);
template Result<LoadDataContainerRequest> FromJson(std::string_view json);
template Result<GraduateDataContainerRequest> FromJson(std::string_view json);
template Result<UpdateDataImageRequest> FromJson(std::string_view json);
template Result<UpdateDataContainerRequest> FromJson(std::string_view json);
template Result<CreateAccessTokenRequest> FromJson(std::string_view json);
template Result<CreateDataSourceRequest> FromJson(std::string_view json);
template Result<UpdateDataSourceRequest> FromJson(std::string_view json);
template Result<Connection> FromJson(std::string_view json);
template Result<DataSource> FromJson(std::string_view json);
template Result<std::vector<DataSource>> FromJson(std::string_view json);
template Result<NothingRequest> FromJson(std::string_view json);
template Result<Deleted> FromJson(std::string_view json);
template Result<AccessToken> FromJson(std::string_view json);
template Result<std::vector<AccessToken>> FromJson(std::string_view json);
template Result<DataImage> FromJson(std::string_view json);
template Result<DataContainer> FromJson(std::string_view json);
template Result<std::vector<DataImage>> FromJson(std::string_view json);
template Result<std::vector<DataContainer>> FromJson(std::string_view json);
template Result<std::vector<Diagnosis>> FromJson(std::string_view json);
template Result<Event> FromJson(std::string_view json);
template Result<MissedEvents> FromJson(std::string_view json);
template Result<std::vector<Engine>> FromJson(std::string_view json);
template Result<CaCertificate> FromJson(std::string_view json);
template Result<Upload> FromJson(std::string_view json);
template Result<ExportedImage> FromJson(std::string_view json);
template Result<Import> FromJson(std::string_view json);
template Result<ImportDataImageRequest> FromJson(std::string_view json);
template Result<Version> FromJson(std::string_view json);
template Result<WhoAmI> FromJson(std::string_view json);

Error ErrorFromJson(std::string_view json) {
  constexpr size_t kShown = 200;
  const auto document = ParseJson(json, kResponseLimits, "the error");
  if (document) {
    if (const rapidjson::Value* inner = Member(*document, "error")) {
      if (auto error = ReadError(*inner); error && !error->message.empty()) return *error;
    }
  }
  return {ErrorCode::kInternal,
          fmt::format("the daemon answered with something that is not an error message: '{}'",
                      json.substr(0, kShown))};
}

std::string ProgressLine(const Progress& progress) {
  return Wrapped("progress", progress) + "\n";
}

std::string ResultLine(std::string_view result_json) {
  return fmt::format("{{\"result\":{}}}\n", result_json);
}

std::string ErrorLine(const Error& error) {
  return Wrapped("error", error) + "\n";
}

Result<StreamLine> ParseStreamLine(std::string_view line) {
  TRY_ASSIGN(const rapidjson::Document document, ParseJson(line, kResponseLimits, "a line of the answer"));
  if (const rapidjson::Value* progress = Member(document, "progress")) {
    TRY_ASSIGN(StreamLine read, ReadObject<Progress>(*progress, Strictness::kLenient, "progress"));
    return read;
  }
  if (const rapidjson::Value* result = Member(document, "result")) {
    rapidjson::StringBuffer buffer;
    Writer writer(buffer);
    result->Accept(writer);
    return StreamResult{{buffer.GetString(), buffer.GetSize()}};
  }
  if (const rapidjson::Value* inner = Member(document, "error")) {
    TRY_ASSIGN(StreamLine read, ReadError(*inner));
    return read;
  }
  return Fail(ErrorCode::kInvalidArgument, "a line of the answer has neither progress nor result nor error");
}

}  // namespace spawnd::api
