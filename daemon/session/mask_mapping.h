/// JSON of the rules of a mask, on their way to the process that carries them out (daemon/keeper/protocol.h,
/// daemon/session/protocol.h). Both ends are forks of one program.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "api/mapping.h"
#include "engines/mask/mask.h"

namespace spawnd::engines {

inline constexpr std::array<std::pair<MaskKind, std::string_view>, 6> kMaskKindNames{
    {{MaskKind::kNull, "null"},
     {MaskKind::kConstant, "constant"},
     {MaskKind::kHash, "hash"},
     {MaskKind::kPartial, "partial"},
     {MaskKind::kShuffle, "shuffle"},
     {MaskKind::kSql, "sql"}}};
constexpr const auto& NamesOf(MaskKind) {
  return kMaskKindNames;
}

void Describe(auto& visit, api::Is<MaskRule> auto& x) {
  visit.Field("database", x.database);
  visit.Field("table", x.table);
  visit.Field("column", x.column);
  visit.Field("kind", x.kind);
  visit.Field("value", x.value);
  visit.Field("keepFirst", x.keep_first);
  visit.Field("keepLast", x.keep_last);
  visit.Field("with", x.with);
  visit.Field("expression", x.expression);
  visit.Field("where", x.where);
  visit.Field("name", x.name);
}

}  // namespace spawnd::engines
