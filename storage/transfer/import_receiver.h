/// Takes the bytes of an export file as they come and puts its parts, without the frames around them, into a
/// folder of their own: "<id>.layer", "image.index", and "head" with what the file said of itself.
///
/// Every frame is checked before a byte of it is written. What has been received stays, and whoever is given
/// the same file goes on from there, also another process: a part's length says how much of it is there. That
/// counts in the same boot only; nothing is synced here, so after another one it is begun anew.
///
/// Nobody is trusted: not the bytes, not that they end. For one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/transfer/export_format.h"

namespace spawnd::storage {

inline constexpr std::string_view kImportedIndex = "image.index";
inline constexpr std::string_view kImportHeadFile = "head";

class ImportReceiver {
 public:
  /// `head`: the file's first bytes, all of its head. `folder` is made when it is missing; what another file
  /// or another boot left there is removed.
  static Result<std::unique_ptr<ImportReceiver>> Begin(FileSystem& fs, const std::string& folder,
                                                       std::span<const std::byte> head);
  /// Goes on with a folder that Begin has made in this boot. kNotFound.
  static Result<std::unique_ptr<ImportReceiver>> Continue(FileSystem& fs, const std::string& folder);

  const ExportHead& Head() const { return head_; }
  /// The byte of the file that is wanted next.
  uint64_t Offset() const { return place_end_ + pending_.size(); }
  /// kCorrupt, naming the bytes, for what is not what was exported; nothing of it has been kept then.
  Result<void> Append(std::span<const std::byte> bytes);
  /// All of it came, its end too.
  bool Complete() const { return complete_; }

 private:
  ImportReceiver(FileSystem& fs, std::string folder, ExportHead head)
      : fs_(fs), folder_(std::move(folder)), head_(std::move(head)) {}
  /// Sets where to go on by the lengths of the parts.
  Result<void> FindPlace();
  size_t Wanted() const;
  Result<void> TakePending();
  std::string PathOf(size_t part) const;

  FileSystem& fs_;
  const std::string folder_;
  const ExportHead head_;
  FramePlace place_;
  uint64_t place_end_ = 0;  ///< offset of what begins pending_
  std::vector<std::byte> pending_;
  std::unique_ptr<File> file_;  ///< of place_.part, once something was written
  bool complete_ = false;
};

}  // namespace spawnd::storage
