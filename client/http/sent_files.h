/// Files and folders that go before a request to where descriptors cannot go: through ssh, from spawnctl to
/// the `spawnctl dial-stdio` that is started there. Each file travels as pieces, four bytes of length (big
/// endian) and as many bytes, and a piece of length zero ends it; a folder is what tar(1) makes of it. On the
/// other side they lie in a folder of that user's, until the connection ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::client {

/// A letter for each: f a file, d a folder. kInvalidArgument for anything else.
Result<std::string> KindsOf(const std::vector<int>& files);

/// Sends them all. `cancel_fd` readable: kCancelled. Errors: kIo of a file, kUnavailable of the connection.
Result<void> SendFiles(int connection, const std::vector<int>& files, int cancel_fd);

/// Where they were received. Goes with all that is in it.
class ReceivedFiles {
 public:
  ReceivedFiles() = default;
  ReceivedFiles(const ReceivedFiles&) = delete;
  ReceivedFiles& operator=(const ReceivedFiles&) = delete;
  ~ReceivedFiles();

  /// Reads from `connection` what `kinds` says. Errors: kIo, kNoSpace, kInvalidArgument, kUnavailable (it
  /// ended too early).
  Result<void> Receive(int connection, std::string_view kinds);
  std::vector<int> Descriptors() const;

 private:
  Result<UniqueFd> ReceiveFile(int connection);
  Result<UniqueFd> ReceiveFolder(int connection, size_t number);
  Result<void> MakeFolder();

  std::string folder_;  ///< empty: none yet
  std::vector<UniqueFd> files_;
};

}  // namespace spawnd::client
