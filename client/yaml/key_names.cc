#include "client/yaml/key_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "base/text.h"
#include "client/output/text.h"

namespace spawnd::client {
namespace {

struct OtherName {
  std::string_view other;  ///< lower case
  std::string_view key;
};

/// What people call a key whose own name is not near enough to be found by its letters.
constexpr std::array<OtherName, 53> kOtherNames{{
    {"databasename", "initialDatabaseName"},
    {"hostname", "host"},
    {"address", "host"},
    {"username", "user"},
    {"uri", "url"},
    {"passfile", "passwordFile"},
    {"database", "initialDatabaseName"},
    {"dbname", "initialDatabaseName"},
    {"db", "initialDatabaseName"},
    {"ssl", "tls"},
    {"defaultdatabase", "initialDatabaseName"},
    {"engineversion", "version"},
    {"serverversion", "version"},
    {"databaseengine", "engine"},
    {"product", "engine"},
    {"type", "sourceType"},
    {"imagename", "name"},
    {"image", "name"},
    {"label", "tags"},
    {"ttl", "lifetime"},
    {"pool", "warm"},
    {"expires", "lifetime"},
    {"idle", "sleepAfter"},
    {"backuppath", "backups"},
    {"dump", "backup"},
    {"scripts", "scriptsFolders"},
    {"migrations", "scriptsFolders"},
    {"directory", "folder"},
    {"dir", "folder"},
    {"filename", "file"},
    {"filepath", "path"},
    {"onerrors", "onError"},
    {"ignoreerrors", "onError"},
    {"collation", "locale"},
    {"charset", "encoding"},
    {"config", "settings"},
    {"parameters", "settings"},
    {"excludeextensions", "skipExtensions"},
    {"archive", "walFolder"},
    {"cron", "schedule"},
    {"retention", "keep"},
    {"datasource", "source"},
    {"masks", "mask"},
    {"masking", "mask"},
    {"anonymize", "mask"},
    {"anonymization", "mask"},
    {"method", "rule"},
    {"function", "rule"},
    {"sql", "expression"},
    {"condition", "where"},
    {"recoverytargettime", "at"},
    {"pointintime", "at"},
    {"targettime", "at"},
}};

}  // namespace

std::string GuessKey(std::string_view key, std::span<const std::string_view> names) {
  const std::string lower = LowerCase(key);
  std::string_view meant;
  for (const OtherName& one : kOtherNames) {
    if (one.other == lower && std::find(names.begin(), names.end(), one.key) != names.end()) meant = one.key;
  }
  if (meant.empty()) meant = Nearest(key, names);
  return meant.empty() ? "" : fmt::format(", did you mean '{}'?", meant);
}

}  // namespace spawnd::client
