/// `CREATE DATABASE` statements of a dump: the locales that they ask for, and what else of them this host or
/// this version of the server does not have. Pure apart from asking the host's C library; safe from any
/// thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace spawnd::engines::postgresql {

/// True when the host's C library has the locale, which is what the server will ask it for.
bool LocaleExists(const std::string& name);

struct RewrittenStatement {
  std::string sql;
  std::string afterwards;             ///< what is to be run behind it; usually empty
  std::string database;               ///< its name, unquoted
  std::string replacement;            ///< "C.UTF-8" or "C"
  std::vector<std::string> replaced;  ///< locales that the host lacks, each once
  std::vector<std::string> warnings;  ///< of all that is not as the statement says
};

/// How a database is to be made in spite of what a backup says. Empty words: as that says.
struct DatabaseWishes {
  std::string locale{};
  std::string encoding{};
  int server_major = 0;  ///< 0: whatever is written is known to the server
};

/// Puts C.UTF-8 (C for a database whose encoding is not UTF8, or on a host without C.UTF-8) in the place of
/// every LC_COLLATE, LC_CTYPE and LOCALE that `exists` denies. Takes out what would keep the database from
/// being made here: a tablespace, an owner who may not be there (who is set afterwards), a limit that lets
/// nobody in, locale providers that the server is too old for. Newlines stay where they are, so that line
/// numbers do too.
RewrittenStatement RewriteCreateDatabase(
    std::string_view sql, const DatabaseWishes& wishes,
    const std::function<bool(const std::string&)>& exists = LocaleExists);

/// The statement that makes `database` with the encoding and the locales of another's (`sql`; empty: the
/// server's own, and what is wished for). Nothing else of that comes along. Empty: nothing is asked for.
RewrittenStatement CreateDatabaseLike(std::string_view sql, const std::string& database,
                                      const DatabaseWishes& wishes,
                                      const std::function<bool(const std::string&)>& exists = LocaleExists);

/// The first statement of a text that makes `database`, begun on a line of its own; empty: none does.
std::string FindStatementFor(std::string_view text, const std::string& database);

/// What to tell the user about one of `replaced`.
std::string LocaleWarning(const std::string& locale, const RewrittenStatement& statement);

/// Where `wishes` change nothing: `database`, into which a backup goes that makes none, is there before it.
/// Empty words otherwise.
std::string UselessWishes(const DatabaseWishes& wishes, const std::string& database);

/// What is said once of all tablespaces of a backup.
inline constexpr const char* kTablespaceWarning =
    "tablespaces are folders of the machine that the backup comes from; everything is in the default one";

}  // namespace spawnd::engines::postgresql
