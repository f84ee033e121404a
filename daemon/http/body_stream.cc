#include "daemon/http/body_stream.h"

#include <utility>

namespace spawnd::daemon::http {
namespace {

constexpr size_t kPieceBytes = 512 * 1024;

}  // namespace

bool BodyStream::Full() const {
  return waiting_.size() >= kPieceBytes;
}

void BodyStream::Next(std::function<void(Piece)> take) {
  asked_ = true;
  take_ = std::move(take);
  Deliver();
  if (!ended_) wanted_();
}

void BodyStream::Offer(std::string_view bytes) {
  if (ended_) return;
  waiting_.append(bytes);
  Deliver();
}

void BodyStream::Finish() {
  ended_ = true;
  Deliver();
}

void BodyStream::Break(Error why) {
  if (std::exchange(ended_, true)) return;
  broken_ = std::move(why);
  waiting_.clear();
  Deliver();
}

void BodyStream::Deliver() {
  if (!take_ || (!ended_ && !Full())) return;
  // Last: it may ask for the next one.
  std::exchange(take_, nullptr)({std::exchange(waiting_, {}), ended_, broken_});
}

}  // namespace spawnd::daemon::http
