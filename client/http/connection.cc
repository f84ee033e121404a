#include "client/http/connection.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "base/descriptors.h"
#include "client/http/exchange.h"
#include "client/http/sent_files.h"

namespace spawnd::client {
namespace {

/// How long the connection that all share stays after its last use.
constexpr const char* kShared = "ControlPersist=60";
constexpr const char* kConnectTimeout = "ConnectTimeout=30";

/// A folder of this user's for the socket of the shared connection; nothing where there is none.
std::optional<std::string> FolderOfSockets() {
  const char* runtime = ::getenv("XDG_RUNTIME_DIR");
  const char* home = ::getenv("HOME");
  std::string folder;
  if (runtime != nullptr && *runtime == '/') {
    folder = std::string(runtime) + "/spawnctl";
  } else if (home != nullptr && *home == '/') {
    folder = std::string(home) + "/.spawnctl";
  } else {
    return {};
  }
  ::mkdir(folder.c_str(), 0700);
  struct stat made {};
  if (folder.find('"') != std::string::npos || folder.find('\\') != std::string::npos) return {};
  const bool mine = ::lstat(folder.c_str(), &made) == 0 && S_ISDIR(made.st_mode) &&
                    made.st_uid == ::geteuid() && (made.st_mode & 077U) == 0;
  // "/" and %C, 40 letters, and what ssh adds while it makes it have to fit into a socket's address.
  constexpr size_t kMostLetters = 107 - 60;
  if (!mine || folder.size() > kMostLetters) return {};
  return folder;
}

/// For the shell of the other machine.
std::string Quoted(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// As a value of ssh_config(5), where a percent sign begins a token and a blank ends the value.
std::string SettingOf(const std::string& path) {
  std::string value;
  for (const char c : path) value += c == '%' ? std::string("%%") : std::string(1, c);
  return '"' + value + "/%C\"";
}

std::vector<std::string> SshCommand(const Endpoint& endpoint, const std::string& remote) {
  std::vector<std::string> words{"ssh", "-T", "-o", kConnectTimeout};
  if (const auto folder = FolderOfSockets()) {
    for (const std::string& option :
         {std::string("ControlMaster=auto"), "ControlPath=" + SettingOf(*folder), std::string(kShared)}) {
      words.insert(words.end(), {"-o", option});
    }
  }
  if (!endpoint.ssh_port.empty()) words.insert(words.end(), {"-p", endpoint.ssh_port});
  if (!endpoint.ssh_user.empty()) words.insert(words.end(), {"-l", endpoint.ssh_user});
  words.insert(words.end(), {"--", endpoint.ssh_host, remote});
  return words;
}

[[noreturn]] void RunSsh(const std::vector<std::string>& words, int socket) {
  // A ctrl-C is for spawnctl, which may want to hear how its request ended; ssh hears of it by the end of its
  // input. It leaves alone what it finds ignored.
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGQUIT, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  // ssh makes both of its ends non-blocking, and at the end of its input makes that one as it was: but here
  // the two are one, and then a reader here that waits would stop the connection that all share. What it
  // finds non-blocking it leaves so.
  if (!SetNonBlocking(socket)) ::_exit(127);
  if (::dup2(socket, STDIN_FILENO) < 0 || ::dup2(socket, STDOUT_FILENO) < 0) ::_exit(127);
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv.front(), argv.data());
  const std::string text = ErrnoError(errno, "error: cannot run 'ssh'").message + "\n";
  static_cast<void>(WriteAll(STDERR_FILENO, text));
  ::_exit(127);
}

Result<Connection> StartSsh(const Endpoint& endpoint, const std::string& remote) {
  TRY_ASSIGN(SocketPair sockets, MakeSocketPair(SOCK_STREAM));
  const std::vector<std::string> words = SshCommand(endpoint, remote);
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno(errno, "cannot run 'ssh'");
  if (pid == 0) RunSsh(words, sockets.theirs.Get());
  return Connection(std::move(sockets.ours), pid);
}

std::string RemoteCommand(const Endpoint& endpoint, const std::string& arguments) {
  std::string command = "spawnctl dial-stdio" + arguments;
  if (!endpoint.socket_path.empty()) command += " --socket " + Quoted(endpoint.socket_path);
  return command;
}

}  // namespace

Connection::~Connection() {
  // A process that was forked meanwhile may have it, too, and would keep ssh waiting.
  if (process_ > 0) ::shutdown(fd_.Get(), SHUT_RDWR);
  fd_.Reset();
  if (process_ <= 0) return;
  while (::waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Connection> Dial(const Endpoint& endpoint, const std::vector<int>& files, int cancel_fd, bool holds) {
  if (!endpoint.IsRemote()) {
    TRY_ASSIGN(UniqueFd fd, ConnectUnix(endpoint.socket_path));
    return Connection(std::move(fd));
  }
  TRY_ASSIGN(const std::string kinds, KindsOf(files));
  const std::string arguments = (kinds.empty() ? "" : " --files " + kinds) + (holds ? " --hold" : "");
  TRY_ASSIGN(Connection connection, StartSsh(endpoint, RemoteCommand(endpoint, arguments)));
  TRY(SendFiles(connection.Fd(), files, cancel_fd));
  return connection;
}

Result<Connection> DialContainer(const Endpoint& endpoint, const TcpAddress& address) {
  return StartSsh(endpoint, "spawnctl dial-stdio --to " + Quoted(AddressText(address)));
}

}  // namespace spawnd::client
