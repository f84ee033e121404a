/// A real server of one installed version of any engine, started with exactly the commands that the engine
/// gives, in a temporary folder. One per version and test process: initdb takes most of a second. Used by the
/// test thread only.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engines/engine.h"
#include "tests/support/scratch_directory.h"

namespace spawnd::engines::testing {

/// The engine under test.
const Engine& Postgresql();

/// What is installed here and under SPAWND_ENGINE_PATH (colon separated), one of each major version, newest
/// first.
const std::vector<Installation>& Installed();
/// The newest installation of a major version, if there is one.
std::optional<Installation> InstalledMajor(const std::string& major);

/// A scratch folder that engines, which run as somebody else, may read.
class TemporaryFolder : public ScratchDirectory {
 public:
  TemporaryFolder() : ScratchDirectory(0755) {}
  /// Writes a file that everybody may read; returns its path.
  std::string Write(const std::string& name, std::string_view content) const;
};

class TestServer {
 public:
  /// Initialised, not started.
  explicit TestServer(Installation installation);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  /// The shared, started and prepared one of this version.
  static TestServer& Shared(const Installation& installation);

  /// From the next start on, as a container of this superuser-or-not. Not while it runs.
  void SetSuperuser(bool superuser);
  /// Starts and waits for the session. Fails the test when the server does not come up.
  std::unique_ptr<Engine::Session> Start();
  /// Starts `command` and returns what ExplainExit makes of its log, once it has ended.
  Error StartAndExpectExit(const Command& command);
  void Stop();
  void Kill();
  bool Running() const { return pid_ > 0; }
  std::string Log() const;

  const Engine& Product() const { return engine_; }
  const Launch& How() const { return launch_; }
  const Installation& Version() const { return launch_.installation; }
  const Paths& Where() const { return launch_.paths; }
  const Endpoint& Address() const { return launch_.endpoint; }
  const Credentials& Admin() const { return launch_.credentials; }

 private:
  pid_t Spawn(const Command& command, int log_fd) const;
  void WriteSettings() const;

  TemporaryFolder folder_;
  const Engine& engine_;
  Launch launch_;
  pid_t pid_ = -1;
};

/// Runs SQL as this user over TCP; rows joined by newlines, columns by '|'. Errors come back as "error: ...".
std::string Query(const Endpoint& endpoint, const Credentials& credentials, const std::string& database,
                  const std::string& sql, const std::string& sslmode = "prefer");

/// Runs a program of /usr/lib/postgresql's newest client, e.g. pg_dump, against the server. Returns its
/// output.
std::string RunClient(const TestServer& server, const std::vector<std::string>& argv);

/// A port that nobody uses right now.
uint16_t FreePort();

}  // namespace spawnd::engines::testing
