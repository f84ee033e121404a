#include "daemon/images/builtin.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "daemon/images/empty_key.h"
#include "daemon/images/images.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

constexpr std::string_view kSuffix = "-empty";
/// An id is the engine's place, from 1, then three digits for the version. So all are below the first id of
/// the catalog, 10001, as long as there are nine engines at most.
constexpr int64_t kIdsOfEngine = 1000;
constexpr int64_t kMinorVersions = 20;

std::string NameOf(const engines::Engine& engine) {
  return std::string(engine.ShortName()) + std::string(kSuffix);
}

/// The number in front; takes it and the dot behind it away.
int64_t TakeNumber(std::string_view& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.starts_with('.')) text.remove_prefix(1);
  return error == std::errc() ? number : 0;
}

int64_t IdFor(const engines::Engine& engine, std::string_view version) {
  const auto all = engines::AllEngines();
  const int64_t place = std::find(all.begin(), all.end(), &engine) - all.begin() + 1;
  const int64_t major = TakeNumber(version) % kIdsOfEngine;
  const int64_t minor = std::min(TakeNumber(version), kMinorVersions - 1);
  return place * kIdsOfEngine + (major * kMinorVersions + minor) % kIdsOfEngine;
}

/// The other way round. Whether that version is installed is another question.
std::optional<BuiltInImage> FindById(std::string_view digits) {
  const int64_t id = TakeNumber(digits);
  const auto all = engines::AllEngines();
  const int64_t place = id / kIdsOfEngine;
  if (!digits.empty() || place < 1 || place > static_cast<int64_t>(all.size())) return std::nullopt;
  const engines::Engine* engine = all[static_cast<size_t>(place - 1)];
  const int64_t number = id % kIdsOfEngine;
  std::string version = engine->MajorVersion(std::to_string(number / kMinorVersions) + "." +
                                             std::to_string(number % kMinorVersions));
  if (IdFor(*engine, version) != id) return std::nullopt;
  return BuiltInImage{engine, NameOf(*engine), std::move(version)};
}

/// Major versions that can be used, newest first.
std::vector<std::string> VersionsOf(const engines::Engine& engine,
                                    const std::vector<engines::Installation>& all) {
  std::vector<std::string> versions;
  for (const engines::Installation& one : all) {
    if (one.engine != engine.Name() || !one.problem.empty()) continue;
    std::string major = engine.MajorVersion(one.version);
    if (std::find(versions.begin(), versions.end(), major) == versions.end())
      versions.push_back(std::move(major));
  }
  return versions;
}

}  // namespace

std::vector<std::string> BuiltInNames() {
  std::vector<std::string> names;
  for (const engines::Engine* engine : engines::AllEngines()) {
    names.push_back(NameOf(*engine));
    names.emplace_back(engine->ShortName());
  }
  return names;
}

bool IsBuiltInName(std::string_view name) {
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  const auto all = engines::AllEngines();
  return std::any_of(all.begin(), all.end(), [name](const engines::Engine* engine) {
    const auto aliases = engine->Aliases();
    return name == engine->Name() || name == engine->ShortName() ||
           std::find(aliases.begin(), aliases.end(), name) != aliases.end();
  });
}

int64_t BuiltInId(const ImageRow& row) {
  const auto engine = engines::FindEngine(row.engine);
  return engine ? IdFor(**engine, (*engine)->MajorVersion(row.engine_version)) : row.id;
}

std::optional<BuiltInImage> FindBuiltIn(std::string_view reference) {
  if (auto by_id = FindById(reference)) return by_id;
  const size_t colon = reference.find(':');
  const std::string_view name = reference.substr(0, colon);
  std::string_view version = colon == std::string_view::npos ? "latest" : reference.substr(colon + 1);
  if (version == "empty" || version == "latest") {
    version = "";
  } else if (version.empty() || version.front() < '0' || version.front() > '9') {
    return std::nullopt;  // whether or not there is an image of such a tag, it is none of these
  }
  for (const engines::Engine* engine : engines::AllEngines()) {
    if (name != NameOf(*engine) && name != engine->ShortName()) continue;
    return BuiltInImage{engine, NameOf(*engine), std::string(version)};
  }
  return std::nullopt;
}

std::string BuiltInReference(const ImageRow& row) {
  const auto engine = engines::FindEngine(row.engine);
  // One of a build with more engines than this one has no name here but its own.
  if (!engine) return row.name + ":" + row.engine_version;
  return NameOf(**engine) + ":" + (*engine)->MajorVersion(row.engine_version);
}

Result<ImageRow> BuiltIns::Made(const BuiltInImage& built_in) const {
  TRY_ASSIGN(const auto installation, installations_.Choose(*built_in.engine, built_in.version));
  return catalog_.images.FindCached(EmptyImageKey(volume_bytes_, installation));
}

std::optional<ImageRow> BuiltIns::Row(const BuiltInImage& built_in) const {
  const auto installation = installations_.Choose(*built_in.engine, built_in.version);
  if (!installation) return std::nullopt;
  auto made = Made(built_in);
  if (made && made->state == ImageState::kCompleted) return std::move(*made);
  ImageRow row;  // as it will be
  row.engine = installation->engine;
  row.engine_version = installation->version;
  row.state = ImageState::kCompleted;
  row.cache_key = EmptyImageKey(volume_bytes_, *installation);
  return row;
}

std::vector<ImageRow> BuiltIns::Rows() const {
  std::vector<ImageRow> rows;
  const auto installations = installations_.All();
  for (const engines::Engine* engine : engines::AllEngines()) {
    for (const std::string& version : VersionsOf(*engine, installations)) {
      if (auto row = Row({engine, NameOf(*engine), version})) rows.push_back(std::move(*row));
    }
  }
  return rows;
}

/// A version that is not installed just now may come back, so nothing supersedes what it made.
bool BuiltIns::IsSuperseded(const ImageRow& row) const {
  const auto engine = engines::FindEngine(row.engine);
  if (!row.Hidden() || SourceOfKey(row.cache_key) != 0 || row.state != ImageState::kCompleted || !engine)
    return false;
  const auto installation = installations_.ForData(**engine, row.engine_version);
  return installation && row.cache_key != EmptyImageKey(volume_bytes_, *installation);
}

Result<void> BuiltIns::DropSuperseded(Images& images) const {
  TRY_ASSIGN(const auto rows, catalog_.images.List(daemon::Rows::kAll));
  for (const ImageRow& row : rows) {
    if (!IsSuperseded(row)) continue;
    const auto deleted = images.Delete(row.id);
    if (deleted) {
      spdlog::info("image {} ('{}') is superseded", row.id, row.name);
    } else if (deleted.error().code != ErrorCode::kInUse) {
      spdlog::error("image {} ('{}') is superseded, but stays: {}", row.id, row.name,
                    deleted.error().message);
    }
  }
  return {};
}

}  // namespace spawnd::daemon
