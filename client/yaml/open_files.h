/// Opening the files that a data image's YAML names, with the rights of whoever runs spawnctl: the daemon
/// gets them open, and opens none itself.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "client/yaml/image_reader.h"

namespace spawnd::client {

/// Opens all of them, and says in the image's request which is which. A FIFO is waited for until somebody
/// writes to it. Errors as ParseImageYaml's.
Result<std::vector<UniqueFd>> OpenFiles(ImageDescription& image);

}  // namespace spawnd::client
