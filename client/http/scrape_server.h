/// Answers monitoring systems over TCP: GET /metrics, one request a connection, one connection after the
/// other. For spawnctl's single thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::client {

struct Scraped {
  std::string_view content_type;  ///< a literal
  std::string body;
};

class ScrapeServer {
 public:
  /// `scrape` is asked for each request, with the value of its Accept header; an error of it is answered with
  /// 503 and its words.
  using Scrape = std::function<Result<Scraped>(const std::string& accept)>;

  ScrapeServer(UniqueFd listener, Scrape scrape)
      : listener_(std::move(listener)), scrape_(std::move(scrape)) {}

  /// Until `stop_fd` is readable. A client that sends nothing, or does not read, is given up after two
  /// seconds.
  Result<void> RunUntil(int stop_fd);

 private:
  void Serve(int fd, int stop_fd) const;
  std::string AnswerTo(std::string_view head) const;

  UniqueFd listener_;
  Scrape scrape_;
};

}  // namespace spawnd::client
