/// `spawnd-webhook`: sends what the daemon gives it, one POST after the other. A process of its own, without
/// rights: what other machines answer is never parsed by root, and the daemon can end it at any moment.
///
/// Orders on standard input, answers on standard output (webhook_order.h), until the input ends.
#include <curl/curl.h>
#include <sys/prctl.h>

#include <array>
#include <iostream>
#include <memory>
#include <string>

#include "api/json_reader.h"
#include "api/json_writer.h"
#include "daemon/events/webhook_order.h"

namespace spawnd::daemon {
namespace {

constexpr size_t kMaxAnswerBytes = size_t{64} * 1024;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeList>;

/// What a receiver says beside its status is of no use, and too much of it ends the delivery.
size_t Drop(char* /*bytes*/, size_t size, size_t count, void* taken) {
  size_t& total = *static_cast<size_t*>(taken);
  total += size * count;
  return total <= kMaxAnswerBytes ? size * count : 0;
}

Headers HeadersOf(const WebhookOrder& order) {
  Headers headers;
  for (const std::string& header : order.headers) {
    curl_slist* longer = curl_slist_append(headers.get(), header.c_str());
    if (longer == nullptr) break;
    static_cast<void>(headers.release());
    headers.reset(longer);
  }
  return headers;
}

WebhookAnswer Deliver(CURL* curl, const WebhookOrder& order) {
  // What was set for the one before goes; its connection stays, for the next to the same place.
  curl_easy_reset(curl);
  std::array<char, CURL_ERROR_SIZE> why{};
  size_t taken = 0;
  const Headers headers = HeadersOf(order);
  curl_easy_setopt(curl, CURLOPT_URL, order.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, order.body.data());
  curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(order.body.size()));
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Drop);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &taken);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why.data());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, static_cast<long>(kWebhookSeconds));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(kWebhookSeconds) / 2);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  if (!order.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, order.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  if (code == CURLE_OK || code == CURLE_WRITE_ERROR) curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 0) return {static_cast<int>(status), {}};
  return {0, why[0] != '\0' ? why.data() : curl_easy_strerror(code)};
}

int Main() {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return 1;
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (!curl) return 1;
  for (std::string line; std::getline(std::cin, line);) {
    const auto order =
        api::ReadJson<WebhookOrder>(line, api::kResponseLimits, api::Strictness::kLenient, "order");
    const WebhookAnswer answer =
        order ? Deliver(curl.get(), *order) : WebhookAnswer{0, order.error().message};
    std::cout << api::JsonOf(answer, api::Empties::kKeep) << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace spawnd::daemon

int main() {
  return spawnd::daemon::Main();
}
