#include "engines/postgresql/least_privilege.h"

#include <utility>

#include "engines/postgresql/accounts.h"

namespace spawnd::engines::postgresql {
namespace {

/// What the rest speaks of. Strong are the bootstrap superuser, whose number is 10, and the role that
/// keepers log in as, mostly the same one. What initdb made has numbers below 16384. An extension's objects:
/// the administrator's program made them, not a backup's author.
constexpr const char* kDatabaseNames = R"sql(
WITH owner AS (SELECT oid, quote_ident(rolname) AS name FROM pg_roles WHERE rolname = $OWNER),
superuser AS (SELECT quote_ident(rolname) AS name FROM pg_roles WHERE rolname = $SUPERUSER),
strong AS (SELECT oid FROM pg_roles WHERE oid = 10 OR rolname = $SUPERUSER),
member AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
part AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'i'
  UNION SELECT classid, objid FROM pg_depend
        WHERE deptype = 'a' AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
          AND objid IN (SELECT oid FROM pg_class WHERE relkind = 'S')),
privileged AS (SELECT p.oid FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
  WHERE NOT l.lanpltrusted AND p.oid >= 16384 AND p.oid NOT IN (SELECT aggfnoid FROM pg_aggregate)
    AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM member)
    AND ('pg_proc'::regclass, p.oid) NOT IN (SELECT classid, objid FROM part)),
fires AS (SELECT evtfoid AS oid FROM pg_event_trigger),
owned AS (
  SELECT 'pg_class'::regclass AS classid, oid AS objid FROM pg_class
    WHERE relowner IN (SELECT oid FROM strong) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE proowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE typowner IN (SELECT oid FROM strong) AND (typrelid = 0 OR c.relkind = 'c')
  UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE opcowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily WHERE opfowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_conversion'::regclass, oid FROM pg_conversion WHERE conowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation WHERE collowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_ts_dict'::regclass, oid FROM pg_ts_dict WHERE dictowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_ts_config'::regclass, oid FROM pg_ts_config WHERE cfgowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext WHERE stxowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_foreign_server'::regclass, oid FROM pg_foreign_server WHERE srvowner IN (SELECT oid FROM strong)
  UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication WHERE pubowner IN (SELECT oid FROM strong) AND NOT puballtables
  UNION ALL SELECT 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata WHERE lomowner IN (SELECT oid FROM strong)),
statements (place, statement) AS ()sql";

/// 1: owners. Of an extension the owner gets what holds data, and functions that run with their owner's
/// rights; all its other functions are the superuser's, as those are that CREATE EXTENSION makes for others.
/// Functions in a language that reaches files are nobody else's, nor what event triggers run.
constexpr const char* kOwners = R"sql(
SELECT 1, format('ALTER %s %s OWNER TO %s', CASE i.type WHEN 'statistics object' THEN 'statistics'
    WHEN 'aggregate' THEN $AGGREGATE WHEN 'function' THEN $ROUTINE WHEN 'procedure' THEN 'routine' ELSE i.type END,
    i.identity, owner.name)
  FROM owner, owned, pg_identify_object(owned.classid, owned.objid, 0) AS i
  WHERE (owned.objid >= 16384 OR i.type = 'large object' OR i.type = 'schema' AND i.identity = 'public')
    AND (owned.classid, owned.objid) NOT IN (SELECT classid, objid FROM part)
    AND ((owned.classid, owned.objid) NOT IN (SELECT classid, objid FROM member)
      OR owned.classid IN ('pg_class'::regclass, 'pg_namespace'::regclass)
      OR owned.classid = 'pg_proc'::regclass AND (SELECT prosecdef FROM pg_proc WHERE oid = owned.objid))
    AND (owned.classid <> 'pg_proc'::regclass
      OR owned.objid NOT IN (SELECT oid FROM privileged UNION SELECT oid FROM fires))
UNION ALL
SELECT 1, format('ALTER %s %s OWNER TO %s', $ROUTINE, p.oid::regprocedure, superuser.name)
  FROM superuser, pg_proc p WHERE p.proowner NOT IN (SELECT oid FROM strong) AND (p.oid IN (SELECT oid FROM privileged UNION SELECT oid FROM fires)
    OR NOT p.prosecdef AND p.oid NOT IN (SELECT aggfnoid FROM pg_aggregate)
      AND ('pg_proc'::regclass, p.oid) IN (SELECT classid, objid FROM member))
