/// What statements of a backup are not for a copy of the server they come from, and what becomes of them:
/// they are left out or changed, with a warning that says so. About roles that are spawnd's own here,
/// tablespaces, subscriptions, databases that let nobody in, and grants in the words of a newer server.
///
/// For statements as tools write them; what a backup does in other ways is looked at when all of it is there
/// (settling.h). Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engines/postgresql/create_database.h"

namespace spawnd::engines::postgresql {

struct StatementRules {
  DatabaseWishes wishes{};
  std::vector<std::string> own_roles{};  ///< which the backup has no say in
  /// Errors are passed over, so that the table of a COPY may be missing (copy_guard.h).
  bool goes_on = false;
  std::function<bool(const std::string&)> locale_exists = LocaleExists;
};

struct RuledStatement {
  std::string sql;                    ///< as it came, or in its place; line breaks are where they were
  std::vector<std::string> warnings;  ///< each for itself the same for all statements of its kind
};

/// Whether a statement may need a look, by its first words in upper case as far as they are known: `second`
/// and `third` may be empty yet.
bool MayBeRuled(std::string_view first, std::string_view second);

/// `sql`: one statement that MayBeRuled, with its semicolon.
RuledStatement ApplyRules(std::string_view sql, const StatementRules& rules);

}  // namespace spawnd::engines::postgresql
