#include "daemon/store/uploads.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/random.h"

namespace spawnd::daemon {

Uploads::Uploads(std::chrono::milliseconds kept) : kept_(kept), dropping_([this] { DropExpired(); }) {}

Uploads::~Uploads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  dropping_.join();
}

Result<void> Uploads::CheckCount(uid_t owner) const {
  const std::lock_guard lock(mutex_);
  return CheckCountLocked(owner);
}

Result<void> Uploads::CheckCountLocked(uid_t owner) const {
  const auto is_owners = [owner](const auto& entry) { return entry.second.owner == owner; };
  if (static_cast<size_t>(std::count_if(uploads_.begin(), uploads_.end(), is_owners)) < kMaxUploads)
    return {};
  return Fail(ErrorCode::kForbidden,
              "there are " + std::to_string(kMaxUploads) + " uploads of this user that nothing has used yet",
              "Use them; they go an hour after they came.");
}

Result<std::string> Uploads::Add(uid_t owner, UniqueFd file) {
  std::string id = RandomId();
  const std::lock_guard lock(mutex_);
  TRY(CheckCountLocked(owner));
  uploads_[id] = {owner, std::move(file), std::chrono::steady_clock::now() + kept_};
  changed_.notify_all();
  return id;
}

Result<UniqueFd> Uploads::Take(const std::string& id, uid_t user) {
  const std::lock_guard lock(mutex_);
  const auto found = uploads_.find(id);
  if (found == uploads_.end() || found->second.owner != user) {
    return Fail(ErrorCode::kNotFound, "there is no upload '" + id + "'",
                "Each is for one request, and goes when nothing has used it for an hour.");
  }
  UniqueFd file = std::move(found->second.file);
  uploads_.erase(found);
  return file;
}

size_t Uploads::Count() const {
  const std::lock_guard lock(mutex_);
  return uploads_.size();
}

int64_t Uploads::Bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const auto& [id, upload] : uploads_) {
    struct stat st {};
    if (::fstat(upload.file.Get(), &st) == 0) bytes += int64_t{st.st_blocks} * 512;
  }
  return bytes;
}

void Uploads::DropExpired() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto now = std::chrono::steady_clock::now();
    auto next = now + kept_;
    std::vector<Upload> dropped;
    for (auto entry = uploads_.begin(); entry != uploads_.end();) {
      if (entry->second.expires <= now) {
        dropped.push_back(std::move(entry->second));
        entry = uploads_.erase(entry);
      } else {
        next = std::min(next, entry->second.expires);
        ++entry;
      }
    }
    if (!dropped.empty()) {
      lock.unlock();
      dropped.clear();
      lock.lock();
      continue;
    }
    changed_.wait_until(lock, next);
  }
}

}  // namespace spawnd::daemon
