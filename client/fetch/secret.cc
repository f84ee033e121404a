#include "client/fetch/secret.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/descriptors.h"

namespace spawnd::client {
namespace {

constexpr const char* kWhere =
    "`connection:` takes passwordFile, passwordVariable (a variable of spawnctl's environment), or neither: "
    "then the "
    "product's own file counts.";

/// `place` for messages: "password file '/x'".
Result<std::string> Checked(std::string secret, const std::string& place) {
  if (secret.ends_with('\n')) secret.pop_back();
  if (secret.ends_with('\r')) secret.pop_back();
  std::string_view problem;
  if (secret.empty()) problem = "has nothing in it";
  if (secret.size() > kMaxSecretBytes) problem = "has more in it than a password";
  if (secret.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos)
    problem = "has more than one line";
  if (problem.empty()) return secret;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("{} {}", place, problem), kWhere);
}

Result<std::string> ReadFile(const std::string& path) {
  const std::string place = fmt::format("password file '{}'", path);
  // A pipe that nobody writes to would be waited for.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.Valid()) return FailErrno(errno, fmt::format("cannot open the {}", place));
  struct stat st {};
  if (::fstat(file.Get(), &st) != 0) return FailErrno(errno, fmt::format("cannot read the {}", place));
  if (!S_ISREG(st.st_mode)) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("the {} is no regular file", place), kWhere);
  }
  std::array<char, kMaxSecretBytes + 3> buffer{};
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t n = ::read(file.Get(), buffer.data() + size, buffer.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(errno, fmt::format("cannot read the {}", place));
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  return Checked({buffer.data(), size}, place);
}

}  // namespace

Result<std::optional<std::string>> ReadSecret(const SecretPlace& place) {
  if (place.IsNone()) return std::optional<std::string>();
  if (!place.text.empty())
    return Checked(place.text, "connection.password").map([](auto s) { return std::optional(s); });
  if (!place.file.empty()) return ReadFile(place.file).map([](auto s) { return std::optional(s); });
  const char* value = std::getenv(place.variable.c_str());
  const std::string name = fmt::format("the variable {} (connection.passwordVariable)", place.variable);
  if (value == nullptr) {
    return Fail(ErrorCode::kNotFound, fmt::format("{} is not in spawnctl's environment", name), kWhere);
  }
  return Checked(value, name).map([](auto s) { return std::optional(s); });
}

std::string SecretWarning(const SecretPlace& place) {
  if (!place.text.empty()) {
    return "the password stands in the YAML for whoever reads that; connection.passwordFile and "
           "passwordVariable keep "
           "it elsewhere";
  }
  struct stat st {};
  if (!place.file.empty() && ::stat(place.file.c_str(), &st) == 0 && (st.st_mode & S_IROTH) != 0) {
    return fmt::format("everybody on this machine can read the password file '{}': chmod 600 it", place.file);
  }
  return {};
}

Result<UniqueFd> SecretFile(const api::FetchSecret& form, const std::string& secret) {
  if (form.as != "file" && form.as != "input") {
    return Fail(ErrorCode::kInternal, fmt::format("this spawnctl cannot give a password as '{}'", form.as),
                "Use the spawnctl that came with the daemon.");
  }
  std::string text = form.before;
  for (const char c : secret) {
    std::string written(1, c);
    for (const auto& [character, escape] : form.escapes) {
      if (character == written) {
        written = escape;
        break;
      }
    }
    text += written;
  }
  text += form.after;
  UniqueFd file(::memfd_create("password", MFD_CLOEXEC));
  // Some tools pass over a file that others could read.
  if (!file.Valid() || ::fchmod(file.Get(), S_IRUSR | S_IWUSR) != 0)
    return FailErrno(errno, "cannot keep the password");
  if (const int error = WriteAll(file.Get(), text); error != 0)
    return FailErrno(error, "cannot keep the password");
  if (::lseek(file.Get(), 0, SEEK_SET) != 0) return FailErrno(errno, "cannot keep the password");
  return file;
}

}  // namespace spawnd::client
