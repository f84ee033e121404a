#include "daemon/http/descriptors.h"

#include <sys/socket.h>

#include <array>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/ancillary.h"

namespace spawnd::daemon::http {
namespace {

/// Closings of one user that may hang at a time.
constexpr size_t kMaxHanging = 16;

}  // namespace

struct DescriptorCloser::Hanging {
  std::mutex mutex;
  std::map<uid_t, size_t> of;
};

DescriptorCloser::DescriptorCloser() : hanging_(std::make_shared<Hanging>()) {}

bool DescriptorCloser::HasRoom(uid_t sender) const {
  const std::lock_guard lock(hanging_->mutex);
  const auto found = hanging_->of.find(sender);
  return found == hanging_->of.end() || found->second < kMaxHanging;
}

void DescriptorCloser::Close(uid_t sender, std::vector<UniqueFd> descriptors) {
  {
    const std::lock_guard lock(hanging_->mutex);
    ++hanging_->of[sender];
  }
  // Outlives this object: its thread may hang when the daemon ends.
  auto close = [hanging = hanging_, sender, closed = std::move(descriptors)]() mutable {
    closed.clear();
    const std::lock_guard lock(hanging->mutex);
    if (--hanging->of[sender] == 0) hanging->of.erase(sender);
  };
  try {
    std::thread(std::move(close)).detach();
  } catch (const std::system_error&) {
    // No thread to be had: the descriptors have gone with the function object.
    const std::lock_guard lock(hanging_->mutex);
    if (--hanging_->of[sender] == 0) hanging_->of.erase(sender);
  }
}

Descriptors::~Descriptors() {
  std::erase_if(descriptors_, [](const UniqueFd& fd) { return !fd.Valid(); });
  if (!descriptors_.empty()) closer_->Close(sender_, std::move(descriptors_));
}

void Descriptors::Add(std::vector<UniqueFd> descriptors) {
  for (UniqueFd& fd : descriptors) descriptors_.push_back(std::move(fd));
}

UniqueFd Descriptors::Take(size_t index) {
  return index < descriptors_.size() ? std::exchange(descriptors_[index], {}) : UniqueFd();
}

ssize_t ReceiveBytes(int socket, std::span<char> memory, std::vector<UniqueFd>* descriptors) {
  // Room for one too many, which tells that there were more: the kernel drops those.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * (kMaxDescriptors + 1))> control{};
  iovec bytes{memory.data(), memory.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  if (descriptors != nullptr) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
  }
  const ssize_t received = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0 || descriptors == nullptr) return received;
  for (UniqueFd& fd : DescriptorsOf(message)) descriptors->push_back(std::move(fd));
  return received;
}

}  // namespace spawnd::daemon::http
