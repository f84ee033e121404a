/// Reply hands on what it is told to the exchange that its copies share.
#include "daemon/http/exchange.h"

namespace spawnd::daemon::http {

void Reply::Send(int status, std::string json,
                 std::vector<std::pair<std::string, std::string>> headers) const {
  channel_->Get().Send(status, std::move(json), std::move(headers));
}

void Reply::Begin() const {
  channel_->Get().Begin("application/x-ndjson");
}

void Reply::BeginText() const {
  channel_->Get().Begin("text/plain; charset=utf-8");
}

bool Reply::HasRoom(size_t bytes) const {
  return channel_->Get().HasRoom(bytes);
}

void Reply::Line(std::string line) const {
  channel_->Get().Line(std::move(line));
}

void Reply::End() const {
  channel_->Get().End();
}

std::stop_token Reply::ClientGone() const {
  return channel_->Get().ClientGone();
}

void Reply::IfUndelivered(std::function<void()> take_back) const {
  channel_->Get().IfUndelivered(std::move(take_back));
}

}  // namespace spawnd::daemon::http
