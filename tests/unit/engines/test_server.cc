#include "tests/unit/engines/test_server.h"

#include <arpa/inet.h>
#include <boost/filesystem.hpp>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "base/process.h"
#include "engines/postgresql/restore/client_tools.h"
#include "engines/registry.h"
#include "tests/support/catch.h"
#include "tests/support/direct_run.h"

namespace spawnd::engines::testing {
namespace {

namespace fs = boost::filesystem;
using std::chrono::steady_clock;

constexpr std::chrono::seconds kStartDeadline{60};

/// Servers refuse to run as root; the user postgres comes with Debian's package.
std::optional<Identity> EngineUser() {
  if (::geteuid() != 0) return std::nullopt;
  const passwd* user = ::getpwnam("postgres");
  if (user == nullptr) throw std::runtime_error("these tests run as root and need the user 'postgres'");
  return Identity{user->pw_uid, user->pw_gid, {}};
}

void GiveToEngineUser(const std::string& path) {
  const auto user = EngineUser();
  if (user) REQUIRE(::chown(path.c_str(), user->uid, user->gid) == 0);
}

std::vector<std::string> SearchPaths() {
  std::vector<std::string> paths;
  const char* variable = ::getenv("SPAWND_ENGINE_PATH");
  std::istringstream text(variable != nullptr ? variable : "");
  for (std::string path; std::getline(text, path, ':');) {
    if (!path.empty()) paths.push_back(path);
  }
  return paths;
}

void MakeCertificate(const Paths& paths) {
  SpawnOptions options;
  options.argv = {"openssl",
                  "req",
                  "-new",
                  "-x509",
                  "-nodes",
                  "-days",
                  "2",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:prime256v1",
                  "-subj",
                  "/CN=test",
                  "-keyout",
                  paths.tls_key,
                  "-out",
                  paths.tls_certificate};
  options.env = {"PATH=/usr/bin:/bin", "HOME=/tmp"};
  const auto output = RunAndCapture(options, kStartDeadline);
  REQUIRE(output.has_value());
  INFO(output->output);
  REQUIRE(output->exit_code == 0);
  REQUIRE(::chmod(paths.tls_key.c_str(), 0600) == 0);
  GiveToEngineUser(paths.tls_key);
}

}  // namespace

const Engine& Postgresql() {
  return **FindEngine("postgresql");
}

const std::vector<Installation>& Installed() {
  static const std::vector<Installation> installed = [] {
    std::vector<Installation> one_each;
    std::vector<std::string> places = Postgresql().UsualPlaces();
    for (std::string& path : SearchPaths()) places.push_back(std::move(path));
    for (const Installation& found : Postgresql().Detect(places, spawnd::testing::RunDirectly)) {
      const bool first = std::none_of(one_each.begin(), one_each.end(), [&](const Installation& other) {
        return Postgresql().MajorVersion(other.version) == Postgresql().MajorVersion(found.version);
      });
      if (first && found.problem.empty()) one_each.push_back(found);
    }
    return one_each;
  }();
  return installed;
}

std::optional<Installation> InstalledMajor(const std::string& major) {
  for (const Installation& one : Installed()) {
    if (Postgresql().MajorVersion(one.version) == major) return one;
  }
  return std::nullopt;
}

std::string TemporaryFolder::Write(const std::string& name, std::string_view content) const {
  const std::string path = *this / name;
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  ::chmod(path.c_str(), 0644);
  return path;
}

uint16_t FreePort() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(fd.Get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(fd.Get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

TestServer::TestServer(Installation installation) : engine_(**FindEngine(installation.engine)) {
  const std::string& root = folder_.Path();
  const Paths paths{installation.root,    root + "/data",       root + "/socket",
                    root + "/server.crt", root + "/server.key", root + "/settings"};
  launch_ = {std::move(installation),
             paths,
             {"127.0.0.1", FreePort()},
             engine_.MakeCredentials(""),
             Purpose::kServe,
             false,
             false,
             {},
             true,
             "keeperskeeperskeepers"};
  for (const std::string& path : {paths.data_directory, paths.socket_directory, paths.settings_directory}) {
    REQUIRE(::mkdir(path.c_str(), 0700) == 0);
    GiveToEngineUser(path);
  }
  MakeCertificate(paths);
  WriteSettings();

  const Command command = engine_.InitialiseCommand(launch_);
  if (command.argv.empty()) return;
  SpawnOptions options;
  options.argv = command.argv;
  options.env = command.env;
  options.working_directory = command.working_directory;
  options.identity = EngineUser();
  const auto output = RunAndCapture(options, kStartDeadline);
  REQUIRE(output.has_value());
  INFO(output->output);
  REQUIRE(output->exit_code == 0);
}

void TestServer::WriteSettings() const {
  for (const SettingsFile& file : engine_.SettingsFiles(launch_)) {
    const std::string path = launch_.paths.settings_directory + "/" + file.name;
    std::ofstream(path) << file.content;
    GiveToEngineUser(path);
  }
}

void TestServer::SetSuperuser(bool superuser) {
  REQUIRE(!Running());
  launch_.credentials.superuser = superuser;
  WriteSettings();
}

TestServer::~TestServer() {
  if (!Running()) return;
  // "Immediate shutdown": ends at once, and takes the shared memory with it, which SIGKILL would leave
  // behind.
  ::kill(pid_, SIGQUIT);
  WaitForExit(pid_);
}

TestServer& TestServer::Shared(const Installation& installation) {
  static std::map<std::string, std::unique_ptr<TestServer>> servers;
  std::unique_ptr<TestServer>& server = servers[installation.version];
  if (!server) {
    auto fresh = std::make_unique<TestServer>(installation);
    const auto session = fresh->Start();
    REQUIRE(session->PrepareContainer(fresh->Admin()).has_value());
    // What these servers hold is gone after the test anyway.
    REQUIRE(Query(fresh->Address(), fresh->Admin(), "postgres", "ALTER SYSTEM SET fsync = off").empty());
    REQUIRE(Query(fresh->Address(), fresh->Admin(), "postgres", "SELECT pg_reload_conf()") == "t");
    server = std::move(fresh);
  }
  return *server;
}

pid_t TestServer::Spawn(const Command& command, int log_fd) const {
  // As the keeper does: shared memory that a killed server leaves behind goes with this process. Without root
  // the test works as well, only less tidily.
  static const int own_ipc = ::unshare(CLONE_NEWIPC);
  static_cast<void>(own_ipc);
  SpawnOptions options;
  options.argv = command.argv;
  options.env = command.env;
  options.working_directory = command.working_directory;
  options.stdout_fd = log_fd;
  options.stderr_fd = log_fd;
  options.identity = EngineUser();
  const auto pid = spawnd::Spawn(options);
  REQUIRE(pid.has_value());
  return *pid;
}

std::unique_ptr<Engine::Session> TestServer::Start() {
  REQUIRE(!Running());
  const UniqueFd log(
      ::open((folder_.Path() + "/log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  pid_ = Spawn(engine_.StartCommand(launch_), log.Get());
  const auto deadline = steady_clock::now() + kStartDeadline;
  while (true) {
    auto session = engine_.Probe(launch_);
    if (session) return std::move(*session);
    INFO(session.error().message << "\n" << Log());
    REQUIRE(session.error().code == ErrorCode::kUnavailable);
    REQUIRE(::kill(pid_, 0) == 0);
    REQUIRE(steady_clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Error TestServer::StartAndExpectExit(const Command& command) {
  const std::string path = folder_.Path() + "/failed-log";
  const UniqueFd log(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  REQUIRE(WaitForExit(Spawn(command, log.Get())) != 0);
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return engine_.ExplainExit(text, launch_.endpoint);
}

void TestServer::Stop() {
  REQUIRE(Running());
  ::kill(pid_, engine_.StopSignal());
  CHECK(WaitForExit(pid_) == 0);
  pid_ = -1;
}

void TestServer::Kill() {
  // The children notice that their postmaster is gone; until they have, the next start is refused.
  ::kill(pid_, SIGKILL);
  WaitForExit(pid_);
  pid_ = -1;
}

std::string TestServer::Log() const {
  std::ifstream file(folder_.Path() + "/log");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string Query(const Endpoint& endpoint, const Credentials& credentials, const std::string& database,
                  const std::string& sql, const std::string& sslmode) {
  const std::string port = std::to_string(endpoint.port);
  const std::array<const char*, 9> names{
      "host", "port", "user", "password", "dbname", "sslmode", "passfile", "connect_timeout", nullptr};
  const std::array<const char*, 9> values{endpoint.host.c_str(),
                                          port.c_str(),
                                          credentials.user.c_str(),
                                          credentials.password.c_str(),
                                          database.c_str(),
                                          sslmode.c_str(),
                                          "/dev/null/none",
                                          "10",
                                          nullptr};
  PGconn* connection = PQconnectdbParams(names.data(), values.data(), 0);
  std::string text;
  if (PQstatus(connection) != CONNECTION_OK) {
    text = std::string("error: ") + PQerrorMessage(connection);
  } else {
    PGresult* result = PQexec(connection, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
      text = std::string("error: ") + PQresultErrorMessage(result);
    for (int row = 0; row < PQntuples(result); ++row) {
      if (row > 0) text += "\n";
      for (int column = 0; column < PQnfields(result); ++column) {
        text.append(column > 0 ? "|" : "").append(PQgetvalue(result, row, column));
      }
    }
    PQclear(result);
  }
  PQfinish(connection);
  return text;
}

std::string RunClient(const TestServer& server, const std::vector<std::string>& argv) {
  const auto tool = postgresql::FindClientTool(argv.front());
  REQUIRE(tool.has_value());
  SpawnOptions options;
  options.argv = argv;
  options.argv.front() = tool->path;
  options.env = {"PGHOST=" + server.Address().host,
                 "PGPORT=" + std::to_string(server.Address().port),
                 "PGUSER=" + server.Admin().user,
                 "PGPASSWORD=" + server.Admin().password,
                 "LC_ALL=C",
                 "PATH=/usr/bin:/bin"};
  const auto output = RunAndCapture(options, kStartDeadline, size_t{64} << 20U);
  REQUIRE(output.has_value());
  INFO(output->output.substr(0, 2000));
  REQUIRE(output->exit_code == 0);
  return output->output;
}

}  // namespace spawnd::engines::testing
