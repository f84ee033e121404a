#include "tests/bench/native_server.h"

#include <arpa/inet.h>
#include <boost/filesystem.hpp>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/process.h"
#include "base/unique_fd.h"

namespace spawnd::bench {
namespace {

using namespace std::chrono_literals;
constexpr auto kProgramDeadline = 15min;
constexpr auto kStartDeadline = 60s;

Result<Identity> EngineUser() {
  const passwd* user = ::getpwnam("spawnd");
  if (user == nullptr) return Fail(ErrorCode::kNotFound, "there is no user spawnd", "./dev setup");
  return Identity{user->pw_uid, user->pw_gid, {}};
}

std::vector<std::string> Environment() {
  // No TLS on either side: the same bytes travel to a container and to the server it is compared with.
  return {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "PGSSLMODE=disable"};
}

}  // namespace

Result<std::string> RunProgram(std::vector<std::string> argv) {
  SpawnOptions options;
  const std::string name = argv.at(0);
  if (argv[0].find('/') == std::string::npos) argv[0] = kServerPrograms + argv[0];
  options.argv = std::move(argv);
  options.env = Environment();
  TRY_ASSIGN(options.identity, EngineUser());
  TRY_ASSIGN(const ProcessOutput ran, RunAndCapture(options, kProgramDeadline));
  if (ran.exit_code != 0) return Fail(ErrorCode::kInternal, "'" + name + "' failed: " + ran.output);
  return ran.output;
}

Result<std::string> Query(const std::string& url, const std::string& sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) {
    return Fail(ErrorCode::kUnavailable, PQerrorMessage(connection.get()));
  }
  const std::unique_ptr<PGresult, decltype(&PQclear)> rows(PQexec(connection.get(), sql.c_str()), PQclear);
  const ExecStatusType status = PQresultStatus(rows.get());
  if (status == PGRES_COMMAND_OK) return std::string();
  if (status != PGRES_TUPLES_OK) return Fail(ErrorCode::kIo, PQerrorMessage(connection.get()));
  return std::string(PQntuples(rows.get()) > 0 ? PQgetvalue(rows.get(), 0, 0) : "");
}

Result<uint16_t> FreePort() {
  const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(probe.Get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(probe.Get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return FailErrno(errno, "cannot find a free port");
  }
  return ntohs(address.sin_port);
}

Result<void> DropCaches() {
  ::sync();
  std::ofstream file("/proc/sys/vm/drop_caches");
  file << "3" << std::flush;
  if (!file) return Fail(ErrorCode::kUnsupported, "cannot write /proc/sys/vm/drop_caches");
  return {};
}

NativeServer::NativeServer(std::string directory, std::string url)
    : directory_(std::move(directory)), url_(std::move(url)) {}

Result<std::unique_ptr<NativeServer>> NativeServer::Initialise(const std::string& directory) {
  std::unique_ptr<NativeServer> self(new NativeServer(directory, ""));
  TRY(RunProgram({"initdb", "--pgdata=" + directory, "--username=postgres", "--encoding=UTF8",
                  "--locale=C.UTF-8", "--auth=trust", "--no-sync"})
          .map([](const std::string&) {}));
  return self;
}

Result<std::unique_ptr<NativeServer>> NativeServer::CopyOf(const std::string& url,
                                                           const std::string& directory) {
  std::unique_ptr<NativeServer> self(new NativeServer(directory, url));
  TRY(RunProgram({"pg_basebackup", "--dbname=" + url, "--pgdata=" + directory, "--checkpoint=fast",
                  "--wal-method=stream"})
          .map([](const std::string&) {}));
  // The container's rules stand in files of its own; here everybody on this machine may come in.
  std::ofstream(directory + "/pg_hba.conf") << "local all all trust\nhost all all 127.0.0.1/32 trust\n";
  // Ends the recovery that a base backup begins with: what is measured starts from a clean stop.
  TRY(self->Start());
  TRY(self->Stop());
  return self;
}

Result<std::unique_ptr<NativeServer>> NativeServer::Clone(const std::string& directory) {
  TRY(RunProgram({"/bin/cp", "-a", "--reflink=never", directory_, directory}).map([](const std::string&) {}));
  return std::unique_ptr<NativeServer>(new NativeServer(directory, url_));
}

std::unique_ptr<NativeServer> NativeServer::At(const std::string& directory) {
  std::unique_ptr<NativeServer> self(new NativeServer(directory, ""));
  self->keep_ = true;
  return self;
}

NativeServer::~NativeServer() {
  if (auto stopped = Stop(); !stopped) std::fprintf(stderr, "%s\n", stopped.error().message.c_str());
  if (keep_) return;
  boost::system::error_code ignored;
  boost::filesystem::remove_all(directory_, ignored);
}

Result<void> NativeServer::Start() {
  TRY_ASSIGN(port_, FreePort());
  SpawnOptions options;
  options.argv = {std::string(kServerPrograms) + "postgres", "-D", directory_};
  for (const std::string& setting :
       {std::string("listen_addresses=127.0.0.1"), "port=" + std::to_string(port_),
        "unix_socket_directories=" + directory_}) {
    options.argv.insert(options.argv.end(), {"-c", setting});
  }
  options.env = Environment();
  TRY_ASSIGN(options.identity, EngineUser());
  const UniqueFd log(::open((directory_ + ".log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  options.stdout_fd = log.Get();
  options.stderr_fd = log.Get();
  TRY_ASSIGN(pid_, Spawn(options));
  const auto deadline = std::chrono::steady_clock::now() + kStartDeadline;
  while (true) {
    auto answer = Query(Url(), "SELECT 1");
    if (answer) return {};
    if (std::chrono::steady_clock::now() > deadline) return Fail(answer.error().Wrap("a native server"));
    std::this_thread::sleep_for(1ms);
  }
}

Result<void> NativeServer::Stop() {
  if (pid_ <= 0) return {};
  ::kill(pid_, SIGINT);
  const int code = WaitForExit(std::exchange(pid_, -1));
  if (code != 0) return Fail(ErrorCode::kInternal, "a native server ended with " + std::to_string(code));
  return {};
}

std::string NativeServer::Url(const std::string& database) const {
  return "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

}  // namespace spawnd::bench
