/// The groups of rows there are; one file each.
#pragma once

#include "tests/bench/context.h"
#include "tests/bench/row.h"

namespace spawnd::bench {

RowGroup CreateGroup(Context& context);
RowGroup EnginesGroup(Context& context);
RowGroup ManyGroup(Context& context);
RowGroup PoolGroup(Context& context);
RowGroup PgbenchGroup(Context& context);
RowGroup SpaceGroup(Context& context);
RowGroup MemoryGroup(Context& context);
RowGroup RevisionsGroup(Context& context);
RowGroup ChainGroup(Context& context);
RowGroup PeersGroup(Context& context);
RowGroup StandbyGroup(Context& context);

}  // namespace spawnd::bench
