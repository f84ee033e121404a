/// The daemon's end of one `spawnd-webhook` process, which sends what it is given and has no rights. Started
/// with the first delivery, and again after it has ended. For one thread.
#pragma once

#include <sys/types.h>

#include <stop_token>
#include <string>

#include "base/identity.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/events/webhook_order.h"

namespace spawnd::daemon {

class WebhookSender {
 public:
  /// `user`: whom the process runs as.
  explicit WebhookSender(Identity user) : user_(std::move(user)) {}
  ~WebhookSender() { End(); }
  WebhookSender(const WebhookSender&) = delete;
  WebhookSender& operator=(const WebhookSender&) = delete;

  /// What the receiver answered. kCancelled when `stop` says so; kInternal when there is no such program or
  /// it has ended, kTimeout.
  Result<WebhookAnswer> Send(const WebhookOrder& order, const std::stop_token& stop);

 private:
  Result<void> Start();
  void End();
  Result<std::string> ReadLine();

  const Identity user_;
  UniqueFd socket_;
  pid_t pid_ = -1;
};

}  // namespace spawnd::daemon
