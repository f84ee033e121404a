#include "client/contexts.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "api/mapping.h"
#include "base/descriptors.h"
#include "base/unique_fd.h"

namespace spawnd::client {
namespace {

constexpr api::JsonLimits kLimits{size_t{1} << 20U, 4, 4096, 1000};

Result<std::string> Folder() {
  const char* config = ::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/') return std::string(config) + "/spawnctl";
  const char* home = ::getenv("HOME");
  if (home != nullptr && *home == '/') return std::string(home) + "/.config/spawnctl";
  return Fail(ErrorCode::kInvalidArgument, "there is no home directory to keep contexts in",
              "Set HOME, or name the daemon with SPAWNCTL_API_ENDPOINT.");
}

Result<std::string> File() {
  return Folder().map([](const std::string& folder) { return folder + "/contexts.json"; });
}

}  // namespace

void Describe(auto& visit, api::Is<Context> auto& x) {
  visit.Field("name", x.name);
  visit.Field("endpoint", x.endpoint);
}
void Describe(auto& visit, api::Is<Contexts> auto& x) {
  visit.Field("current", x.current);
  visit.Field("contexts", x.contexts);
}

const Context* Contexts::Find(const std::string& name) const {
  const auto found =
      std::find_if(contexts.begin(), contexts.end(), [&](const Context& one) { return one.name == name; });
  return found == contexts.end() ? nullptr : &*found;
}

Result<std::string> Contexts::EndpointOf(const std::string& name) const {
  const std::string& wanted = name.empty() ? current : name;
  if (wanted.empty() || wanted == kDefaultContext) return std::string();
  if (const Context* found = Find(wanted)) return found->endpoint;
  std::string names = kDefaultContext;
  for (const Context& one : contexts) names += ", " + one.name;
  return Fail(
      ErrorCode::kNotFound, fmt::format("there is no context '{}'", wanted),
      fmt::format("There are: {}. `spawnctl context create {} ssh://user@host` makes it.", names, wanted));
}

Result<Contexts> ReadContexts() {
  const auto path = File();
  if (!path) return Contexts();
  std::ifstream file(*path, std::ios::binary);
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return Contexts();
    return FailErrno(errno, fmt::format("cannot read '{}'", *path));
  }
  std::stringstream text;
  text << file.rdbuf();
  auto read =
      api::ReadJson<Contexts>(text.str(), kLimits, api::Strictness::kLenient, fmt::format("'{}'", *path));
  if (!read) read.error().hint = "Move the file away; `spawnctl context create` makes it anew.";
  return read;
}

Result<void> WriteContexts(const Contexts& contexts) {
  TRY_ASSIGN(const std::string folder, Folder());
  TRY_ASSIGN(const std::string path, File());
  ::mkdir(folder.substr(0, folder.rfind('/')).c_str(), 0700);
  ::mkdir(folder.c_str(), 0700);
  std::string draft = path + ".XXXXXX";
  const UniqueFd file(::mkstemp(draft.data()));
  if (!file.Valid()) return FailErrno(errno, fmt::format("cannot write into '{}'", folder));
  const std::string text = api::JsonOf(contexts, api::Empties::kKeep) + "\n";
  int err = WriteAll(file.Get(), text);
  if (err == 0 && (::fsync(file.Get()) != 0 || ::rename(draft.c_str(), path.c_str()) != 0)) err = errno;
  if (err == 0) return {};
  ::unlink(draft.c_str());
  return FailErrno(err, fmt::format("cannot write '{}'", path));
}

}  // namespace spawnd::client
