/// What the daemon says to `spawnd-webhook`, and what that answers: a line of JSON each. Values.
#pragma once

#include <string>
#include <vector>

#include "api/mapping.h"

namespace spawnd::daemon {

/// Of one line, in bytes.
inline constexpr size_t kMaxWebhookLine = 1U << 20U;
/// The whole of one delivery.
inline constexpr int kWebhookSeconds = 10;

struct WebhookOrder {
  std::string url;
  std::string ca_file;               ///< empty: what the machine trusts
  std::vector<std::string> headers;  ///< "X-Spawnd-Event-Id: 17"
  std::string body;
};

struct WebhookAnswer {
  int status = 0;     ///< of HTTP; 0: there was none
  std::string error;  ///< why; without the URL's path and query
};

void Describe(auto& visit, api::Is<WebhookOrder> auto& x) {
  visit.Field("url", x.url);
  visit.Field("caFile", x.ca_file);
  visit.Field("headers", x.headers);
  visit.Field("body", x.body);
}

void Describe(auto& visit, api::Is<WebhookAnswer> auto& x) {
  visit.Field("status", x.status);
  visit.Field("error", x.error);
}

}  // namespace spawnd::daemon
