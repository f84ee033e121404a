/// What `create data-image` is to make: of a file, or of a data source that the daemon knows.
#pragma once

#include "base/result.h"
#include "client/command/command.h"
#include "client/yaml/image.h"

namespace spawnd::client {

/// By --file, --source, and what the file says of a source. Errors: those of the file, the daemon's.
Result<ImageDescription> ImageToMake(const Invocation& invocation);

/// A file with a `schedule` of its own makes a data source: registers it, or says anew what it is, and puts
/// it into the image's request. Returns the id of one that is new, 0 otherwise.
Result<int64_t> RegisterSource(const Invocation& invocation, ImageDescription& image);

/// A source that RegisterSource made goes again: its first image could not be made.
void TakeBackSource(const Invocation& invocation, int64_t id);

}  // namespace spawnd::client
