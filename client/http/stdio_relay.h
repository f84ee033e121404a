/// Moves bytes between standard input and output and a socket, in both directions at once; the end of one
/// direction is passed on while the other goes on. For spawnctl's single thread.
#pragma once

#include "base/result.h"

namespace spawnd::client {

/// Until the socket's end has been passed on to `output`, or somebody has gone who was to be written to.
/// Makes all three non-blocking. Errors: kIo.
Result<void> RelayStdio(int input, int output, int socket);

}  // namespace spawnd::client