UNION ALL SELECT 1, format('ALTER LANGUAGE %I OWNER TO %s', lanname, superuser.name)
  FROM superuser, pg_language WHERE lanowner NOT IN (SELECT oid FROM strong) AND NOT lanpltrusted
UNION ALL SELECT 1, format('ALTER FOREIGN DATA WRAPPER %I OWNER TO %s', fdwname, superuser.name)
  FROM superuser, pg_foreign_data_wrapper WHERE fdwowner NOT IN (SELECT oid FROM strong)
UNION ALL SELECT 1, format('ALTER EVENT TRIGGER %I OWNER TO %s', evtname, superuser.name)
  FROM superuser, pg_event_trigger WHERE evtowner NOT IN (SELECT oid FROM strong)
UNION ALL SELECT 1, format('ALTER SUBSCRIPTION %I OWNER TO %s', subname, superuser.name)
  FROM superuser, pg_subscription WHERE subowner NOT IN (SELECT oid FROM strong)
    AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database()))sql";

/// 2: what was granted of it. pg_init_privs has what was granted when the server, or an extension, was made.
constexpr const char* kPrivileges = R"sql(
UNION ALL SELECT 2, format('REVOKE ALL ON %s %s FROM %s CASCADE', $ROUTINE, p.oid::regprocedure, g.name)
  FROM pg_proc p, LATERAL (SELECT grantee, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS name
      FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner)))) AS g
  WHERE g.grantee NOT IN (SELECT oid FROM strong UNION SELECT p.proowner) AND (p.oid IN (SELECT oid FROM privileged)
    OR EXISTS (SELECT FROM pg_init_privs a WHERE a.classoid = 'pg_proc'::regclass AND a.objoid = p.oid
               AND g.grantee NOT IN (SELECT grantee FROM aclexplode(a.initprivs))))
UNION ALL SELECT 2, format('ALTER %s %s SECURITY INVOKER', $ROUTINE, p.oid::regprocedure) FROM pg_proc p
  WHERE p.prosecdef AND p.oid IN (SELECT oid FROM privileged UNION SELECT oid FROM fires)
UNION ALL SELECT 2, format('GRANT USAGE ON FOREIGN DATA WRAPPER %I TO %s WITH GRANT OPTION', fdwname, owner.name)
  FROM owner, pg_foreign_data_wrapper
  WHERE NOT EXISTS (SELECT FROM aclexplode(fdwacl) WHERE grantee = owner.oid AND is_grantable)
UNION ALL SELECT 2, format('ALTER FOREIGN DATA WRAPPER %I NO HANDLER', fdwname)
  FROM pg_foreign_data_wrapper w JOIN pg_proc p ON p.oid = w.fdwhandler WHERE p.prosrc = 'file_fdw_handler'
UNION ALL SELECT 2, format('ALTER USER MAPPING FOR %s SERVER %I OPTIONS (DROP password_required)',
    CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END, srvname)
  FROM pg_user_mappings WHERE array_to_string(umoptions, ',') ~ '(^|,)password_required='
UNION ALL SELECT 2, format('ALTER EVENT TRIGGER %I ENABLE', evtname) FROM pg_event_trigger
  WHERE evtenabled IN ('A', 'R')
UNION ALL SELECT 2, format('ALTER SUBSCRIPTION %I DISABLE', subname) FROM pg_subscription
  WHERE subenabled AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
) SELECT statement FROM statements ORDER BY place LIMIT 1000)sql";

