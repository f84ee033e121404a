#include "client/yaml/image_file.h"

#include "yaml/tree.h"
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/file.h"
#include "base/unique_fd.h"

namespace spawnd::client {
namespace {

constexpr const char* kFileHint = "--file names a data image's YAML; - reads standard input.";

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
    if (text.size() > yaml::kMaxBytes) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("'{}' is larger than {} bytes", name, yaml::kMaxBytes),
                  "A data image's YAML describes where the backup is; it is not the backup.");
    }
  }
}

}  // namespace

Result<ImageYaml> ReadImageYaml(const std::string& path) {
  ImageYaml yaml;
  yaml.name = path;
  yaml.current_directory = CurrentDirectory();
  if (path == "-") {
    yaml.name = "standard input";
    yaml.is_standard_input = true;
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

std::string JoinPath(std::string_view folder, std::string_view path) {
  if (path.starts_with('/') || folder.empty()) return std::string(path);
  return fmt::format("{}{}{}", folder, folder.ends_with('/') ? "" : "/", path);
}

std::string CanonicalPath(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

}  // namespace spawnd::client
