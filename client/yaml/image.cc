#include "client/yaml/image.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "api/image_reference.h"
#include "api/lifetime.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "client/output/text.h"
#include "client/yaml/image_reader.h"
#include "client/yaml/tree.h"

namespace spawnd::client {
namespace {

constexpr const char* kFileHint = "--file names a data image's YAML; - reads standard input.";

Result<void> Apply(const ImageOverrides& overrides, api::CreateDataImageRequest& request) {
  if (!overrides.name.empty()) {
    TRY(api::ValidateName(overrides.name, "data image"));
    request.name = overrides.name;
  }
  if (!overrides.lifetime.empty()) {
    TRY_ASSIGN(request.lifetime_seconds, api::ParseLifetime(overrides.lifetime));
  }
  for (const std::string& tag : overrides.tags) {
    TRY(api::ValidateTag(tag));
    AddUnique(request.tags, tag);
  }
  for (const std::string& team : overrides.teams) AddUnique(request.teams, team);
  return {};
}

std::string CurrentDirectory() {
  const std::unique_ptr<char, decltype(&std::free)> path(::getcwd(nullptr, 0), &std::free);
  return path ? std::string(path.get()) : std::string("/");
}

Result<std::string> ReadAll(int fd, const std::string& name) {
  std::string text;
  std::array<char, 16384> buffer;
  while (true) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      return Fail(ErrorCode::kInvalidArgument,
                  ErrnoError(errno, fmt::format("cannot read '{}'", name)).message, kFileHint);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
    if (text.size() > kMaxYamlBytes) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is larger than {} bytes", name, kMaxYamlBytes),
                  "A data image's YAML describes where the backup is; it is not the backup.");
    }
  }
}

Result<api::CreateDataImageRequest> Parse(const ImageYaml& yaml, const ImageOverrides& overrides) {
  TRY_ASSIGN(const YamlNode root, ParseYaml(yaml.text, yaml.name));
  TRY_ASSIGN(api::CreateDataImageRequest request, ReadImageTree(yaml, root));
  TRY(Apply(overrides, request));
  if (request.name.empty()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: 'name' is missing", yaml.name),
                "Add 'name: <name>', or use --name.");
  }
  return request;
}

}  // namespace

Result<ImageYaml> ReadImageYaml(const std::string& path) {
  ImageYaml yaml;
  yaml.name = path;
  yaml.current_directory = CurrentDirectory();
  if (path == "-") {
    yaml.name = "standard input";
    yaml.folder = yaml.current_directory;
    TRY_ASSIGN(yaml.text, ReadAll(STDIN_FILENO, yaml.name));
    return yaml;
  }
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.Valid()) {
    return Fail(ErrorCode::kInvalidArgument, ErrnoError(errno, fmt::format("cannot open '{}'", path)).message,
                kFileHint);
  }
  TRY_ASSIGN(yaml.text, ReadAll(fd.Get(), path));
  yaml.folder = CanonicalPath(JoinPath(yaml.current_directory, DirectoryOf(path)));
  return yaml;
}

Result<api::CreateDataImageRequest> ParseImageYaml(const ImageYaml& yaml, const ImageOverrides& overrides) {
  auto request = Parse(yaml, overrides);
  // A key or a value that stands in the message may have line ends in it.
  if (!request) request.error().message = OneLine(request.error().message);
  return request;
}

}  // namespace spawnd::client
