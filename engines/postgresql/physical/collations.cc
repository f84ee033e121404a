#include "engines/postgresql/physical/collations.h"

#include <algorithm>

namespace spawnd::engines::postgresql {
namespace {

/// Locales whose order is that of the bytes wherever one is. `locale` is an expression.
std::string IsOfBytes(const std::string& locale) {
  return "coalesce(" + locale + ", '') ~ '^(C|POSIX)($|[.])'";
}

/// What of two versions, expressions of text, is to be said. `library` is another.
std::string Comparison(const std::string& library, const std::string& recorded, const std::string& actual) {
  return "(CASE WHEN " + recorded + " IS NULL THEN ' of ' || " + library +
         " || ', and no version of it is recorded' ELSE ' of ' || " + library + " || ' ' || " + recorded +
         " END) || coalesce(' (here it is ' || " + actual + " || ')', '')";
}

constexpr const char* kRemedy =
    ": indexes may be in another order than this machine''s, so that look-ups miss rows. Unless the backup "
    "is "
    "of such a system as this, say `postScript: reindex database ";

std::string OfDatabases(int major) {
  const bool recorded = major >= 15;
  const std::string provider = recorded ? "d.datlocprovider" : "'c'";
  std::string locale = "d.datcollate::text";
  if (recorded) {
    locale = "(CASE WHEN d.datlocprovider = 'c' THEN d.datcollate ELSE " +
             std::string(major >= 17 ? "d.datlocale" : "d.daticulocale") + " END)";
  }
  const std::string version = recorded ? "d.datcollversion" : "NULL::text";
  const std::string actual =
      recorded ? "pg_catalog.pg_database_collation_actual_version(d.oid)" : "NULL::text";
  const std::string library = "(CASE " + provider + " WHEN 'i' THEN 'ICU' ELSE 'the C library' END)";
  return "SELECT 'database ''' || d.datname || ''' sorts by ' || " + locale + " || " +
         Comparison(library, version, actual) + " || '" + kRemedy +
         "' || pg_catalog.quote_ident(d.datname) || '`.' AS " + kWarningColumn +
         " FROM pg_catalog.pg_database d WHERE d.datallowconn AND NOT d.datistemplate AND " + provider +
         " IN ('c', 'i') AND NOT (" + provider + " = 'c' AND " + IsOfBytes(locale) + ") AND (" + version +
         " IS NULL OR " + version + " IS DISTINCT FROM " + actual + ") LIMIT 100";
}

/// In bytes as octal escapes, because a name may have any character.
constexpr const char* kNames =
    R"sql(SELECT (SELECT pg_catalog.string_agg('\0' || ((pg_catalog.get_byte(n.b, i) >> 6) & 7) ||
 ((pg_catalog.get_byte(n.b, i) >> 3) & 7) || (pg_catalog.get_byte(n.b, i) & 7), '' ORDER BY i)
 FROM pg_catalog.generate_series(0, pg_catalog.length(n.b) - 1) i) AS spawnd_database
 FROM (SELECT pg_catalog.convert_to(datname::text, pg_catalog.getdatabaseencoding()) AS b
 FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate LIMIT 100) n)sql";

std::string OfIndexes(int major) {
  const std::string locale = major >= 17   ? "coalesce(c.colllocale, c.collcollate::text)"
                             : major >= 15 ? "coalesce(c.colliculocale, c.collcollate)"
                                           : "c.collcollate::text";
  const std::string actual = "pg_catalog.pg_collation_actual_version(c.oid)";
  const std::string library = "(CASE c.collprovider WHEN 'i' THEN 'ICU' ELSE 'the C library' END)";
  return "SELECT 'indexes of database ''' || pg_catalog.current_database() || ''' sort by collation ''' || "
         "c.collname || ''', ' || " +
         locale + " || " + Comparison(library, "c.collversion", actual) + " || '" + kRemedy +
         "' || pg_catalog.quote_ident(pg_catalog.current_database()) || '`.' AS " + kWarningColumn +
         " FROM pg_catalog.pg_collation c WHERE c.collprovider IN ('c', 'i') AND NOT (c.collprovider = 'c' "
         "AND " +
         IsOfBytes(locale) + ") AND (c.collversion IS NULL OR c.collversion IS DISTINCT FROM " + actual +
         ") AND EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid >= 16384 AND "
         "c.oid = ANY (i.indcollation::pg_catalog.oid[])) LIMIT 20";
}

}  // namespace

std::string InOneLine(std::string_view sql) {
  std::string line(sql);
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

CollationQueries QueriesForCollations(int major) {
  return {InOneLine(OfDatabases(major)) + "\n" + InOneLine(kNames), InOneLine(OfIndexes(major))};
}

const char* const kCollationScript = R"sh(
set -uf
databases=$1 indexes=$2
shift 2
said=$(printf '%s\n' "$databases" | "$@" template1 2>/dev/null)
printf '%s\n' "$said" | grep spawnd_warning
for name in $(printf '%s\n' "$said" | sed -n 's/^.*spawnd_database = "\([^"]*\)".*$/\1/p'); do
  printf '%s\n' "$indexes" | "$@" "$(printf '%b' "$name")" 2>/dev/null | grep spawnd_warning
done
exit 0
)sh";

}  // namespace spawnd::engines::postgresql
