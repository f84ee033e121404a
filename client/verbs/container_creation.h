/// What `create data-container` and `run` have in common. For spawnctl's single thread.
#pragma once

#include "api/types.h"
#include "client/verbs/session.h"

namespace spawnd::client {

/// The image is the argument or --image; --name, --lifetime, --durability and --no-wait are optional. Error:
/// kInvalidArgument.
Result<api::CreateDataContainerRequest> ContainerRequestOf(const Invocation& invocation);

/// Creates it and waits, showing progress and warnings; Created as CreateWithProgress.
Result<Created> CreateContainer(const Invocation& invocation, const api::CreateDataContainerRequest& request);

/// --if-not-exists: the living container of the request's name when it comes from the request's image
/// (waiting for it when it is still being made), else a new one. Error: kAlreadyExists when it comes from
/// another image.
Result<Created> FindOrCreateContainer(const Invocation& invocation,
                                      const api::CreateDataContainerRequest& request);

}  // namespace spawnd::client
