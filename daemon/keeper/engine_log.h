/// What a container's engine prints: a pipe, whose other end the keeper reads into "engine.log". The log
/// begins anew when it is kEngineLogBytes long; what it held is then in "engine.log.1". An engine that has
/// the file itself could fill the host's disk with it, or empty it.
///
/// Calls come from the keeper's main thread; a thread of its own reads the pipe, so that an engine never
/// waits for long. What was read survives the keeper's end; what still is in the pipe goes with it. Nothing
/// is synced.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

inline constexpr int64_t kEngineLogBytes = int64_t{8} << 20;

class EngineLog {
 public:
  /// Opens or makes the log at `path`. Starts no thread, so that the caller can still fork.
  static Result<std::unique_ptr<EngineLog>> Open(std::string path);
  EngineLog(const EngineLog&) = delete;
  EngineLog& operator=(const EngineLog&) = delete;
  ~EngineLog();

  /// The engine's end of the pipe, until Serve closes it here: whoever writes has a copy.
  int Writer() const { return writer_.Get(); }
  /// Has `seen` called each time that the engine has printed `words`, from the thread that reads; it must not
  /// ask this log. Before Serve.
  void Notice(std::string_view words, std::function<void()> seen);
  /// Starts to read, until all copies of the writer are closed.
  Result<void> Serve();

  /// Forgets what has been printed so far: Tail begins here.
  void Mark();
  /// The last `limit` bytes, at most kTailBytes, of what was printed since Mark.
  std::string Tail(size_t limit);
  /// How many bytes were printed since Open.
  uint64_t Printed();

  static constexpr size_t kTailBytes = size_t{16} << 10;

 private:
  EngineLog(std::string path, UniqueFd file, int64_t size, UniqueFd reader, UniqueFd writer)
      : path_(std::move(path)),
        file_(std::move(file)),
        size_(size),
        reader_(std::move(reader)),
        writer_(std::move(writer)) {}
  void Run();
  /// Takes what is in the pipe; false at its end.
  bool Drain();
  void Keep(std::string_view bytes);
  void BeginAnew();

  struct Notable {
    std::string words;
    std::function<void()> seen;
  };

  const std::string path_;
  std::vector<Notable> notables_;
  std::mutex mutex_;
  UniqueFd file_;
  int64_t size_ = 0;
  UniqueFd reader_;
  UniqueFd writer_;
  UniqueFd stop_;  ///< an eventfd
  std::string tail_;
  uint64_t printed_ = 0;
  std::thread thread_;
};

}  // namespace spawnd::daemon
