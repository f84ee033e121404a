#include "daemon/events/webhooks.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <optional>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/percent_encode.h"
#include "base/random.h"
#include "daemon/events/event_line.h"
#include "daemon/events/webhook_sender.h"

namespace spawnd::daemon {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstDelay{1000};
constexpr milliseconds kLongestDelay{300'000};
/// A receiver that refuses an event may mean it. What asks to be tried again (408, 425, 429) is tried again.
constexpr int kRefusals = 3;
constexpr size_t kBatch = 50;
/// Events that may have gone by without being written down.
constexpr int64_t kUnwritten = 500;

bool IsTaken(int status) {
  return status >= 200 && status < 300;
}
bool IsRefusal(int status) {
  return status >= 400 && status < 500 && status != 408 && status != 425 && status != 429;
}

/// 1 s, 2 s, 4 s ... with up to a quarter more, so that many hooks of one receiver do not come at once.
milliseconds DelayAfter(int attempts) {
  const milliseconds delay =
      std::min(kLongestDelay, kFirstDelay * (int64_t{1} << std::min(attempts - 1, 20)));
  const auto dice = static_cast<int64_t>(RandomText(1, kHexDigits)[0] % 16);
  return delay + delay * dice / 64;
}

/// How far a hook is: one number in a file.
class Position {
 public:
  Position(std::string folder, const std::string& name)
      : folder_(std::move(folder)), path_(folder_ + "/" + PercentEncode(name)) {}

  /// Nothing when there was none yet.
  Result<std::optional<int64_t>> Read() const {
    TRY_ASSIGN(const bool there, PosixFileSystem().Exists(path_));
    if (!there) return std::nullopt;
    TRY_ASSIGN(const auto file, PosixFileSystem().Open(path_, OpenMode::kRead));
    std::string text(32, '\0');
    TRY_ASSIGN(const size_t size, file->ReadAt(0, std::as_writable_bytes(std::span(text))));
    int64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + size, id);
    if (error != std::errc()) return Fail(ErrorCode::kCorrupt, "'" + path_ + "' is no position");
    return id;
  }

  Result<void> Write(int64_t id) const {
    TRY_ASSIGN(const bool there, PosixFileSystem().Exists(folder_));
    if (!there) TRY(PosixFileSystem().CreateDirectory(folder_));
    const std::string temporary = path_ + ".new";
    const std::string text = std::to_string(id) + "\n";
    {
      TRY_ASSIGN(const auto file, PosixFileSystem().Open(temporary, OpenMode::kCreate));
      TRY(file->Truncate(0));
      TRY(file->WriteAt(0, std::as_bytes(std::span(text))));
      TRY(file->Sync());
    }
    // The folder is not synced: a power cut may bring the number before back, and one event comes twice.
    return PosixFileSystem().Rename(temporary, path_);
  }

 private:
  const std::string folder_;
  const std::string path_;
};

}  // namespace

class Webhook {
 public:
  Webhook(WebhookSetting setting, std::string catalog_path, const std::string& folder, Identity user)
      : setting_(std::move(setting)),
        catalog_path_(std::move(catalog_path)),
        file_(folder, setting_.name),
        sender_(std::move(user)) {
    for (const auto& [key, value] : setting_.filter) static_cast<void>(filter_.Add(key, value).has_value());
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }

  const WebhookSetting& Setting() const { return setting_; }

  void Wake() {
    {
      const std::lock_guard lock(mutex_);
      news_ = true;
    }
    wake_.notify_all();
  }
  void RequestStop() { thread_.request_stop(); }

 private:
  enum class End { kTaken, kRefused, kDropped, kStopped };

  /// A catalog that cannot be read, or a position that cannot be written, is tried again: nothing is sent
  /// that would be sent once more after a restart.
  void Run(const std::stop_token& stop) {
    int failures = 0;
    while (!stop.stop_requested()) {
      const auto gone_on = GoOn(stop);
      if (gone_on) {
        failures = 0;
        continue;
      }
      ++failures;
      if (failures == 1) spdlog::error("webhook '{}' waits: {}", setting_.name, gone_on.error().message);
      Wait(stop, DelayAfter(failures), false);
    }
  }

  Result<void> GoOn(const std::stop_token& stop) {
    if (!reader_) {
      TRY_ASSIGN(reader_, EventReader::Open(catalog_path_));
    }
    TRY_ASSIGN(const EventReader::Kept kept, reader_->WhatIsKept());
    if (!position_) TRY(FindPosition(kept.newest));
    // The catalog is an older one than it was.
    if (*position_ > kept.newest) position_ = kept.newest;
    if (*position_ + 1 < kept.oldest) return TellMissed(kept.oldest - 1, stop);
    TRY_ASSIGN(const auto events, reader_->After(*position_, kBatch));
    for (const EventRow& event : events) {
      if (event.id > *position_ + 1) return TellMissed(event.id - 1, stop);
      if (Wants(event)) {
        const End end = Deliver(event.id, EventJson(event, names_), true, stop);
        if (end == End::kStopped) return {};
        if (end == End::kDropped) return {};  // told as missed next
        TRY(WritePosition(event.id));
      }
      position_ = event.id;
    }
    // What it did not want is looked at again after a restart, which costs less than to write each down.
    if (*position_ - written_ >= kUnwritten) TRY(WritePosition(*position_));
    if (events.empty()) Wait(stop, std::chrono::hours(1), true);
    return {};
  }

