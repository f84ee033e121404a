/// The body of a request that may be of any size, piece by piece from its connection to whoever takes it.
/// What waits in between is bounded: the connection is not read further meanwhile. Loop thread only.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace spawnd::daemon::http {

class BodyStream {
 public:
  /// The last piece may be empty. `error`: nothing follows, and what came is not the whole body.
  struct Piece {
    std::string bytes;
    bool last = false;
    std::optional<Error> error;
  };

  /// `wanted`: more may be received. Called on the loop thread, not from within Offer.
  explicit BodyStream(std::function<void()> wanted) : wanted_(std::move(wanted)) {}
  BodyStream(const BodyStream&) = delete;
  BodyStream& operator=(const BodyStream&) = delete;

  // Whoever takes it.
  /// Calls `take` once with the next piece of some hundred kilobytes, or the last one, perhaps at once.
  void Next(std::function<void(Piece)> take);

  // The connection.
  void Offer(std::string_view bytes);
  void Finish();
  /// Not after Finish.
  void Break(Error why);
  bool Asked() const { return asked_; }  ///< somebody takes it
  bool Full() const;

 private:
  void Deliver();

  const std::function<void()> wanted_;
  std::function<void(Piece)> take_;
  std::string waiting_;
  bool asked_ = false;
  bool ended_ = false;
  std::optional<Error> broken_;
};

}  // namespace spawnd::daemon::http
