/// Extensions that a backup wants and the installation has not: all of them in one error, before anything is
/// restored. Safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engines/parts.h"

namespace spawnd::engines::postgresql {

struct WantedExtension {
  std::string name;
  std::string version{};  ///< empty: the newest
  bool operator==(const WantedExtension&) const = default;
};

/// kUnsupported with the names of all that are missing, less those of `skipped`, and the packages that the
/// host's own package lists have for them. Where the installation keeps its extensions, its plpgsql tells;
/// when that is not found, nothing is missing. Blocks: when something is missing, up to 10 s for apt-cache,
/// which runs without privileges.
Result<void> CheckExtensions(const std::string& backup_name, const std::vector<WantedExtension>& wanted,
                             const std::vector<std::string>& skipped, const Installation& installation);

/// Of the packages `listed` ("postgresql-15-cron - Run periodic jobs", a line each) the one of an extension.
/// Empty: none.
std::string PackageOf(const std::string& extension, const std::string& major, const std::string& listed);

}  // namespace spawnd::engines::postgresql
