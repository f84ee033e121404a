/// The request that makes a data source of a file.
#pragma once

#include "api/source/types.h"
#include "base/result.h"
#include "client/command/command.h"

namespace spawnd::client {

/// By --file, with what --name, --schedule and --keep say in the file's place. The file is read and checked
/// as for an image. Errors: kInvalidArgument and those of the file.
Result<api::CreateDataSourceRequest> SourceRequest(const Invocation& invocation);

}  // namespace spawnd::client
