/// From what a request says of a data source to its row, with all that can be said against it. Pure but for
/// the time of day.
#pragma once

#include <cstdint>
#include <string>

#include "api/source/types.h"
#include "base/result.h"
#include "daemon/catalog/rows.h"
#include "engines/engine.h"
#include "engines/standby/recipe.h"

namespace spawnd::daemon {

/// How servers of a product are followed. kUnsupported: they are not.
Result<const engines::StandbyRecipe*> RecipeOf(const engines::Engine& engine);

/// Without an id, an owner and times. kInvalidArgument, kUnsupported.
Result<SourceRow> RowOf(const api::CreateDataSourceRequest& wanted);
/// kInvalidArgument.
Result<SourceChange> ChangeOf(const api::UpdateDataSourceRequest& wanted, const SourceRow& before);

/// "2026-11-28 03:00:00 CET", for logs that people read.
std::string NowInWords(int64_t now);

}  // namespace spawnd::daemon
