#include "engines/restore_options.h"

#include <string>

namespace spawnd::engines {
namespace {

Result<void> Refuse(std::string_view key, std::string_view product, std::string_view hint) {
  return Fail(ErrorCode::kUnsupported, "'" + std::string(key) + "' means nothing to " + std::string(product),
              hint.empty() ? "Leave it out." : std::string(hint));
}

}  // namespace

Result<void> RefuseOptions(const RestoreOptions& options, std::string_view product, const KnownOptions& known,
                           std::string_view why_no_skipping) {
  if (!options.locale.empty() && !known.locale) return Refuse("locale", product, "");
  if (!options.encoding.empty() && !known.encoding) return Refuse("encoding", product, "");
  if (!options.skip_extensions.empty() && !known.skip_extensions) {
    return Refuse("skipExtensions", product, why_no_skipping);
  }
  if (known.parts) return {};
  constexpr std::string_view kNoParts = "A backup of it is restored as a whole: leave it out.";
  if (options.schema_only) return Refuse("schemaOnly", product, kNoParts);
  if (!options.tables.empty()) return Refuse("tables", product, kNoParts);
  if (!options.exclude_tables.empty()) return Refuse("excludeTables", product, kNoParts);
  if (!options.exclude_data.empty()) return Refuse("excludeData", product, kNoParts);
  return {};
}

}  // namespace spawnd::engines
