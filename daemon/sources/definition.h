/// The YAML of a data source as far as the daemon looks into it: what it means is the client's to say, but
/// nothing secret may come to lie in the catalog. Pure, any thread.
#pragma once

#include <string>

#include "base/result.h"

namespace spawnd::daemon {

/// kInvalidArgument for what is no YAML, and for a password in it: under a key of that name, or in a URL. The
/// message names the line, and never what stands there.
Result<void> CheckHoldsNoSecret(const std::string& definition);

/// Of what a schedule runs: kInvalidArgument, naming the line, for a password in a variable of a session.
Result<void> CheckNeedsNoEnvironment(const std::string& definition);

}  // namespace spawnd::daemon
