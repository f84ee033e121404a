#include "daemon/init/system_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <map>
#include <memory>

#include "base/unique_fd.h"

namespace spawnd::daemon {
namespace {

/// By what they are about. A name that this kernel's architecture does not have is passed over.
constexpr const char* kAllowed[] = {
    // files and folders
    "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range", "creat", "dup",
    "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fchdir", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr",
    "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs",
    "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents", "getdents64",
    "getxattr", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "lchown",
    "lchown32", "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "_llseek", "lremovexattr", "lseek",
    "lsetxattr", "lstat", "lstat64", "mkdir", "mkdirat", "mknod", "mknodat", "newfstatat", "_newselect",
    "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev",
    "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "removexattr", "rename", "renameat",
    "renameat2", "rmdir", "sendfile", "sendfile64", "setxattr", "splice", "stat", "stat64", "statfs",
    "statfs64", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "sync_file_range2", "syncfs",
    "tee", "truncate", "truncate64", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64",
    "utimes", "vmsplice", "write", "writev",
    // input and output without waiting
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2",
    "epoll_wait", "epoll_wait_old", "eventfd", "eventfd2", "io_cancel", "io_destroy", "io_getevents",
    "io_pgetevents", "io_pgetevents_time64", "io_setup", "io_submit", "poll", "ppoll", "ppoll_time64",
    "pselect6", "pselect6_time64", "select", "signalfd", "signalfd4",
    // memory
    "brk", "cachestat", "madvise", "map_shadow_stack", "membarrier", "memfd_create", "mincore", "mlock",
    "mlock2", "mlockall", "mmap", "mmap2", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap",
    "pkey_alloc", "pkey_free", "pkey_mprotect", "remap_file_pages",
    // memory and messages between processes of the container
    "ipc", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64",
    "mq_timedsend", "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl",
    "semget", "semop", "semtimedop", "semtimedop_time64", "shmat", "shmctl", "shmdt", "shmget",
    // processes and threads
    "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_requeue", "futex_time64",
    "futex_wait", "futex_waitv", "futex_wake", "getcpu", "getpgid", "getpgrp", "getpid", "getppid",
    "getpriority", "getrlimit", "get_robust_list", "getrusage", "getsid", "gettid", "get_thread_area",
    "ioprio_get", "ioprio_set", "kill", "landlock_add_rule", "landlock_create_ruleset",
    "landlock_restrict_self", "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64", "process_mrelease",
    "rseq", "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getscheduler", "sched_rr_get_interval", "sched_rr_get_interval_time64",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
    "setpgid", "setpriority", "setrlimit", "set_robust_list", "setsid", "set_thread_area", "set_tid_address",
    "tgkill", "times", "tkill", "ugetrlimit", "uname", "sysinfo", "vfork", "wait4", "waitid", "waitpid",
    // signals
    "alarm", "pause", "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo",
    "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo",
    "sigaltstack", "sigprocmask", "sigreturn",
    // time, which it reads and does not set
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "getitimer", "gettimeofday", "nanosleep", "setitimer", "time", "timer_create",
    "timer_delete", "timer_getoverrun", "timer_gettime", "timer_gettime64", "timer_settime",
    "timer_settime64", "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
    "timerfd_settime64",
    // who it is
    "capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups",
    "getgroups32", "getresgid", "getresgid32", "getresuid", "getresuid32", "getuid", "getuid32", "setfsgid",
    "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32", "setregid",
    "setregid32", "setresgid", "setresgid32", "setresuid", "setresuid32", "setreuid", "setreuid32", "setuid",
    "setuid32", "getrandom",
    // sockets; which ones is decided where they are made
    "accept", "accept4", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom", "recvmmsg",
    "recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    // of the processor
    "arch_prctl", "arm_fadvise64_64", "arm_sync_file_range", "breakpoint", "cacheflush", "modify_ldt",
    "riscv_flush_icache", "set_tls"};

/// A program's own files and the network's three families. None that speaks to the kernel (netlink, packets,
/// key management) or to the machine that this one is a guest of (vsock).
constexpr std::array<int, 3> kSocketFamilies{AF_UNIX, AF_INET, AF_INET6};

/// The ones that setarch knows for the same architecture, and the question which one it is.
constexpr std::array<uint64_t, 5> kPersonalities{0x0, 0x8, 0x20000, 0x20008, 0xffffffff};

constexpr uint64_t kNamespaceFlags =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

using Context = std::unique_ptr<void, decltype(&::seccomp_release)>;

/// A rule for a call with a condition on its arguments; for each of several of them, any does.
Result<void> Rule(const Context& context, uint32_t action, const char* name,
                  std::initializer_list<scmp_arg_cmp> condition = {}) {
  const int number = ::seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR) return {};
  const int failed = ::seccomp_rule_add_array(context.get(), action, number,
                                              static_cast<unsigned>(condition.size()), condition.begin());
  // EDOM: this architecture has it in another call's guise.
  if (failed != 0 && failed != -EDOM) return FailErrno(-failed, std::string("cannot filter ") + name);
  return {};
}

/// ioctl, but not the requests 0x89.. that are about network interfaces: a socket that was accepted from a
/// client is the host's, and would tell of the host's. Whatever has one bit of that byte otherwise is
/// allowed.
Result<void> AllowControlOfFiles(const Context& context) {
  constexpr uint64_t kInterfaces = 0x8900;
  for (uint64_t bit = 0x100; bit <= 0x8000; bit <<= 1U) {
    TRY(Rule(context, SCMP_ACT_ALLOW, "ioctl",
             {scmp_arg_cmp{1, SCMP_CMP_MASKED_EQ, bit, ~kInterfaces & bit}}));
  }
  return {};
}

Result<void> AddRules(const Context& context, Asks asks) {
  for (const char* name : kAllowed) TRY(Rule(context, SCMP_ACT_ALLOW, name));
  TRY(Rule(context, asks == Asks::kBind ? SCMP_ACT_NOTIFY : SCMP_ACT_ALLOW, "bind"));
  TRY(Rule(context, asks == Asks::kConnect ? SCMP_ACT_NOTIFY : SCMP_ACT_ALLOW, "connect"));
  for (const int family : kSocketFamilies) {
    const auto value = static_cast<scmp_datum_t>(family);
    TRY(Rule(context, SCMP_ACT_ALLOW, "socket", {scmp_arg_cmp{0, SCMP_CMP_EQ, value, 0}}));
    TRY(Rule(context, SCMP_ACT_ALLOW, "socketpair", {scmp_arg_cmp{0, SCMP_CMP_EQ, value, 0}}));
  }
  for (const uint64_t personality : kPersonalities) {
    TRY(Rule(context, SCMP_ACT_ALLOW, "personality", {scmp_arg_cmp{0, SCMP_CMP_EQ, personality, 0}}));
  }
  TRY(Rule(context, SCMP_ACT_ALLOW, "clone", {scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, kNamespaceFlags, 0}}));
  TRY(AllowControlOfFiles(context));
  // Its flags are in memory, where a filter does not look. The C library takes clone when it is told this.
  return Rule(context, SCMP_ACT_ERRNO(ENOSYS), "clone3");
}