  Result<void> FindPosition(int64_t newest) {
    TRY_ASSIGN(position_, file_.Read());
    if (!position_) TRY(WritePosition(newest));
    written_ = *position_;
    return {};
  }

  Result<void> WritePosition(int64_t id) {
    TRY(file_.Write(id));
    position_ = written_ = id;
    return {};
  }

  Result<void> TellMissed(int64_t to, const std::stop_token& stop) {
    spdlog::warn("webhook '{}' has missed events {} to {}: they are not kept any more", setting_.name,
                 *position_ + 1, to);
    const End end = Deliver(to, MissedJson(*position_ + 1, to), false, stop);
    if (end != End::kTaken && end != End::kRefused) return {};
    return WritePosition(to);
  }

  bool Wants(const EventRow& event) {
    return filter_.Matches(event, [this](uid_t uid) { return names_.Of(uid); });
  }

  /// Until it is taken, or not kept any more; `is_kept` is false for what never was.
  End Deliver(int64_t id, const std::string& body, bool is_kept, const std::stop_token& stop) {
    int refusals = 0;
    for (int attempts = 1;; ++attempts) {
      const auto answer = Send(id, body, stop);
      if (stop.stop_requested()) return End::kStopped;
      if (answer && IsTaken(answer->status)) {
        if (attempts > 1)
          spdlog::info("webhook '{}' has taken event {} at attempt {}", setting_.name, id, attempts);
        return End::kTaken;
      }
      const std::string why = !answer               ? answer.error().message
                              : answer->status != 0 ? "it answers " + std::to_string(answer->status)
                                                    : answer->error;
      if (answer && IsRefusal(answer->status) && ++refusals == kRefusals) {
        spdlog::error("webhook '{}' refuses event {}, which it is not sent again: {}", setting_.name, id,
                      why);
        return End::kRefused;
      }
      if (attempts == 1) spdlog::warn("webhook '{}': event {} is tried again: {}", setting_.name, id, why);
      Wait(stop, DelayAfter(attempts), false);
      if (stop.stop_requested()) return End::kStopped;
      const auto kept = reader_->WhatIsKept();
      if (is_kept && kept && id < kept->oldest) return End::kDropped;
    }
  }

  Result<WebhookAnswer> Send(int64_t id, const std::string& body, const std::stop_token& stop) {
    TRY_ASSIGN(const std::string secret, SecretOf(setting_));
    TRY_ASSIGN(const std::string signature, SignatureOf(secret, std::time(nullptr), body));
    return sender_.Send({.url = setting_.url,
                         .ca_file = setting_.ca_file,
                         .headers = {"Content-Type: application/json", "User-Agent: spawnd",
                                     "X-Spawnd-Event-Id: " + std::to_string(id),
                                     "X-Spawnd-Signature: " + signature, "Expect:"},
                         .body = body},
                        stop);
  }

  void Wait(const std::stop_token& stop, milliseconds longest, bool for_news) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, longest, [this, for_news] { return for_news && news_; });
    if (for_news) news_ = false;
  }

  const WebhookSetting setting_;
  const std::string catalog_path_;
  EventFilter filter_;

  // Of the thread.
  Position file_;
  WebhookSender sender_;
  UserNames names_;
  std::unique_ptr<EventReader> reader_;
  std::optional<int64_t> position_;
  int64_t written_ = 0;

  std::mutex mutex_;
  std::condition_variable_any wake_;
  bool news_ = false;
  std::jthread thread_;  // last: it uses the others
};

Webhooks::Webhooks(std::string catalog_path, std::string folder, Identity user)
    : catalog_path_(std::move(catalog_path)), folder_(std::move(folder)), user_(std::move(user)) {}
Webhooks::~Webhooks() {
  Stop();
}

void Webhooks::Change(const std::vector<WebhookSetting>& settings) {
  std::vector<std::unique_ptr<Webhook>> old;
  {
    const std::lock_guard lock(mutex_);
    for (auto hook = hooks_.begin(); hook != hooks_.end();) {
      const bool stays =
          std::find(settings.begin(), settings.end(), hook->second->Setting()) != settings.end();
      if (!stays) old.push_back(std::move(hook->second));
      hook = stays ? std::next(hook) : hooks_.erase(hook);
    }
  }
  // One that goes on under another address reads its position only when the one before has written it.
  for (const auto& hook : old) hook->RequestStop();
  old.clear();
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  for (const WebhookSetting& setting : settings) {
    auto& hook = hooks_[setting.name];
    if (!hook) hook = std::make_unique<Webhook>(setting, catalog_path_, folder_, user_);
  }
}

void Webhooks::Wake() {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, hook] : hooks_) hook->Wake();
}

void Webhooks::Stop() {
  std::map<std::string, std::unique_ptr<Webhook>> hooks;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    hooks.swap(hooks_);
  }
  for (const auto& [name, hook] : hooks) hook->RequestStop();
}

}  // namespace spawnd::daemon
