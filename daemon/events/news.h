/// All ways on which events leave the daemon, as one: streams and webhooks, woken when the catalog has told
/// something.
///
/// Start on the loop thread. Nothing here survives the process, but for how far each webhook is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/catalog.h"
#include "daemon/events/event_streams.h"
#include "daemon/events/webhooks.h"

namespace spawnd::daemon {

struct News {
  std::unique_ptr<EventStreams> streams;
  std::unique_ptr<Webhooks> webhooks;

  /// `folder`: of the webhooks' positions. What this takes by reference outlives the answer.
  static Result<std::unique_ptr<News>> Start(Catalog& catalog, const std::string& catalog_path,
                                             const TeamMembers& teams, const std::string& folder,
                                             Identity sender, const std::vector<WebhookSetting>& settings) {
    auto news = std::make_unique<News>();
    TRY_ASSIGN(news->streams, EventStreams::Start(catalog_path, teams));
    news->webhooks = std::make_unique<Webhooks>(catalog_path, folder, std::move(sender));
    news->webhooks->Change(settings);
    catalog.events.OnTold([&all = *news] {
      all.streams->Wake();
      all.webhooks->Wake();
    });
    return news;
  }
  void Stop() {
    streams->Stop();
    webhooks->Stop();
  }
};

}  // namespace spawnd::daemon
