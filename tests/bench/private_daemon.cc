#include "tests/bench/private_daemon.h"

#include <boost/filesystem.hpp>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

#include "api/json.h"
#include "base/process.h"
#include "base/unique_fd.h"
#include "tests/bench/row.h"
#include "tests/places.h"

namespace spawnd::bench {
namespace {

using namespace std::chrono_literals;
constexpr auto kReadyDeadline = 20s;

}  // namespace

Result<std::unique_ptr<PrivateDaemon>> PrivateDaemon::Start(const std::string& spawnd) {
  std::unique_ptr<PrivateDaemon> self(new PrivateDaemon);
  std::string pattern = "/var/tmp/spawnd-bench-XXXXXX";  // a disk: /tmp can be memory
  if (::mkdtemp(pattern.data()) == nullptr) return FailErrno(errno, "cannot make a folder in /var/tmp");
  self->directory_ = pattern;
  const std::string socket = pattern + "/spawnd.sock";
  std::ofstream(pattern + "/spawnd.yaml")
      << "host: 127.0.0.1\ndefaultWarm: 0\nengineSearchPaths: [" SPAWND_SOURCE_ROOT
         "/.deps, " SPAWND_SOURCE_ROOT "/.deps/unpacked]\n";

  SpawnOptions options;
  options.argv = {spawnd,     "serve", "--state-dir", pattern + "/state",
                  "--socket", socket,  "--config",    pattern + "/spawnd.yaml"};
  options.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"};
  options.new_session = true;
  TRY_ASSIGN(self->pid_, Spawn(options));
  TRY_ASSIGN(client::DaemonClient client, client::DaemonClient::Make("unix://" + socket, ""));
  self->client_ = std::make_unique<client::DaemonClient>(std::move(client));
  const auto deadline = std::chrono::steady_clock::now() + kReadyDeadline;
  while (true) {
    auto version = self->client_->Get("/v1/version");
    if (version) return self;
    if (std::chrono::steady_clock::now() > deadline)
      return Fail(version.error().Wrap("the daemon does not start"));
    std::this_thread::sleep_for(10ms);
  }
}

PrivateDaemon::~PrivateDaemon() {
  if (client_) {
    auto listed = client_->Get("/v1/data-containers");
    auto containers = listed ? api::FromJson<std::vector<api::DataContainer>>(*listed)
                             : Result<std::vector<api::DataContainer>>();
    if (containers) {
      for (const api::DataContainer& container : *containers) {
        if (auto deleted = DeleteContainer(container.name); !deleted) Say(deleted.error().message);
      }
    }
    if (auto gone = WaitUntilDeleted(); !gone) Say(gone.error().message);
  }
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    WaitForExit(pid_);
  }
  boost::system::error_code error;
  boost::filesystem::remove_all(directory_, error);
  if (error) Say("cannot remove '" + directory_ + "': " + error.message());
}

Result<api::DataImage> PrivateDaemon::CreateImage(const std::string& name, const std::string& sql) {
  const std::string path = directory_ + "/" + name + ".sql";
  std::ofstream(path) << sql;
  return CreateImageOf(name, path, "");
}

Result<api::DataImage> PrivateDaemon::CreateImageOf(const std::string& name, const std::string& backup,
                                                    const std::string& database) {
  api::CreateDataImageRequest request;
  request.name = name;
  request.engine = "postgresql";
  request.source_type = api::SourceType::kBackup;
  const UniqueFd file(::open(backup.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.Valid()) return FailErrno(errno, "cannot open '" + backup + "'");
  request.backups = {{"backup", 0, ""}};
  request.initial_database_name = database;
  request.version = "15";
  client::CreateEvents events;
  TRY_ASSIGN(const std::string json,
             client_->Create("/v1/data-images", api::ToJson(request), events, {file.Get()}));
  return api::FromJson<api::DataImage>(json);
}

Result<api::DataImage> PrivateDaemon::CreateEmptyImage(const std::string& name, const std::string& engine,
                                                       int64_t warm) {
  api::CreateDataImageRequest request;
  request.name = name;
  request.engine = engine;
  request.warm = warm;
  client::CreateEvents events;
  TRY_ASSIGN(const std::string json, client_->Create("/v1/data-images", api::ToJson(request), events));
  return api::FromJson<api::DataImage>(json);
}

Result<api::DataContainer> PrivateDaemon::CreateContainer(const std::string& image,
                                                          api::Durability durability) {
  api::CreateDataContainerRequest request;
  request.image = image;
  request.durability = durability;
  client::CreateEvents events;
  TRY_ASSIGN(const std::string json, client_->Create("/v1/data-containers", api::ToJson(request), events));
  return api::FromJson<api::DataContainer>(json);
}

Result<api::DataContainer> PrivateDaemon::GetContainer(const std::string& name) {
  TRY_ASSIGN(const std::string json, client_->Get(client::DaemonClient::Target("/v1/data-containers", name)));
  return api::FromJson<api::DataContainer>(json);
}

Result<std::string> PrivateDaemon::Change(const std::string& name, const std::string& verb,
                                          const std::string& body) {
  client::CreateEvents events;
  return client_->Create(client::DaemonClient::Target("/v1/data-containers", name) + "/" + verb, body,
                         events);
}

Result<void> PrivateDaemon::WaitUntilDeleted() {
  // The folder of a container is the last thing of it that goes.
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  boost::system::error_code ignored;
  while (!boost::filesystem::is_empty(directory_ + "/state/containers", ignored) && !ignored) {
    if (std::chrono::steady_clock::now() > deadline) {
      return Fail(ErrorCode::kTimeout,
                  "deleted containers are still in '" + directory_ + "/state/containers'");
    }
    std::this_thread::sleep_for(10ms);
  }
  return {};
}

Result<void> PrivateDaemon::WaitForCommits() {
  std::this_thread::sleep_for(3s);
  return {};
}

Result<void> PrivateDaemon::DeleteContainer(const std::string& name) {
  TRY(client_->Delete(client::DaemonClient::Target("/v1/data-containers", name)));
  return {};
}

}  // namespace spawnd::bench
