#include "engines/postgresql/dump/settling.h"

#include "engines/postgresql/accounts.h"
#include "engines/postgresql/dump/sql_tokens.h"

namespace spawnd::engines::postgresql {
namespace {

/// The bootstrap superuser, whose number is 10, is called postgres in every data directory of ours.
constexpr const char* kRoles = R"sql(
  FOR r IN SELECT rolname FROM pg_catalog.pg_authid WHERE oid = 10 AND rolname <> $SUPERUSER
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_authid WHERE rolname = $SUPERUSER) LOOP
    EXECUTE pg_catalog.format('ALTER ROLE %I RENAME TO %I', r.rolname, $SUPERUSER);
    RAISE WARNING 'the backup renames role "%", the superuser of this server; its name is given back', $SUPERUSER;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_authid WHERE rolname = $SUPERUSER) THEN
    EXECUTE pg_catalog.format('CREATE ROLE %I SUPERUSER LOGIN', $SUPERUSER);
  END IF;
  FOR r IN SELECT rolname FROM pg_catalog.pg_authid WHERE rolname IN ($SUPERUSER, $USER)
      AND (NOT rolsuper OR NOT rolcanlogin OR NOT rolinherit OR rolconnlimit >= 0 OR rolvaliduntil < 'infinity') LOOP
    EXECUTE pg_catalog.format(
      'ALTER ROLE %I SUPERUSER LOGIN INHERIT CONNECTION LIMIT -1 VALID UNTIL ''infinity''', r.rolname);
    RAISE WARNING 'the backup takes rights from role "%", the superuser of this server; they are given back', r.rolname;
  END LOOP;
  FOR r IN SELECT a.rolname, d.datname FROM pg_catalog.pg_db_role_setting s
      JOIN pg_catalog.pg_authid a ON a.oid = s.setrole LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
      WHERE a.rolname IN ($SUPERUSER, $USER) LOOP
    EXECUTE pg_catalog.format('ALTER ROLE %I ', r.rolname) ||
      CASE WHEN r.datname IS NULL THEN '' ELSE pg_catalog.format('IN DATABASE %I ', r.datname) END || 'RESET ALL';
    RAISE WARNING 'the backup sets something for role "%", the superuser of this server; it is left out', r.rolname;
  END LOOP;)sql";

constexpr const char* kDatabases = R"sql(
  FOR r IN SELECT datname, datallowconn FROM pg_catalog.pg_database
      WHERE (datconnlimit = 0 OR NOT datallowconn) AND datname <> 'template0' LOOP
    EXECUTE pg_catalog.format('ALTER DATABASE %I CONNECTION LIMIT -1', r.datname);
    EXECUTE pg_catalog.format('ALTER DATABASE %I ALLOW_CONNECTIONS true', r.datname);
    RAISE WARNING 'database ''%'' would let nobody in; that is left out', r.datname;
  END LOOP;)sql";

/// Without the slot's name it can be dropped without connecting, too.
constexpr const char* kSubscriptions = R"sql(
  FOR r IN SELECT subname FROM pg_catalog.pg_subscription WHERE subenabled LOOP
    RAISE WARNING 'subscription "%" would connect to its publisher; it is switched off', r.subname;
  END LOOP;
  UPDATE pg_catalog.pg_subscription SET subenabled = false, subslotname = NULL WHERE subenabled;)sql";

/// It is run in template1. What is there comes along into every database that is made later.
constexpr const char* kTemplate = R"sql(
  FOR r IN SELECT pg_catalog.count(*) AS tables FROM pg_catalog.pg_class
      WHERE oid >= 16384 AND relkind IN ('r', 'p', 'm') HAVING pg_catalog.count(*) > 0 LOOP
    RAISE WARNING 'database "template1" has % tables of the backup, which clients see only when they open it', r.tables;
  END LOOP;)sql";

/// Servers before 14 make such passwords by themselves.
constexpr const char* kPasswords = R"sql(
  FOR r IN SELECT pg_catalog.string_agg(pg_catalog.quote_ident(rolname), ', ' ORDER BY rolname) AS names
      FROM (SELECT rolname FROM pg_catalog.pg_authid WHERE rolpassword LIKE 'md5%' ORDER BY rolname LIMIT 20) AS few
      HAVING pg_catalog.count(*) > 0 LOOP
    RAISE WARNING 'roles with MD5 passwords, which newer servers refuse; they can log in here: %', r.names;
  END LOOP;)sql";

void ReplaceAll(std::string& text, const std::string& what, const std::string& with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size()) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

std::string SettlingStatement(const std::string& user, int server_major) {
  constexpr int kFirstWithScram = 14;
  std::string body = std::string(kRoles) + kDatabases + kSubscriptions + kTemplate;
  if (server_major >= kFirstWithScram) body += kPasswords;
  ReplaceAll(body, "$SUPERUSER", QuotedText(kSuperuser));
  ReplaceAll(body, "$USER", QuotedText(user));
  return "DO $spawnd$ DECLARE r record; BEGIN" + body + "\nEND $spawnd$";
}

}  // namespace spawnd::engines::postgresql
