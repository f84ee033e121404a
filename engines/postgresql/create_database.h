/// `CREATE DATABASE` statements of a dump, and the locales that they ask for. Pure apart from asking the
/// host's C library; safe from any thread.
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
  std::string database;               ///< its name, unquoted
  std::string replacement;            ///< "C.UTF-8" or "C"
  std::vector<std::string> replaced;  ///< locales that the host lacks, each once; empty: sql is as it came
};

/// Puts C.UTF-8 (C for a database whose encoding is not UTF8, or on a host without C.UTF-8) in the place of
/// every LC_COLLATE, LC_CTYPE and LOCALE that `exists` denies. Newlines stay where they are, so that line
/// numbers do too.
RewrittenStatement ReplaceMissingLocales(
    std::string_view sql, const std::function<bool(const std::string&)>& exists = LocaleExists);

/// What to tell the user about one of `replaced`.
std::string LocaleWarning(const std::string& locale, const RewrittenStatement& statement);

}  // namespace spawnd::engines::postgresql
