#include "daemon/transfer/description.h"

#include <sys/utsname.h>

#include <algorithm>
#include <ctime>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/resource_limits.h"
#include "daemon/images/mask_digest.h"
#include "engines/registry.h"
#include "engines/settings.h"
#include "engines/used_library.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMaxVersionText = 100;
constexpr size_t kMaxDatabaseName = 255;

std::string Architecture() {
  utsname names{};
  return ::uname(&names) == 0 ? names.machine : "";
}

Error Unusable(std::string_view what) {
  return {ErrorCode::kCorrupt, "the file's description of its image is of no use: " + std::string(what),
          "It was not made by 'spawnctl export'."};
}

bool IsVersionText(std::string_view text) {
  return text.size() <= kMaxVersionText &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// It ends up in connection strings, tables and logs.
bool IsDatabaseName(std::string_view text) {
  return text.size() <= kMaxDatabaseName &&
         std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

bool IsLibrary(const std::string& text) {
  return engines::UsedLibraryFrom(text).has_value();
}

Result<void> CheckTexts(const api::ExportedImage& image) {
  if (const auto valid = api::ValidateName(image.name, "data image"); !valid) {
    return Fail(Unusable(valid.error().message));
  }
  if (image.engine_version.empty() || !IsVersionText(image.engine_version) || !IsVersionText(image.version) ||
      !IsVersionText(image.architecture)) {
    return Fail(Unusable("its version"));
  }
  if (!IsDatabaseName(image.database) || !IsDatabaseName(image.initial_database_name)) {
    return Fail(Unusable("the name of its database"));
  }
  if (image.libraries.size() > engines::kMaxUsedLibraries ||
      !std::all_of(image.libraries.begin(), image.libraries.end(), IsLibrary)) {
    return Fail(Unusable("the libraries that it uses"));
  }
  if (!image.mask_digest.empty() && !IsMaskDigest(image.mask_digest)) {
    return Fail(Unusable("what it says of its masks"));
  }
  if (const auto valid = api::ValidateLimits(image.limits); !valid) {
    return Fail(Unusable(valid.error().message));
  }
  return {};
}

}  // namespace

std::string DescriptionOf(const ImageRow& image) {
  api::ExportedImage description;
  description.name = image.name;
  description.engine = image.engine;
  description.engine_version = image.engine_version;
  description.version = image.version_text;
  description.architecture = Architecture();
  description.durability = image.durability;
  description.tls = image.tls;
  description.superuser = image.superuser;
  description.limits = image.limits;
  description.initial_database_name = image.initial_database;
  description.database = image.database;
  description.data_bytes = image.data_bytes;
  description.libraries = image.libraries;
  description.settings = image.settings;
  description.mask_digest = image.mask_digest;
  return api::ToJson(description);
}

Result<api::ExportedImage> ReadDescription(std::string_view json) {
  auto image = api::FromJson<api::ExportedImage>(json);
  if (!image) return Fail(Unusable(image.error().message));
  TRY(CheckTexts(*image));
  const auto engine = engines::FindEngine(image->engine);
  if (!engine) {
    return Fail(ErrorCode::kUnsupported,
                "the file holds an image of an engine that this spawnd does not know",
                "'spawnctl get engines' lists those it knows.");
  }
  // Whoever made the file decides no more of a server than who makes an image here.
  if (const auto valid = engines::CheckSettings(**engine, image->settings); !valid) {
    return Fail(Unusable(valid.error().message));
  }
  if (image->architecture != Architecture()) {
    return Fail(ErrorCode::kUnsupported,
                "the file holds an image of a server on " + image->architecture + ", and this machine is " +
                    Architecture(),
                "A server's files are of one architecture: restore a dump of it instead.");
  }
  return image;
}

ImageRow RowOf(const api::ExportedImage& image) {
  ImageRow row;
  row.name = image.name;
  row.engine = image.engine;
  row.engine_version = image.engine_version;
  row.version_text = image.version;
  row.durability = image.durability;
  row.tls = image.tls;
  row.superuser = image.superuser;
  row.limits = image.limits;
  row.settings = image.settings;
  row.mask_digest = image.mask_digest;
  row.initial_database = image.initial_database_name;
  row.database = image.database;
  row.created_at = std::time(nullptr);
  return row;
}

}  // namespace spawnd::daemon
