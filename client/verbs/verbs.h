/// The functions behind the command table: one file a verb family. Each returns the exit code; an error that
/// it returns is shown by main.
#pragma once

#include "base/result.h"
#include "client/command.h"

namespace spawnd::client {

// data_image.cc
Result<int> CreateDataImage(const Invocation& invocation);
Result<int> GetDataImages(const Invocation& invocation);
Result<int> DeleteDataImages(const Invocation& invocation);

// data_container.cc
Result<int> CreateDataContainer(const Invocation& invocation);
Result<int> GetDataContainers(const Invocation& invocation);
Result<int> DeleteDataContainers(const Invocation& invocation);

// revisions.cc
Result<int> SaveDataContainer(const Invocation& invocation);
Result<int> ResetDataContainer(const Invocation& invocation);
Result<int> LoadDataContainer(const Invocation& invocation);
Result<int> GraduateDataContainer(const Invocation& invocation);

// daemon.cc
Result<int> ShowVersion(const Invocation& invocation);
Result<int> Authenticate(const Invocation& invocation);

}  // namespace spawnd::client
