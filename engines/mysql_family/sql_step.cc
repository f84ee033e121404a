#include "engines/mysql_family/sql_step.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "engines/connection_text.h"
#include "engines/mysql_family/plugin_folder.h"
#include "engines/mysql_family/restore_session.h"
#include "engines/version.h"

namespace spawnd::engines::mysql_family {
namespace {

/// Where tools find it.
Result<std::string> FindClient(const Product& product, const Installation& installation, const Paths& paths) {
  for (const std::string& root : {installation.root, std::string("/usr"), std::string("/usr/local")}) {
    const std::string client = FindProgram(root, product.client_programs);
    if (!client.empty()) return ProgramForTools(client, installation, paths.engine_root);
  }
  return Fail(ErrorCode::kUnsupported,
              "the client program of " + std::string(product.display_name) +
                  ", which restores dumps, is not installed",
              "Install it with `apt install mariadb-client-core`.");
}

/// $0: the client. In its sandbox, where it has one, it takes no commands that start programs or touch files,
/// however it reads the text. Asked for here and not on the host, where it need not be trusted.
constexpr const char* kClientScript = R"sh(
if "$0" --no-defaults --help 2>/dev/null | grep -q -e '^ *--sandbox'; then set -- --sandbox "$@"; fi
exec "$0" --no-defaults "$@"
)sh";

Command ClientCommand(const std::string& client, const RestoreTarget& target, bool goes_on) {
  Command command;
  // Binary mode: the client's own commands are no commands then, and every byte gets through as it is. No
  // local files: they are what LOAD DATA LOCAL sends at the server's word.
  command.argv = {"/bin/sh",
                  "-c",
                  kClientScript,
                  client,
                  "--binary-mode",
                  "--local-infile=0",
                  "--protocol=tcp",
                  "--host=" + target.endpoint.host,
                  "--port=" + std::to_string(target.endpoint.port),
                  "--user=" + target.credentials.user,
                  "--connect-timeout=30",
                  "--max-allowed-packet=1G",
                  "--default-character-set=utf8mb4"};
  if (goes_on) command.argv.emplace_back("--force");
  command.env = {"LC_ALL=C", "PATH=/usr/bin:/bin", "HOME=/nonexistent",
                 "MYSQL_PWD=" + target.credentials.password};
  command.working_directory = "/";
  return command;
}

/// A character set or a collation, as it may stand in a statement.
Result<void> CheckName(const std::string& key, const std::string& name) {
  const auto is_part = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  if (name.size() <= 64 && std::all_of(name.begin(), name.end(), is_part)) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "`" + key + ": " + name.substr(0, 64) + "` is no name that this product has",
      "A character set is as utf8mb4 under `encoding:`, a collation as utf8mb4_general_ci under `locale:`.");
}

/// What an error may come of.
struct Difference {
  std::string what;  ///< empty: the dump is as the server
  std::string hint;
};

Difference DifferenceOf(const Product& product, const DumpHeader& header, const std::string& installed) {
  if (header.server.empty()) return {};
  const bool mariadb = product.name == "mariadb";
  const std::string theirs = header.IsMariadb() ? "MariaDB" : "MySQL";
  const std::string version = header.server.substr(0, header.server.find_first_not_of("0123456789."));
  const bool other = header.IsMariadb() != mariadb;
  if (!other && !VersionLess(SeriesOf(installed), SeriesOf(version))) return {};
  const std::string series = SeriesOf(version);
  return {"the dump is of " + theirs + " " + version + ", this server is " +
              std::string(product.display_name) + " " + installed,
          other ? "Restore it with `engine: " + std::string(header.IsMariadb() ? "mariadb" : "mysql") +
                      "`: install " + theirs + " " + series + ", and name its folder under engineSearchPaths."
                : "Install " + theirs + " " + series + " and say `version: \"" + series +
                      "\"`; engineSearchPaths says where it is."};
}

void FillFilter(DumpFilter::Options& filter, const Product& product, const Installation& installation,
                const SqlSource& source, const RestoreOptions& options) {
  filter.name = source.name;
  filter.closing_line_expected = source.header.present;
  filter.drop_system_tables =
      source.header.present && !product.takes_system_tables(source.header.server, installation.version);
  filter.keeps_system_database = product.name == "mysql";
  filter.is_script = source.is_script;
  filter.is_one_of_several = source.is_one_of_several;
  filter.lacks_sha2_accounts = product.name == "mariadb";
  filter.replace_collation = [&product, version = installation.version](std::string_view name) {
    return product.replace_collation(name, version);
  };
  filter.lacking_modes = product.lacking_modes(installation.version);
  filter.parts = options;
  filter.missing.skipped = options.skip_extensions;
  filter.missing.libraries = PluginLibraries(installation);
  filter.missing.knows_libraries = true;
  filter.missing.engines = product.storage_engines;
  for (const auto& [engine, library] : product.engine_libraries) {
    const auto& have = filter.missing.libraries;
    if (std::find(have.begin(), have.end(), library) != have.end()) filter.missing.engines.push_back(engine);
  }
}

/// Makes the database that the dump goes into, and enters it. Without one: for those that the dump makes
/// itself, as far as it does not say how.
Result<std::string> Before(const std::string& database, const RestoreOptions& options) {
  TRY(CheckName("encoding", options.encoding));
  TRY(CheckName("locale", options.locale));
  if (database.empty()) {
    std::string set;
    if (!options.encoding.empty()) set += "SET character_set_server = '" + options.encoding + "'; ";
    if (!options.locale.empty()) set += "SET collation_server = '" + options.locale + "'; ";
    return set;
  }
  std::string order;
  if (!options.encoding.empty()) order += " CHARACTER SET " + options.encoding;
  if (!options.locale.empty()) order += " COLLATE " + options.locale;
  const std::string name = Quoted(database, '`');
  std::string before = "CREATE DATABASE IF NOT EXISTS " + name + "; ";
  if (!order.empty()) before += "ALTER DATABASE " + name + order + "; ";
  return before + "USE " + name + "; ";
}

}  // namespace

Result<RestoreStep> MakeSqlStep(const Product& product, const Installation& installation,
                                const RestoreTarget& target, const SqlSource& source) {
  TRY_ASSIGN(const std::string client, FindClient(product, installation, target.paths));
  const RestoreOptions options = source.is_script ? RestoreOptions() : target.options;
  DumpSession::Options session;
  session.credentials = target.credentials;
  const Difference difference =
      source.is_script ? Difference() : DifferenceOf(product, source.header, installation.version);
  session.difference = difference.what;
  session.difference_hint = difference.hint;
  FillFilter(session.filter, product, installation, source, options);
  session.filter.database = source.database;
  if (source.database.empty()) {
    session.filter.database = target.database.empty() ? source.header.database : target.database;
  }
  TRY_ASSIGN(session.before, Before(session.filter.database, options));
  RestoreStep step;
  step.title = "restoring " + BaseName(source.name);
  step.command = ClientCommand(client, target, ErrorPolicy(options).GoesOn());
  step.session = std::make_unique<DumpSession>(std::move(session));
  step.packing = source.packing;
  step.input_file = source.input_file;
  return step;
}

}  // namespace spawnd::engines::mysql_family
