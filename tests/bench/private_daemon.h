/// A daemon of the bench's own, in a temp folder, with nothing in it; gone with this object, containers and
/// all.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "api/types.h"
#include "base/result.h"
#include "client/http/daemon_client.h"

namespace spawnd::bench {

class PrivateDaemon {
 public:
  /// `spawnd` is the path of the binary. Engines are looked for at their usual places and in
  /// .deps itself, which leaves its other versions out.
  static Result<std::unique_ptr<PrivateDaemon>> Start(const std::string& spawnd);
  ~PrivateDaemon();
  PrivateDaemon(const PrivateDaemon&) = delete;
  PrivateDaemon& operator=(const PrivateDaemon&) = delete;

  const std::string& Directory() const { return directory_; }
  pid_t Pid() const { return pid_; }
  client::DaemonClient& Client() { return *client_; }

  /// Makes an image from SQL text.
  Result<api::DataImage> CreateImage(const std::string& name, const std::string& sql);
  /// Makes an empty image of any engine. `warm`: containers of it that are kept started.
  Result<api::DataImage> CreateEmptyImage(const std::string& name, const std::string& engine,
                                          int64_t warm = 0);
  /// Makes an image of a backup file.
  Result<api::DataImage> CreateImageOf(const std::string& name, const std::string& backup,
                                       const std::string& database);
  Result<api::DataContainer> CreateContainer(const std::string& image,
                                             api::Durability durability = api::Durability::kEverySecond);
  Result<api::DataContainer> GetContainer(const std::string& name);
  /// POSTs to the container's "save", "reset" or "graduate"; the JSON of the result.
  Result<std::string> Change(const std::string& name, const std::string& verb, const std::string& body);
  Result<void> DeleteContainer(const std::string& name);
  /// Deleting goes on after the answer; this returns when it is over. kTimeout after 20 s.
  Result<void> WaitUntilDeleted();
  /// Long enough for every container's volume to have committed what it holds now, and for the slots that
  /// this made free.
  Result<void> WaitForCommits();

 private:
  PrivateDaemon() = default;
  std::string directory_;
  pid_t pid_ = -1;
  std::unique_ptr<client::DaemonClient> client_;
};

}  // namespace spawnd::bench
