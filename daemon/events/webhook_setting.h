/// One entry of `webhooks:` in spawnd.yaml, and how its deliveries are signed. Values, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "daemon/events/filter.h"

namespace spawnd::daemon {

inline constexpr size_t kMaxWebhooks = 16;

struct WebhookSetting {
  std::string name;         ///< for the log, and for what was delivered so far; by default the URL's host
  std::string url;          ///< http or https; may hold what nobody is to read
  std::string secret;       ///< one of these two
  std::string secret_file;  ///< read for each delivery, so that it may change
  std::string ca_file;      ///< empty: what the machine trusts
  std::vector<std::pair<std::string, std::string>> filter;  ///< as EventFilter::Add takes them

  bool operator==(const WebhookSetting&) const = default;
};

/// What is wrong with it, beginning with the key; also fills in the name. kInvalidArgument.
Result<void> CheckWebhook(WebhookSetting& setting);
/// The secret, from its file without the line end. kForbidden, kNotFound, kInvalidArgument for an empty one.
Result<std::string> SecretOf(const WebhookSetting& setting);
/// "t=1764273600,v1=<64 hex digits>": HMAC-SHA256 over "<t>.<body>".
Result<std::string> SignatureOf(std::string_view secret, int64_t time, std::string_view body);

}  // namespace spawnd::daemon
