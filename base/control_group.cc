#include "base/control_group.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "base/unique_fd.h"

namespace spawnd {

Result<std::string> ReadGroupFile(int group, const char* name) {
  const UniqueFd fd(::openat(group, name, O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text{};
  const ssize_t size = fd.Valid() ? ::read(fd.Get(), text.data(), text.size()) : -1;
  if (size < 0) return FailErrno(errno, std::string("cannot read ") + name);
  return std::string(text.data(), static_cast<size_t>(size));
}

int64_t NumberIn(const std::string& text, const std::string& word) {
  const std::string line = "\n" + text;
  const size_t found = line.find("\n" + word + " ");
  if (found == std::string::npos) return 0;
  return std::strtoll(line.c_str() + found + word.size() + 2, nullptr, 10);
}

int64_t OomKills(int group) {
  return NumberIn(ReadGroupFile(group, "memory.events").value_or(""), "oom_kill");
}

std::string MemoryRanOut(int group, int64_t kills) {
  const std::string processes =
      "; the kernel killed " + std::to_string(kills) + (kills == 1 ? " process" : " processes");
  const bool own = NumberIn(ReadGroupFile(group, "memory.events").value_or(""), "oom") > 0;
  const int64_t limit = std::strtoll(ReadGroupFile(group, "memory.max").value_or("").c_str(), nullptr, 10);
  if (!own || limit == 0) return "the machine's memory ran out" + processes;
  return "memory ran out: the limit of " + std::to_string(limit >> 20) + " MiB" + processes;
}

}  // namespace spawnd