Result<std::string> Export(const Context& context) {
  const UniqueFd memory(::memfd_create("spawnd-filter", MFD_CLOEXEC));
  if (!memory.Valid()) return FailErrno(errno, "cannot make a file in memory");
  if (const int failed = ::seccomp_export_bpf(context.get(), memory.Get()); failed != 0) {
    return FailErrno(-failed, "cannot make the filter of system calls");
  }
  const off_t length = ::lseek(memory.Get(), 0, SEEK_END);
  std::string program(static_cast<size_t>(length > 0 ? length : 0), '\0');
  if (::pread(memory.Get(), program.data(), program.size(), 0) != length) {
    return FailErrno(errno, "cannot read the filter of system calls");
  }
  return program;
}

Result<std::string> Make(Asks asks) {
  const Context context(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), &::seccomp_release);
  if (context == nullptr) return Fail(ErrorCode::kUnsupported, "this kernel does not filter system calls");
  ::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  // A tree and not a list: a call is decided in a few steps.
  ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  TRY(AddRules(context, asks));
  return Export(context);
}

}  // namespace

Result<std::string> EngineSystemCalls(Asks asks) {
  static std::map<Asks, std::string> made;
  std::string& program = made[asks];
  if (!program.empty()) return program;
  TRY_ASSIGN(program, Make(asks));
  return program;
}

}  // namespace spawnd::daemon
