#include "engines/postgresql/libraries.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "engines/postgresql/postgresql_engine.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr std::string_view kLibraryFolder = "$libdir/";

/// Extensions whose package, beside those of the server, is not called after them.
struct Packaged {
  std::string_view extension;
  std::string_view package;  ///< behind "postgresql-15-"
};
constexpr std::array kPackages{
    Packaged{"vector", "pgvector"},
    Packaged{"postgis", "postgis-3"},
    Packaged{"postgis_raster", "postgis-3"},
    Packaged{"postgis_topology", "postgis-3"},
    Packaged{"pg_cron", "cron"},
    Packaged{"pg_partman", "partman"},
    Packaged{"pg_repack", "repack"},
    Packaged{"pg_hint_plan", "pg-hint-plan"},
};

/// Those of the server's own package. Others are there without being named: this is for a hint.
constexpr std::array<std::string_view, 12> kOfServer{
    "btree_gin", "btree_gist",         "citext",       "hstore",   "ltree",    "pg_buffercache", "pg_trgm",
    "pgcrypto",  "pg_stat_statements", "postgres_fdw", "unaccent", "uuid-ossp"};

std::string HintFor(const Installation& installation, const UsedLibrary& library) {
  const std::string debian = "/usr/lib/postgresql/";
  if (!installation.root.starts_with(debian)) return "";
  std::string package = "postgresql-" + installation.root.substr(debian.size());
  if (std::find(kOfServer.begin(), kOfServer.end(), library.name) == kOfServer.end()) {
    std::string name = library.name;
    std::replace(name.begin(), name.end(), '_', '-');
    for (const Packaged& one : kPackages) {
      if (one.extension == library.name) name = one.package;
    }
    package += "-" + name;
  }
  return "It may be in the package `" + package + "`.";
}

}  // namespace

std::string LibrariesOfDatabase() {
  constexpr const char* kAll = R"sql(
    SELECT line FROM (
      SELECT e.extname || pg_catalog.chr(9) || e.extversion || pg_catalog.chr(9) || p.probin AS line
      FROM pg_catalog.pg_extension e
      JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
        AND d.refobjid = e.oid AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
      JOIN pg_catalog.pg_proc p ON p.oid = d.objid
      WHERE p.probin IS NOT NULL AND e.extname <> 'plpgsql'
      UNION
      SELECT pg_catalog.regexp_replace(p.probin, '^.*/', '') || pg_catalog.chr(9) || pg_catalog.chr(9) || p.probin
      FROM pg_catalog.pg_proc p
      WHERE p.probin IS NOT NULL AND p.oid >= 16384 AND NOT EXISTS (
        SELECT 1 FROM pg_catalog.pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e'
          AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass)
    ) AS used ORDER BY 1 LIMIT )sql";
  return kAll + std::to_string(kMaxUsedLibraries);
}

std::string LibrariesOfServer() {
  return R"sql(
    SELECT pg_catalog.regexp_replace(name, '^.*/', '') || pg_catalog.chr(9) || pg_catalog.chr(9) ||
      CASE WHEN name LIKE '%/%' THEN name ELSE '$libdir/' || name END
    FROM (SELECT pg_catalog.btrim(part, ' "') AS name FROM pg_catalog.regexp_split_to_table(
      pg_catalog.current_setting('shared_preload_libraries') || ',' ||
      pg_catalog.current_setting('session_preload_libraries') || ',' ||
      pg_catalog.current_setting('local_preload_libraries'), ',') AS part) AS loaded
    WHERE name <> '')sql";
}

/// `plpgsql`, which every installation has, shows where it keeps the others.
std::vector<MissingLibrary> PostgresqlEngine::MissingLibraries(const Installation& installation,
                                                               const std::vector<UsedLibrary>& used) const {
  std::vector<std::string> folders;
  for (const char* below : {"/lib", "/lib/postgresql", "/lib/pgsql", "/lib64/pgsql", "/lib64"}) {
    folders.push_back(installation.root + below);
  }
  const std::string folder = FolderWith(folders, "plpgsql.so");
  if (folder.empty()) return {};
  std::vector<MissingLibrary> missing;
  for (const UsedLibrary& library : used) {
    if (!library.file.starts_with(kLibraryFolder)) continue;
    const std::string path = folder + "/" + library.file.substr(kLibraryFolder.size());
    if (::access(path.c_str(), F_OK) == 0 || ::access((path + ".so").c_str(), F_OK) == 0) continue;
    missing.push_back({library, HintFor(installation, library)});
  }
  return missing;
}

}  // namespace spawnd::engines::postgresql
