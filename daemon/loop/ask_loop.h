/// How straight-line code on a job thread asks something of the loop thread, which owns the catalog.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "base/result.h"
#include "daemon/loop/jobs.h"

namespace spawnd::daemon {

/// Runs `question` (which returns a Result) on the loop thread and waits for its answer. kCancelled when
/// `stop` says so first; the question may still be run later, so it must own everything it uses. Never called
/// on the loop thread.
template <typename Question>
std::invoke_result_t<Question> AskLoop(Mailbox& mailbox, std::stop_token stop, Question question) {
  using Answer = std::invoke_result_t<Question>;
  struct Shared {
    std::mutex mutex;
    std::condition_variable_any answered;
    std::optional<Answer> answer;
  };
  const auto shared = std::make_shared<Shared>();
  mailbox.Post([shared, question = std::move(question)]() mutable {
    Answer answer = question();
    const std::lock_guard lock(shared->mutex);
    shared->answer.emplace(std::move(answer));
    shared->answered.notify_one();
  });
  std::unique_lock lock(shared->mutex);
  if (!shared->answered.wait(lock, stop, [&shared] { return shared->answer.has_value(); })) {
    return Fail(ErrorCode::kCancelled, "the daemon is stopping");
  }
  return std::move(*shared->answer);
}

}  // namespace spawnd::daemon
