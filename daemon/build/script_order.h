/// The order in which the scripts of a folder run: as Flyway has it for migrations, so that a folder of those
/// works as it is. Pure; safe from any thread.
///
///   V<version>__<description>.sql   by version: parts between dots or underscores, compared as numbers
///   anything else with that ending  by path
///   R__<description>.sql            by description
///
/// Undo (U...) and baseline (B...) scripts are left out: the versioned ones alone give the same state.
/// Prefixes are upper case, endings any case. Sub-folders count for paths only: a version stands where it
/// belongs, wherever its file is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spawnd::daemon {

struct OrderedScripts {
  std::vector<std::string> paths;  ///< of those given, in the order in which they run
  std::vector<std::string> notes;  ///< what was left out and why: "skipped 'U1__a.sql': an undo script"
};

/// `paths`: of files, relative to their folder. `endings`: lower case, without the dot. kInvalidArgument for
/// two scripts of one version.
Result<OrderedScripts> OrderScripts(const std::vector<std::string>& paths,
                                    const std::vector<std::string_view>& endings);

}  // namespace spawnd::daemon
