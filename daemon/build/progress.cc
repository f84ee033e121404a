#include "daemon/build/progress.h"

namespace spawnd::daemon {
namespace {

constexpr std::chrono::milliseconds kBetweenByteLines{100};

}  // namespace

void BuildProgress::Bytes(std::string_view stage, uint64_t done, uint64_t total) {
  const auto now = std::chrono::steady_clock::now();
  if (stage == stage_ && now - last_ < kBetweenByteLines) return;
  stage_ = stage;
  last_ = now;
  api::Progress line;
  line.stage = stage;
  line.bytes_done = static_cast<int64_t>(done);
  line.bytes_total = static_cast<int64_t>(total);
  Say(line);
}

void BuildProgress::Message(std::string_view message) {
  api::Progress line;
  line.stage = stage_;
  line.message = message;
  Say(line);
}

void BuildProgress::Note(std::string_view note) {
  api::Progress line;
  line.stage = stage_;
  line.note = note;
  Say(line);
}

void BuildProgress::Say(const api::Progress& progress) {
  show_(progress);
  feed_->Say(progress);
}

}  // namespace spawnd::daemon
