/// Whether a running container runs something older than what a restart would give it: its keeper is of the
/// spawnd that started it, its server of the file that was there then. Pure, safe from any thread.
#pragma once

#include <string>

#include "daemon/host/engine_host.h"
#include "engines/engine.h"

namespace spawnd::daemon {

/// As its keeper says. Empty: of a spawnd that did not say.
struct WhatRuns {
  std::string spawnd{};
  std::string build{};
  std::string engine_version{};
  std::string engine_program{};  ///< engines::ProgramIdentity::Text
};

/// In words, without the container's name: "it runs spawnd 1.0.0, this is 1.1.0". Empty: it is up to date.
/// `installed`: what a restart would take; none: that is not known, so that nothing is said of the server.
std::string WhyOutdated(const WhatRuns& runs, const Build& now, const engines::Installation* installed,
                        std::string_view product);

}  // namespace spawnd::daemon
