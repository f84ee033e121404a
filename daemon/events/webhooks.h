/// Webhooks: events on their way to the addresses that the administrator names. Each has a thread and a
/// process of its own, so that one that is slow or gone keeps nobody else waiting, and no queue but the
/// catalog's table: how far it is stands in a file, so that a restart neither loses nor repeats more than
/// what was under way. Each event is sent until it is taken, in order; what is dropped from the table
/// meanwhile is told as missed. Receivers tell by the event's id what they have had already.
///
/// Change may block for moments, and is called by one thread at a time; Wake from any; the rest on the loop
/// thread. Positions survive, durable with each delivery.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/identity.h"
#include "daemon/events/webhook_setting.h"

namespace spawnd::daemon {

class Webhook;

class Webhooks {
 public:
  /// `folder`: for positions; made when it is needed. `user`: whom the sending processes run as.
  Webhooks(std::string catalog_path, std::string folder, Identity user);
  ~Webhooks();  ///< As Stop.
  Webhooks(const Webhooks&) = delete;
  Webhooks& operator=(const Webhooks&) = delete;

  /// These, from now on: those that are as before go on undisturbed. A new one is told of what comes.
  void Change(const std::vector<WebhookSetting>& settings);
  /// There is something new.
  void Wake();
  void Stop();

 private:
  const std::string catalog_path_;
  const std::string folder_;
  const Identity user_;

  std::mutex mutex_;
  bool stopped_ = false;
  std::map<std::string, std::unique_ptr<Webhook>> hooks_;
};

}  // namespace spawnd::daemon
