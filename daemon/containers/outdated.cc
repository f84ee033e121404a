#include "daemon/containers/outdated.h"

namespace spawnd::daemon {
namespace {

std::string OfSpawnd(const WhatRuns& runs, const Build& now) {
  if (runs.spawnd.empty()) return "it runs a spawnd from before " + now.version;
  if (runs.spawnd != now.version) return "it runs spawnd " + runs.spawnd + ", this is " + now.version;
  const bool other = !runs.build.empty() && !now.id.empty() && runs.build != now.id;
  return other ? "it runs another build of spawnd " + now.version + " than this" : "";
}

std::string OfServer(const WhatRuns& runs, const engines::Installation& installed, std::string_view product) {
  const std::string name(product);
  if (!runs.engine_version.empty() && runs.engine_version != installed.version) {
    return "it runs " + name + " " + runs.engine_version + ", " + installed.version + " is installed";
  }
  const std::string program = installed.identity.Text();
  const bool other = !runs.engine_program.empty() && !program.empty() && runs.engine_program != program;
  return other ? "its server is not the file that is installed now as " + name + " " + installed.version : "";
}

}  // namespace

std::string WhyOutdated(const WhatRuns& runs, const Build& now, const engines::Installation* installed,
                        std::string_view product) {
  std::string why = OfSpawnd(runs, now);
  const std::string server = installed != nullptr ? OfServer(runs, *installed, product) : "";
  if (!why.empty() && !server.empty()) why += "; ";
  return why + server;
}

}  // namespace spawnd::daemon
