#include "tests/bench/bare_server.h"

#include <boost/filesystem.hpp>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "base/process.h"
#include "base/unique_fd.h"
#include "tests/bench/native_server.h"
#include "tests/bench/stopwatch.h"

namespace spawnd::bench {
namespace {

using namespace std::chrono_literals;
constexpr auto kStartDeadline = 60s;

Result<Identity> EngineUser() {
  const passwd* user = ::getpwnam("spawnd");
  if (user == nullptr) return Fail(ErrorCode::kNotFound, "there is no user spawnd", "./dev setup");
  return Identity{user->pw_uid, user->pw_gid, {}};
}

Result<SpawnOptions> OptionsFor(const engines::Command& command) {
  SpawnOptions options;
  options.argv = command.argv;
  options.env = command.env;
  options.working_directory = command.working_directory;
  TRY_ASSIGN(options.identity, EngineUser());
  return options;
}

Result<void> GiveToEngine(const std::string& path) {
  TRY_ASSIGN(const Identity user, EngineUser());
  if (::chown(path.c_str(), user.uid, user.gid) != 0)
    return FailErrno(errno, "cannot give away '" + path + "'");
  return {};
}

}  // namespace

Result<std::unique_ptr<BareServer>> BareServer::Initialise(const engines::Engine& engine,
                                                           const engines::Installation& installation,
                                                           const std::string& directory) {
  std::unique_ptr<BareServer> self(new BareServer(engine));
  self->directory_ = directory;
  self->launch_.installation = installation;
  self->launch_.credentials = engine.MakeCredentials("");
  TRY_ASSIGN(self->launch_.endpoint.port, FreePort());
  self->launch_.endpoint.host = "127.0.0.1";
  TRY(self->MakeFolders(directory));
  TRY(self->WriteSettings());
  const engines::Command command = engine.InitialiseCommand(self->launch_);
  if (command.argv.empty()) return self;
  TRY_ASSIGN(const SpawnOptions options, OptionsFor(command));
  TRY_ASSIGN(const ProcessOutput ran, RunAndCapture(options, kStartDeadline));
  if (ran.exit_code != 0)
    return Fail(ErrorCode::kInternal, "a bare server is not initialised: " + ran.output);
  return self;
}

Result<void> BareServer::MakeFolders(const std::string& directory) {
  engines::Paths& paths = launch_.paths;
  paths = {launch_.installation.root, directory + "/data",       directory + "/socket",
           directory + "/server.crt", directory + "/server.key", directory + "/settings"};
  for (const std::string& path :
       {directory, paths.data_directory, paths.socket_directory, paths.settings_directory}) {
    boost::system::error_code error;
    boost::filesystem::create_directory(path, error);
    boost::filesystem::permissions(path, boost::filesystem::owner_all, error);
    if (error) return Fail(ErrorCode::kIo, "cannot make '" + path + "': " + error.message());
    TRY(GiveToEngine(path));
  }
  SpawnOptions options;
  options.argv = {"openssl",     "req",       "-new",
                  "-x509",       "-nodes",    "-newkey",
                  "ec",          "-pkeyopt",  "ec_paramgen_curve:prime256v1",
                  "-subj",       "/CN=bench", "-keyout",
                  paths.tls_key, "-out",      paths.tls_certificate};
  options.env = {"PATH=/usr/bin:/bin", "HOME=/nonexistent"};
  TRY_ASSIGN(options.identity, EngineUser());
  TRY_ASSIGN(const ProcessOutput ran, RunAndCapture(options, kStartDeadline));
  if (ran.exit_code != 0) return Fail(ErrorCode::kInternal, "openssl makes no certificate: " + ran.output);
  return {};
}

Result<void> BareServer::WriteSettings() {
  for (const engines::SettingsFile& file : engine_.SettingsFiles(launch_)) {
    const std::string path = launch_.paths.settings_directory + "/" + file.name;
    std::ofstream(path) << file.content;
    TRY(GiveToEngine(path));
  }
  return {};
}

Result<double> BareServer::Start() {
  TRY_ASSIGN(SpawnOptions options, OptionsFor(engine_.StartCommand(launch_)));
  const UniqueFd log(::open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  options.stdout_fd = log.Get();
  options.stderr_fd = log.Get();
  const Stopwatch watch;
  TRY_ASSIGN(pid_, Spawn(options));
  // As the keeper does: not before the server says that it is ready, and prepared.
  TRY_ASSIGN(const auto session, WaitUntilReady());
  const double ready = watch.Milliseconds();
  TRY(session->PrepareContainer(launch_.credentials));
  return ready;
}

Result<std::unique_ptr<engines::Engine::Session>> BareServer::WaitUntilReady() {
  const auto deadline = std::chrono::steady_clock::now() + kStartDeadline;
  bool said = engine_.ReadyLine().empty();
  while (true) {
    if (!said) {
      std::ifstream file(directory_ + "/log");
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      said = text.find(engine_.ReadyLine()) != std::string::npos;
    }
    if (said) {
      auto session = engine_.Probe(launch_);
      if (session || session.error().code != ErrorCode::kUnavailable) return session;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return Fail(ErrorCode::kTimeout, "a bare server does not start, see '" + directory_ + "/log'");
    }
    std::this_thread::sleep_for(500us);
  }
}

Result<void> BareServer::Stop() {
  if (pid_ <= 0) return {};
  ::kill(pid_, engine_.StopSignal());
  const int code = WaitForExit(std::exchange(pid_, -1));
  if (code != 0) return Fail(ErrorCode::kInternal, "a bare server ended with " + std::to_string(code));
  return {};
}

BareServer::~BareServer() {
  if (auto stopped = Stop(); !stopped) std::fprintf(stderr, "%s\n", stopped.error().message.c_str());
  boost::system::error_code ignored;
  boost::filesystem::remove_all(directory_, ignored);
}

}  // namespace spawnd::bench
