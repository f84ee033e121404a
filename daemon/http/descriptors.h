/// Descriptors that come with a request (SCM_RIGHTS, unix(7)): receiving them, holding them, and closing what
/// nobody took. Whoever sends one can make closing it wait for as long as he likes (a file of a FUSE file
/// system of his own), so that the loop thread never closes any.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/unique_fd.h"

namespace spawnd::daemon::http {

/// Of one request.
inline constexpr size_t kMaxDescriptors = 64;

/// Closes descriptors on threads of its own. Safe from any thread. A thread that hangs is not waited for.
class DescriptorCloser {
 public:
  DescriptorCloser();
  /// False while too many of this user's descriptors hang: none are taken from him then.
  bool HasRoom(uid_t sender) const;
  void Close(uid_t sender, std::vector<UniqueFd> descriptors);

 private:
  struct Hanging;
  std::shared_ptr<Hanging> hanging_;
};

/// What came with one request. The owner takes out what it uses; the rest is closed elsewhere.
class Descriptors {
 public:
  Descriptors(std::shared_ptr<DescriptorCloser> closer, uid_t sender)
      : closer_(std::move(closer)), sender_(sender) {}
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;
  ~Descriptors();

  size_t Size() const { return descriptors_.size(); }
  void Add(std::vector<UniqueFd> descriptors);
  /// Each can be taken once; not valid the second time, and for an index that there is none of.
  UniqueFd Take(size_t index);

 private:
  const std::shared_ptr<DescriptorCloser> closer_;
  const uid_t sender_;
  std::vector<UniqueFd> descriptors_;
};

/// As recv without waiting. `descriptors`: gets those that came along, close-on-exec; null: the kernel drops
/// them. On a stream they come with the first byte of the message that they were sent with.
ssize_t ReceiveBytes(int socket, std::span<char> memory, std::vector<UniqueFd>* descriptors);

}  // namespace spawnd::daemon::http
