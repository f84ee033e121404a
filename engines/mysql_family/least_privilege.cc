#include "engines/mysql_family/least_privilege.h"

#include "engines/connection_text.h"

namespace spawnd::engines::mysql_family {

std::vector<std::string> TakeRightsInSystemDatabases() {
  // A product's own accounts need what they have. Who may make users can rename one and log in as it; what
  // that gives is a look into its own server's accounts, and no file (README.md).
  constexpr const char* kNotItsOwn = " AND User NOT IN ('mariadb.sys', 'mysql.session', 'mysql.sys')";
  return {"DELETE FROM mysql.db WHERE 'mysql' LIKE Db",
          std::string("DELETE FROM mysql.tables_priv WHERE Db = 'mysql'") + kNotItsOwn,
          std::string("DELETE FROM mysql.columns_priv WHERE Db = 'mysql'") + kNotItsOwn,
          std::string("DELETE FROM mysql.procs_priv WHERE Db = 'mysql'") + kNotItsOwn,
          "DELETE FROM mysql.proxies_priv",
          "FLUSH PRIVILEGES"};
}

std::vector<std::string> OwnerStatements(const Credentials& credentials,
                                         const std::vector<std::string>& databases) {
  const std::string user = Quoted(credentials.user, '\'') + "@'%'";
  const std::string socket = "'root'@'localhost'";
  const std::string both = user + ", " + socket;
  // The narrower of two names counts alone: with a right that is of no use in it, 'mysql' is none of '%'.
  std::vector<std::string> statements{"GRANT REFERENCES ON `mysql`.* TO " + both,
                                      "GRANT SELECT, EXECUTE ON `sys`.* TO " + both,
                                      "GRANT ALL PRIVILEGES ON `%`.* TO " + both};
  // Not of '%': he could pass on what 'mysql' is kept out of.
  for (const std::string& database : databases) {
    statements.push_back("GRANT ALL PRIVILEGES ON " + Quoted(GrantPattern(database), '`') + ".* TO " + user +
                         " WITH GRANT OPTION");
  }
  // This session keeps the rights that it began with. In this order: who may create users may rename any.
  statements.push_back("REVOKE ALL PRIVILEGES ON *.* FROM " + socket);
  statements.push_back("REVOKE GRANT OPTION ON *.* FROM " + socket);
  statements.push_back("GRANT CREATE USER, PROCESS, SHOW DATABASES ON *.* TO " + user);
  return statements;
}

std::string GrantPattern(std::string_view database) {
  std::string pattern;
  for (const char c : database) {
    if (c == '_' || c == '%' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace spawnd::engines::mysql_family
