/// One sealed image as an export file: its bytes from anywhere on, always the same ones for the same image.
///
/// A layer goes as it is when the image uses all of it. What the image uses of other layers is gathered into
/// one new layer: the rest of them belongs to other images, which whoever may read this one may not be
/// allowed to see (docs/adr/0010-an-image-travels-as-one-file.md). So the index is written anew where
/// there is such a layer.
///
/// Nothing is written to disk; memory is a few megabytes. For one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "storage/image/index_reader.h"
#include "storage/image/layer_reader.h"
#include "storage/transfer/export_format.h"
#include "storage/transfer/layer_use.h"

namespace spawnd::storage {

class ImageExport {
 public:
  /// Takes the bytes as they come; an error ends the export with it.
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;

  /// Reads the whole index. `description` goes into the head. Errors as Image::Open.
  static Result<std::unique_ptr<ImageExport>> Open(FileSystem& fs, const std::string& index_path,
                                                   const std::string& layer_directory,
                                                   std::string description);
  uint64_t FileBytes() const { return head_.FileBytes(); }
  /// The file from byte `from` on, at most FileBytes(). Every chunk and table that is not passed on as it is
  /// has its checksum checked; parts that are passed on as they are, are the reader's to check.
  Result<void> Write(uint64_t from, const Sink& sink);

 private:
  class Framing;
  ImageExport() = default;
  Result<void> OpenLayers(FileSystem& fs, const std::string& layer_directory);
  Result<void> PlanParts(std::string description);
  Result<void> PlanGathered();
  std::string GatheredId() const;
  Result<void> WriteAsItIs(Framing& framing, File& file, uint64_t bytes) const;
  Result<void> WriteGathered(Framing& framing);
  Result<void> WriteIndex(Framing& framing);
  template <typename Visitor>
  Result<void> ForEachChunk(Visitor&& visitor);

  std::unique_ptr<File> index_file_;
  uint64_t index_bytes_ = 0;
  std::unique_ptr<IndexReader> index_;
  IndexUse use_;
  std::vector<std::unique_ptr<File>> layer_files_;
  std::vector<std::unique_ptr<LayerReader>> layers_;
  std::vector<bool> whole_;                 ///< by ordinal
  std::vector<LayerReference> new_layers_;  ///< of the index that is written anew, if one is
  bool gathers_ = false;
  ExportHead head_;
  std::vector<std::byte> head_bytes_;
};

}  // namespace spawnd::storage
