/// What of old values is elsewhere than in the tables that were masked, and what does not fit them any more.
/// Used by one thread at a time.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engines/mask/mask.h"
#include "engines/postgresql/mask/find.h"

namespace spawnd::engines::postgresql {

/// kInvalidArgument for a database in which functions, operators, casts or types of the server itself are not
/// its own any more: nothing that is asked of them would be true.
Result<void> ExpectServersOwn(const RunSql& run);

/// kInvalidArgument for a server on which old rows would outlive what rewrites their tables: whoever else
/// looks at them is sent away first.
Result<void> ExpectNobodyElse(const RunSql& run);

/// kInvalidArgument for a foreign key of or to a masked column that does not hold any more.
Result<void> CheckForeignKeys(const RunSql& run, const std::vector<MaskedTable>& tables,
                              const std::vector<MaskRule>& rules);

/// Makes what is materialized of the database's tables anew, and has the server forget what it knows of its
/// columns' values (which is gathered again before the image is sealed).
Result<void> RenewWhatWasMadeOfThem(const RunSql& run);

/// Has the server begin a new segment of its log and give up those before. kUnsupported when it keeps some.
Result<void> GiveUpLog(const RunSql& run);

}  // namespace spawnd::engines::postgresql
