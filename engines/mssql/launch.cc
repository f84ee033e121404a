#include <signal.h>

#include <string>
#include <vector>

#include "engines/mssql/credentials.h"
#include "engines/mssql/mssql_engine.h"
#include "engines/mssql/places.h"

namespace spawnd::engines::mssql {
namespace {

/// The memory that a container's server may use, in MiB. It does not start with less than 2000
/// (https://learn.microsoft.com/sql/linux/sql-server-linux-setup#system).
constexpr int kMemoryLimitMebibytes = 2048;

/// $1: the folder to remove, the rest: the server. The shell gets the signal to stop and passes it on.
constexpr const char* kBuildScript = R"(folder=$1
shift
server= ended=
trap 'ended=1; [ -z "$server" ] || kill -TERM "$server"' TERM INT
"$@" &
server=$!
# It came before the number was known.
[ -z "$ended" ] || kill -TERM "$server"
wait "$server"
code=$?
while kill -0 "$server" 2>/dev/null; do wait "$server"; code=$?; done
rm -rf "$folder"
exit "$code"
)";

std::string ServerProgram() {
  return std::string(kProgramPlace) + "/bin/sqlservr";
}

/// https://learn.microsoft.com/sql/linux/sql-server-linux-configure-environment-variables. The licence is
/// accepted here because nothing of this runs unless the administrator did (Engine::LicenceKey).
std::vector<std::string> Environment(const Launch& launch) {
  const std::string data = kDataPlace;
  return {"ACCEPT_EULA=Y",
          "MSSQL_PID=Developer",
          "MSSQL_SA_PASSWORD=" + AdministratorPassword(launch),
          "MSSQL_TCP_PORT=" + std::to_string(launch.endpoint.port),
          "MSSQL_IP_ADDRESS=" + launch.endpoint.host,
          "MSSQL_MEMORY_LIMIT_MB=" + std::to_string(kMemoryLimitMebibytes),
          "MSSQL_AGENT_ENABLED=false",
          "MSSQL_DATA_DIR=" + data + "/data",
          "MSSQL_LOG_DIR=" + data + "/data",
          "MSSQL_BACKUP_DIR=" + data + "/backup",
          "MSSQL_DUMP_DIR=" + data + "/dump",
          "MSSQL_ERROR_LOG_FILE=" + data + "/log/errorlog",
          "HOME=" + data,
          "LC_ALL=C.UTF-8",
          "PATH=/usr/bin:/bin"};
}

}  // namespace

std::vector<Bind> MssqlEngine::Binds(const Launch& launch) const {
  return {{launch.paths.engine_root, kProgramPlace}, {launch.paths.data_directory, kDataPlace}};
}

/// Writes the system databases and sa's password, and ends.
Command MssqlEngine::InitialiseCommand(const Launch& launch) const {
  return {
      {ServerProgram(), "--accept-eula", "--setup", "--reset-sa-password"}, Environment(launch), kDataPlace};
}

/// Sets sa's password anew at every start: it is part of `master`, and what an image has there is nobody's. A
/// build's server is followed by the removal of what was placed for it.
Command MssqlEngine::StartCommand(const Launch& launch) const {
  Command command{{ServerProgram(), "--accept-eula", "--reset-sa-password"}, Environment(launch), kDataPlace};
  if (launch.purpose != Purpose::kBuild) return command;
  std::vector<std::string> argv{"/bin/sh", "-c", kBuildScript, "mssql",
                                std::string(kDataPlace) + "/" + kRestoreFolder};
  argv.insert(argv.end(), command.argv.begin(), command.argv.end());
  command.argv = std::move(argv);
  return command;
}

int MssqlEngine::StopSignal() const {
  // A checkpoint in every database, then the end.
  return SIGTERM;
}

}  // namespace spawnd::engines::mssql
