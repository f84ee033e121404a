#include "daemon/containers/full_volume.h"

#include "base/file.h"
#include "daemon/keeper/client.h"
#include "daemon/store/disk.h"
#include "storage/image/index_reader.h"

namespace spawnd::daemon {
namespace {

/// A server asks for some megabytes at a time.
constexpr uint64_t kFullBytes = uint64_t{8} << 20U;

}  // namespace

std::string FullVolumeInWords(const StoreLayout& layout, const ContainerRow& row, const ImageRow& image,
                              int64_t written_bytes) {
  if (row.state != ContainerState::kRunning) return {};
  const auto index = storage::IndexReader::Open(PosixFileSystem(), layout.Images() + "/" + image.index_file);
  if (!index) return {};
  const uint64_t volume_bytes = (*index)->VolumeBytes();
  // Most have written little, and need not be asked. What is counted is without zeros, which fill a server's
  // log and take no slots.
  const auto counted = static_cast<uint64_t>(image.data_bytes) + static_cast<uint64_t>(written_bytes);
  if (counted < volume_bytes / 4) return {};
  const auto keeper = KeeperClient::Attach(layout.Volume(row.id, row.volume));
  const auto room = keeper ? (*keeper)->MeasureVolume() : Fail(keeper.error());
  if (!room || room->free_bytes >= kFullBytes) return {};
  return "its volume of " + SizeInWords(volume_bytes) +
         " is full; raise volumeSize in spawnd.yaml and make its image again for more room";
}

}  // namespace spawnd::daemon
