/// The keeper's end of the session with its server. The client libraries of the products run in a process of
/// their own (process.h), because the owner of a database decides what its server answers: nothing that such
/// a server sends is parsed by the keeper, which is root.
///
/// Every call has a deadline. A session that passes it, ends, or says what is no reply is killed and the
/// call fails; the next call begins a new one, which connects by itself. For one thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "daemon/session/protocol.h"

namespace spawnd::daemon {

/// Bounds on a server that hangs. Each is longer than what the client libraries are told.
struct SessionDeadlines {
  std::chrono::milliseconds probe = std::chrono::seconds(65);
  std::chrono::milliseconds prepare_container = std::chrono::seconds(120);
  std::chrono::milliseconds prepare_image = std::chrono::hours(24);  ///< statistics of all that was restored
  std::chrono::milliseconds mask = std::chrono::hours(24);           ///< all tables are written anew
  std::chrono::milliseconds create_database = std::chrono::seconds(300);
  std::chrono::milliseconds question = std::chrono::seconds(60);
  std::chrono::milliseconds clients = std::chrono::milliseconds(250);
  std::chrono::milliseconds before_save = std::chrono::seconds(130);  ///< may write a data set out first
};

class SessionClient {
 public:
  /// Where the process comes from.
  struct Source {
    std::function<Result<UniqueFd>()> begin;  ///< starts one, and returns this end of its socket
    std::function<void()> end;                ///< kills it; returns when it is gone
  };
  explicit SessionClient(Source source, SessionDeadlines deadlines = {})
      : source_(std::move(source)), deadlines_(deadlines) {}

  /// Starts the process, so that the first call finds it there. It need not be called.
  Result<void> Begin();
  /// Ends it, if there is one.
  void End();

  // As engines::Engine's Probe, and the calls of its Session with the credentials of the launch.

  /// kUnavailable: not ready yet, try again; everything else is final.
  Result<void> Probe();
  Result<void> PrepareContainer();
  Result<void> PrepareImage();
  Result<void> CreateDatabase(const std::string& database);
  Result<std::vector<std::string>> UserDatabases();
  Result<std::vector<std::string>> UsedLibraries();  ///< each as engines::TextOf, whatever a server says
  Result<std::vector<int64_t>> Mask(const std::vector<engines::MaskRule>& rules);
  Result<bool> KeepsSettings();
  Result<void> BeforeSave();
  Result<void> AfterSave();
  Result<std::string> KeepsAwake();  ///< whatever a server says
  /// Of one that was started to stand by. kUnsupported: it does not, it has work of its own.
  Result<void> StandBy();
  /// The same, and from here on it does not stand by any more.
  Result<void> TakeOver();
  /// For who ends the server at once: a session that does not answer quickly is no use to him.
  Result<uint32_t> ClientsOnTheirWayIn();

 private:
  Result<SessionReply> Ask(const SessionRequest& request, std::chrono::milliseconds deadline);
  Result<std::string> Exchange(const std::string& packet, std::chrono::milliseconds deadline) const;
  Result<void> Do(SessionRequest::Op op, std::chrono::milliseconds deadline);

  Source source_;
  SessionDeadlines deadlines_;
  UniqueFd socket_;
};

}  // namespace spawnd::daemon
