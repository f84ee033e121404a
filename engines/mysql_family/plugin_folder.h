/// What an installation can load at run time.
#pragma once

#include <string>
#include <vector>

#include "engines/parts.h"

namespace spawnd::engines::mysql_family {

/// Names of the libraries in the folder that its server loads plugins from; none: it has no such folder.
std::vector<std::string> PluginLibraries(const Installation& installation);

}  // namespace spawnd::engines::mysql_family
