/// How verbs answer: one line of JSON, a stream that ends in its result, or an image or container as its
/// caller sees it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "daemon/catalog/rows.h"
#include "daemon/handlers/services.h"
#include "daemon/http/message.h"

namespace spawnd::daemon {

using http::SendError;

/// 200 with a JSON body. Any thread.
void SendJson(const http::Reply& reply, std::string json);

/// An answer that may take a while: progress, then one result. It begins with the first progress, and until
/// then an error is a plain answer with a status of its own; afterwards it is the stream's last line. A
/// copyable handle, used by one thread at a time.
class StreamedAnswer {
 public:
  explicit StreamedAnswer(http::Reply reply);

  void Progress(const api::Progress& progress) const;
  void Done(std::string_view json) const;
  void Failed(const Error& error) const;
  const http::Reply& Handle() const { return reply_; }

 private:
  void Begin() const;

  http::Reply reply_;
  std::shared_ptr<std::atomic<bool>> begun_;
};

/// For Job::queued: says what the request waits for. `noun`: of one job, "build".
std::function<void(const JobQueued&)> TellQueued(const StreamedAnswer& answer, std::string_view noun);

using ShowImage = std::function<void(Result<api::DataImage>)>;
using ShowContainer = std::function<void(Result<api::DataContainer>)>;

// What a row looks like to its callers, with its owner's name and what it takes on the disk. Called on the
// loop thread, for `viewer`; `show` is called on a question thread, or at once with what went wrong.
void ViewImage(Services& services, uid_t viewer, const Result<ImageRow>& row, const ShowImage& show);
void ViewContainer(Services& services, uid_t viewer, const Result<ContainerRow>& row,
                   const ShowContainer& show);

/// Ends `answer` with the image, or with why there is none.
void AnswerWithImage(Services& services, const Result<ImageRow>& row, const StreamedAnswer& answer,
                     const std::vector<std::string>& warnings = {});
/// The same with a container.
void AnswerWithContainer(Services& services, const Result<ContainerRow>& row, const StreamedAnswer& answer,
                         const std::vector<std::string>& warnings = {});

}  // namespace spawnd::daemon
