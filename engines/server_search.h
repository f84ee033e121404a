/// Finding the servers that are installed on this machine: what every engine's Detect has in common. Asks
/// each candidate's "<server> --version". Called at daemon start and when a version is missed, from any
/// thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines {

/// What a server said when it was asked for its version.
struct ServerAnswer {
  std::string says;     ///< all it printed
  std::string problem;  ///< why it did not run: its own words, e.g. a library that is missing; empty: it did
  bool unanswered = false;  ///< `problem` is no word of the server's: it could not be asked
};

/// Whether `error` of a run is the machine's affair (a deadline, no memory, a launcher that is gone), so that
/// it tells nothing of the program. The same run may work the next time.
bool IsFailureToAsk(const Error& error);
/// The same of how a program ended: killed by somebody else before it could say anything.
bool IsFailureToAsk(const ProcessOutput& output);

/// Has `run` start `server OPTION` of the installation at `root`.
ServerAnswer AskVersion(const ServerRun& run, const std::string& root, const std::string& server,
                        const std::string& option);

/// Each of `places` and what is in it: a place is a root, or a folder of roots.
std::vector<std::string> RootsIn(const std::vector<std::string>& places);

/// Every entry of a folder, sorted, at most 1000; nothing when it cannot be read.
std::vector<std::string> ChildrenOf(const std::string& folder);

struct ServerSearch {
  std::string engine;                 ///< registry name, for Installation
  std::vector<std::string> folders;   ///< candidates for a root; what is not there is passed over
  std::vector<std::string> programs;  ///< the server, relative to a root; the first that is there counts
  /// The version in what "--version" printed; empty: another product.
  std::function<std::string(std::string_view)> version_of;
  /// Why an installation cannot be used although its server runs; empty: it can.
  std::function<std::string(const Installation&)> problem_of;
  std::string version_option = "--version";
  /// Installation::product; none: empty.
  std::function<std::string(std::string_view)> product_of{};
};

/// Each server once, under the folder its binary really is in, whatever symbolic links lead there. What runs
/// and is another product is left out. Newest version first, those without a version last.
std::vector<Installation> FindServers(const ServerSearch& search, const ServerRun& run);

}  // namespace spawnd::engines
