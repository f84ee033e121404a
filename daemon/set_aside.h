/// What a start of the daemon does about things that its catalog does not know. They are newer than a catalog
/// that was put back from a copy, or somebody's only copy, so nothing of them is deleted and nothing that
/// runs is ended:
///
///   a container that runs  gets its row again, and its image too, as their manifests say; without one, or
///   when
///                          its name is somebody's by now, a row of what its keeper knows, when its image is
///                          known; else it is left alone, and all images that are not known with it: it
///                          stands on one of them
///   all else               goes to lost+found (daemon/store/lost_and_found.h)
///
/// and each is named in a warning. What the catalog knows and misses is taken back from there first, so that
/// with the right catalog all is as it was.
///
/// Loop thread, at a start, before anything is made. Each step is durable by itself; a start that was cut
/// short is finished by the next.
#pragma once

#include "base/result.h"

namespace spawnd::daemon {

class Catalog;
class StoreLayout;

Result<void> TakeBackWhatIsKnown(const StoreLayout& layout, Catalog& catalog);
Result<void> SetAsideWhatIsUnknown(const StoreLayout& layout, Catalog& catalog);

}  // namespace spawnd::daemon
