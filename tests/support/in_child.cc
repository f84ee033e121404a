#include "tests/support/in_child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <fstream>

#include "base/descriptors.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::testing {
namespace {

bool LetFail(int number, int error) {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  sock_fprog filter{program.size(), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace

std::string InChild(const std::function<std::string()>& run) {
  auto pipe = MakePipe();
  const pid_t child = pipe ? ::fork() : -1;
  if (child < 0) std::abort();
  if (child == 0) ::_exit(WriteAll(pipe->write_end.Get(), run()) == 0 ? 0 : 1);
  pipe->write_end.Reset();
  std::string text;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(pipe->read_end.Get(), buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<size_t>(n));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? text : "the child ended with status " + std::to_string(status) + ": " + text;
}

std::string WithFailingCall(int number, int error, const std::function<std::string()>& run) {
  return InChild([&] { return LetFail(number, error) ? run() : std::string("no filter could be set"); });
}

std::string WithFile(const std::string& path, const std::string& content,
                     const std::function<std::string()>& run) {
  const ScratchDirectory scratch;
  std::ofstream(scratch / "file") << content;
  return InChild([&]() -> std::string {
    const bool done = ::unshare(CLONE_NEWNS) == 0 &&
                      ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      ::mount((scratch / "file").c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0;
    return done ? run() : "'" + path + "' could not be replaced";
  });
}

}  // namespace spawnd::testing
