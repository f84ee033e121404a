/// The volumes of one container. It begins in "", whose files lie in its own folder; a reset that takes a
/// spare leaves it in another, "v<number>" (docs/adr/0012-a-spare-has-a-volume-of-its-own.md). A volume stays
/// for as long as the container is in it or a revision of its. What it lies on is said by the file "ground"
/// in its folder; where there is none, it is the image:
///
///   rev.7 v3    revision 7, which is held by volume v3 of the same container
///   rev.7       the same, held by the volume in the container's own folder
///
/// A checked text (daemon/store/checked_text.h), written before anything else of the volume and never
/// changed. Safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/rows.h"
#include "daemon/store/layout.h"
#include "storage/volume_values.h"

namespace spawnd::daemon {

/// A new name, "v384726153", which no volume of any container has or has had: an older catalog that was put
/// back must not take another volume for the one that it names.
std::string NewVolumeName();
/// The number in such a name, 0 for any other.
uint32_t VolumeNumber(std::string_view name);

/// A revision of a container and which of its volumes holds it.
struct HeldRevision {
  uint32_t number = 0;
  std::string volume;
};

/// All volumes of a container that have a folder, "" first whether it has one or not.
std::vector<std::string> VolumesOf(const StoreLayout& layout, int64_t id);

/// The volume that a container is in as far as its files tell, for one whose row names a volume with nothing
/// in it: an older catalog was put back. Else what the row says.
std::string FoundVolumeOf(const StoreLayout& layout, const ContainerRow& row);

/// Makes the folder of a volume that lies on `ground`, none: on the image. Durable when it returns. Errors:
/// kNoSpace, kIo.
Result<void> MakeVolume(const StoreLayout& layout, int64_t id, const std::string& volume,
                        const std::optional<HeldRevision>& ground);
/// Removes a volume that nobody has open, and of "" what its keeper had beside it. One that is missing is no
/// error.
Result<void> RemoveVolume(const StoreLayout& layout, int64_t id, const std::string& volume);

/// What lies on `held` lies on, one after the other down to the image: that revision itself, then what its
/// volume lies on. Errors: kNotFound, kCorrupt, kIo.
Result<std::vector<storage::RevisionReference>> GroundOn(const StoreLayout& layout, int64_t id,
                                                         const HeldRevision& held);
/// The same of a volume; empty: it lies on the image itself.
Result<std::vector<storage::RevisionReference>> GroundOf(const StoreLayout& layout, int64_t id,
                                                         const std::string& volume);

/// Of a new volume: a read of a block that nobody above has written looks into each of them. Where one more
/// would be too many, a reset takes the volume back in its place.
inline constexpr size_t kMostRevisionsBelow = 8;

}  // namespace spawnd::daemon
