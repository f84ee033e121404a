/// docs/openapi.yaml says what the code does: every field of every struct, every enumeration, every
/// reference.
#include <yaml-cpp/yaml.h>

#include <string>
#include <vector>

#include "api/mapping.h"
#include "api/source/fetch.h"
#include "api/source/mapping.h"
#include "tests/places.h"
#include "tests/support/catch.h"

using namespace spawnd::api;

namespace {

/// A visitor that only notes the field names.
struct Names {
  std::vector<std::string> names;
  void Field(std::string_view name, const auto&) { names.emplace_back(name); }
  void Time(std::string_view name, int64_t) { names.emplace_back(name); }
  void OrDefault(std::string_view name, const auto&) { names.emplace_back(name); }
  void Secret(std::string_view name, const std::string&) { names.emplace_back(name); }
};

template <typename T>
std::vector<std::string> FieldsOf() {
  Names visit;
  const T value{};
  Describe(visit, value);
  return visit.names;
}

std::vector<std::string> KeysOf(const YAML::Node& map) {
  std::vector<std::string> keys;
  for (const auto& entry : map) keys.push_back(entry.first.Scalar());
  return keys;
}

template <typename Enum>
std::vector<std::string> WordsOf() {
  std::vector<std::string> words;
  for (const auto& entry : NamesOf(Enum{})) words.emplace_back(entry.second);
  return words;
}

void CollectReferences(const YAML::Node& node, std::vector<std::string>& references) {
  if (node.IsMap() && node["$ref"]) references.push_back(node["$ref"].Scalar());
  if (node.IsMap()) {
    for (const auto& entry : node) CollectReferences(entry.second, references);
  } else if (node.IsSequence()) {
    for (const auto& entry : node) CollectReferences(entry, references);
  }
}

}  // namespace

TEST_CASE("every schema has the fields of its struct, in order") {
  const YAML::Node schemas = YAML::LoadFile(SPAWND_SOURCE_ROOT "/docs/openapi.yaml")["components"]["schemas"];
  CHECK(KeysOf(schemas["CreateDataImageRequest"]["properties"]) == FieldsOf<CreateDataImageRequest>());
  CHECK(KeysOf(schemas["MaskRule"]["properties"]) == FieldsOf<MaskRule>());
  CHECK(KeysOf(schemas["Upload"]["properties"]) == FieldsOf<Upload>());
  CHECK(KeysOf(schemas["ClientFile"]["properties"]) == FieldsOf<ClientFile>());
  CHECK(KeysOf(schemas["CreateDataContainerRequest"]["properties"]) ==
        FieldsOf<CreateDataContainerRequest>());
  CHECK(KeysOf(schemas["LoadDataContainerRequest"]["properties"]) == FieldsOf<LoadDataContainerRequest>());
  CHECK(KeysOf(schemas["GraduateDataContainerRequest"]["properties"]) ==
        FieldsOf<GraduateDataContainerRequest>());
  CHECK(KeysOf(schemas["UpdateDataImageRequest"]["properties"]) == FieldsOf<UpdateDataImageRequest>());
  CHECK(KeysOf(schemas["UpdateDataContainerRequest"]["properties"]) ==
        FieldsOf<UpdateDataContainerRequest>());
  CHECK(KeysOf(schemas["CreateAccessTokenRequest"]["properties"]) == FieldsOf<CreateAccessTokenRequest>());
  CHECK(KeysOf(schemas["AccessToken"]["properties"]) == FieldsOf<AccessToken>());
  CHECK(KeysOf(schemas["Connection"]["properties"]) == FieldsOf<Connection>());
  CHECK(KeysOf(schemas["CreateDataSourceRequest"]["properties"]) == FieldsOf<CreateDataSourceRequest>());
  CHECK(KeysOf(schemas["UpdateDataSourceRequest"]["properties"]) == FieldsOf<UpdateDataSourceRequest>());
  CHECK(KeysOf(schemas["DataSource"]["properties"]) == FieldsOf<DataSource>());
  CHECK(KeysOf(schemas["Deleted"]["properties"]) == FieldsOf<Deleted>());
  CHECK(KeysOf(schemas["Revision"]["properties"]) == FieldsOf<Revision>());
  CHECK(KeysOf(schemas["DataImage"]["properties"]) == FieldsOf<DataImage>());
  CHECK(KeysOf(schemas["DataContainer"]["properties"]) == FieldsOf<DataContainer>());
  CHECK(KeysOf(schemas["Engine"]["properties"]) == FieldsOf<Engine>());
  CHECK(KeysOf(schemas["Version"]["properties"]) == FieldsOf<Version>());
  CHECK(KeysOf(schemas["Quotas"]["properties"]) == FieldsOf<Quotas>());
  CHECK(KeysOf(schemas["WhoAmI"]["properties"]) == FieldsOf<WhoAmI>());
  CHECK(KeysOf(schemas["Progress"]["properties"]) == FieldsOf<Progress>());
}

TEST_CASE("every enumeration has the words of the code") {
  const YAML::Node schemas = YAML::LoadFile(SPAWND_SOURCE_ROOT "/docs/openapi.yaml")["components"]["schemas"];
  CHECK(schemas["SourceType"]["enum"].as<std::vector<std::string>>() == WordsOf<SourceType>());
  CHECK(schemas["MaskRule"]["properties"]["rule"]["enum"].as<std::vector<std::string>>() ==
        WordsOf<MaskKind>());
  CHECK(schemas["Durability"]["enum"].as<std::vector<std::string>>() == WordsOf<Durability>());
  CHECK(schemas["Status"]["enum"].as<std::vector<std::string>>() == WordsOf<Status>());
  std::vector<std::string> codes;
  for (int code = 0; code <= static_cast<int>(spawnd::ErrorCode::kInternal); ++code) {
    codes.emplace_back(spawnd::ErrorCodeName(static_cast<spawnd::ErrorCode>(code)));
  }
  CHECK(schemas["Error"]["properties"]["code"]["enum"].as<std::vector<std::string>>() == codes);
}

TEST_CASE("every reference leads somewhere") {
  const YAML::Node root = YAML::LoadFile(SPAWND_SOURCE_ROOT "/docs/openapi.yaml");
  std::vector<std::string> references;
  CollectReferences(root, references);
  CHECK(references.size() > 20);
  for (const std::string& reference : references) {
    INFO(reference);
    REQUIRE(reference.starts_with("#/components/"));
    const size_t slash = reference.find('/', 13);
    REQUIRE(slash != std::string::npos);
    CHECK(root["components"][reference.substr(13, slash - 13)][reference.substr(slash + 1)].IsDefined());
  }
}
