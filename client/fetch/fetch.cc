#include "client/fetch/fetch.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "api/json.h"
#include "client/fetch/secret.h"
#include "client/fetch/tool.h"

namespace spawnd::client {
namespace {

/// A plan that asks and asks comes to no end.
constexpr int kMaxPlans = 16;

/// The password is in this process's memory.
Result<void> KeepNoCore() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) != 0) return FailErrno(errno, "cannot do without core files");
  return {};
}

/// What the daemon gets is for reading.
Result<UniqueFd> ForReading(const std::string& path, const char* what) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.Valid()) return FailErrno(errno, fmt::format("cannot open {}", what));
  return fd;
}

class Fetching {
 public:
  Fetching(const FetchSource& source, const FetchSurroundings& around) : source_(source), around_(around) {}

  Result<Fetched> Run() {
    TRY(KeepNoCore());
    TRY_ASSIGN(secret_, ReadSecret(source_.secret));
    if (const std::string warning = SecretWarning(source_.secret); !warning.empty()) Warn(warning);
    TRY_ASSIGN(fetched_.folder, PrivateFolder::Make());
    api::FetchPlanRequest request = source_.request;
    request.has_password = secret_.has_value();
    request.folder = fetched_.folder.Path();
    for (int i = 0; i < kMaxPlans; ++i) {
      TRY_ASSIGN(const std::string json, around_.ask(api::ToJson(request)));
      TRY_ASSIGN(const auto plan, api::FromJson<api::FetchPlan>(json));
      for (const std::string& warning : plan.warnings) Warn(warning);
      TRY(RunAll(plan, request.answers));
      if (fetched_.signal != 0) return std::move(fetched_);
      if (plan.complete) return Complete(plan);
    }
    return Fail(ErrorCode::kInternal, "the daemon's plan of fetching comes to no end");
  }

 private:
  void Warn(const std::string& text) { around_.display.Show({{}, 0, 0, text}); }

  Result<void> RunAll(const api::FetchPlan& plan, std::vector<std::string>& answers) {
    for (const api::FetchCommand& command : plan.commands) {
      if (command.output == "backup") {
        TRY_ASSIGN(output_, fetched_.folder.UnnamedFile());
      }
      const ToolOrder order{command, fetched_.folder.Path(), source_.secret.variable, secret_, output_.Get()};
      TRY_ASSIGN(ToolEnd end, RunTool(order, around_));
      if (end.signal != 0) {
        fetched_.signal = end.signal;
        return {};
      }
      bytes_ = end.bytes;
      if (command.output == "answer") answers.push_back(std::move(end.answer));
    }
    return {};
  }

  Result<Fetched> Complete(const api::FetchPlan& plan) {
    fetched_.backup_name = plan.backup_name;
    fetched_.version = plan.version;
    fetched_.database = plan.database;
    if (!plan.backup_folder.empty()) {
      TRY_ASSIGN(fetched_.backup, ForReading(plan.backup_folder, "what was fetched"));
    } else {
      struct stat st {};
      if (!output_.Valid() || ::fstat(output_.Get(), &st) != 0 || st.st_size == 0) {
        return Fail(ErrorCode::kIo, fmt::format("nothing came of {}", plan.backup_name));
      }
      TRY_ASSIGN(fetched_.backup,
                 ForReading(fmt::format("/proc/self/fd/{}", output_.Get()), "what was fetched"));
    }
    if (!plan.wal_folder.empty()) {
      TRY_ASSIGN(fetched_.wal_folder, ForReading(plan.wal_folder, "the logs that were fetched"));
    }
    around_.display.Show({fmt::format("fetched {}", plan.backup_name), bytes_, 0, {}});
    return std::move(fetched_);
  }

  const FetchSource& source_;
  const FetchSurroundings& around_;
  std::optional<std::string> secret_;
  UniqueFd output_;    ///< what a tool writes the backup to
  int64_t bytes_ = 0;  ///< of what the last command made
  Fetched fetched_;
};

}  // namespace

Result<Fetched> Fetch(const FetchSource& source, const FetchSurroundings& surroundings) {
  auto fetched = Fetching(source, surroundings).Run();
  surroundings.display.Clear();
  return fetched;
}

void AddFetched(Fetched& fetched, api::CreateDataImageRequest& request, std::vector<UniqueFd>& files) {
  const auto add = [&files](UniqueFd& fd, std::string name, std::vector<api::ClientFile>& to) {
    if (!fd.Valid()) return;
    to.push_back({std::move(name), static_cast<uint32_t>(files.size()), {}});
    files.push_back(std::move(fd));
  };
  add(fetched.backup, fetched.backup_name, request.backups);
  add(fetched.wal_folder, "logs", request.wal_folders);
  if (request.version.empty()) request.version = fetched.version;
  if (request.initial_database_name.empty()) request.initial_database_name = fetched.database;
}

}  // namespace spawnd::client