/// Whoever cannot be superuser any more had better be no way to one.
constexpr const char* kCluster = R"sql(
WITH owner AS (SELECT oid, quote_ident(rolname) AS name FROM pg_roles WHERE rolname = $OWNER),
superuser AS (SELECT quote_ident(rolname) AS name FROM pg_roles WHERE rolname = $SUPERUSER),
strong AS (SELECT oid, rolname, rolcanlogin FROM pg_roles WHERE oid = 10 OR rolname = $SUPERUSER),
reaching AS (SELECT oid, rolname FROM pg_roles WHERE rolname IN
  ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_create_subscription')),
others AS (SELECT r.oid, quote_ident(rolname) AS name, rolsuper OR rolreplication AS demoted
  FROM pg_roles r, owner WHERE r.oid NOT IN (SELECT oid FROM strong UNION SELECT owner.oid) AND rolname !~ '^pg_'),
statements (place, statement) AS (
SELECT 1, format('ALTER DATABASE %I OWNER TO %s', datname, owner.name) FROM owner, pg_database
  WHERE datdba IN (SELECT oid FROM strong) AND datallowconn AND datname <> 'template0'
UNION ALL SELECT 1, format('ALTER DATABASE %I OWNER TO %s', datname, superuser.name) FROM superuser, pg_database
  WHERE datdba NOT IN (SELECT oid FROM strong) AND NOT datallowconn
UNION ALL SELECT 1, format('ALTER TABLESPACE %I OWNER TO %s', spcname, owner.name) FROM owner, pg_tablespace
  WHERE spcname !~ '^pg_' AND spcowner IN (SELECT oid FROM strong)
UNION ALL SELECT 2, format('REVOKE %I FROM %s$GRANTED_BY CASCADE', reaching.rolname, m.member::regrole$GRANTOR)
  FROM (SELECT oid, rolname FROM reaching UNION SELECT oid, rolname FROM strong) AS reaching JOIN pg_auth_members m ON m.roleid = reaching.oid
UNION ALL SELECT 2, format('REVOKE %s FROM %s$GRANTED_BY CASCADE', owner.name, m.member::regrole$GRANTOR)
  FROM owner JOIN pg_auth_members m ON m.roleid = owner.oid
UNION ALL SELECT 3, format('ALTER ROLE %s NOSUPERUSER NOREPLICATION', name) FROM others WHERE demoted
UNION ALL SELECT 3, format('ALTER ROLE %I NOLOGIN PASSWORD NULL', rolname) FROM strong
  WHERE rolcanlogin AND rolname <> $SUPERUSER
UNION ALL SELECT 4, format('GRANT %s TO %s WITH ADMIN OPTION', others.name, owner.name) FROM others, owner
  WHERE NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = others.oid AND member = owner.oid AND admin_option)
$MORE) SELECT statement FROM statements ORDER BY place LIMIT 1000)sql";

/// Before 16, CREATEROLE lets its bearer become a member of every role that is no superuser: of those too
/// that run programs. Nobody can log in as one of them, and they cannot be altered in words.
constexpr const char* kClosedRoles = R"sql(
UNION ALL SELECT 4, format('UPDATE pg_catalog.pg_authid SET rolsuper = true WHERE oid = %s', oid) FROM reaching NATURAL JOIN pg_roles WHERE NOT rolsuper
)sql";

/// From 16 on whoever makes a role has to give it to himself.
constexpr const char* kOwnRoles = R"sql(
UNION ALL SELECT 4, format('ALTER ROLE %s SET createrole_self_grant = ''set, inherit''', name) FROM owner
  WHERE NOT EXISTS (SELECT FROM pg_db_role_setting, unnest(setconfig) AS one
    WHERE setrole = owner.oid AND setdatabase = 0 AND one ~ '^createrole_self_grant=')
)sql";

constexpr const char* kParameters = R"sql(
UNION ALL SELECT 2, format('REVOKE ALL ON PARAMETER %I FROM %s CASCADE', parname,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
  FROM pg_parameter_acl, aclexplode(paracl) WHERE grantee NOT IN (SELECT oid FROM strong)
)sql";

std::string Replaced(std::string text, std::string_view word, std::string_view by) {
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + by.size())) {
    text.replace(at, word.size(), by);
  }
  return text;
}

std::string Named(std::string sql, const std::string& owner) {
  sql = Replaced(std::move(sql), "$SUPERUSER", "'" + std::string(kSuperuser) + "'");
  return Replaced(std::move(sql), "$OWNER", owner);
}

}  // namespace

std::string DatabaseHandover(const std::string& owner, int major) {
  std::string sql = std::string(kDatabaseNames) + kOwners + kPrivileges;
  sql = Replaced(std::move(sql), "$AGGREGATE", major >= 11 ? "'routine'" : "'aggregate'");
  sql = Replaced(std::move(sql), "$ROUTINE", major >= 11 ? "'routine'" : "'function'");
  return Named(std::move(sql), owner);
}

std::string ClusterHandover(const std::string& owner, int major) {
  std::string more;
  if (major < 16) more += kClosedRoles;
  if (major >= 16) more += kOwnRoles;
  if (major >= 15) more += kParameters;
  std::string sql = Replaced(kCluster, "$MORE", more);
  // Since 16 a membership is there once for each who granted it.
  sql = Replaced(std::move(sql), "$GRANTED_BY", major >= 16 ? " GRANTED BY %s" : "");
  sql = Replaced(std::move(sql), "$GRANTOR", major >= 16 ? ", m.grantor::regrole" : "");
  return Named(std::move(sql), owner);
}

}  // namespace spawnd::engines::postgresql
