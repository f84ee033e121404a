/// The differences between the products of the family, as data and small functions. One constant of this type
/// for each, in its own folder; lives as long as the process.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engines/engine.h"

namespace spawnd::engines::mysql_family {

struct Product {
  std::string_view name;                     ///< registry name
  std::string_view display_name;             ///< what users read
  std::string_view jdbc_scheme;              ///< "jdbc:mariadb"
  std::string_view jdbc_tls;                 ///< what makes that one use TLS, "sslMode=trust"
  std::vector<std::string> server_programs;  ///< relative to the root, the first that is there counts
  std::vector<std::string> client_programs;  ///< the same, of what restores a dump
  std::vector<std::string> dump_programs;    ///< the same, of what makes one
  std::vector<std::string> dump_options;     ///< of that, which only this product's has
  std::string_view client_install_hint;      ///< one sentence: how to install these two
  /// Their options for a ssl_mode of engines/fetch/plan.h, which may be empty.
  std::vector<std::string> (*tls_options)(std::string_view mode);
  std::vector<std::string> backup_programs;  ///< the same, of physical backups: prepares one; may be none
  std::vector<std::string> stream_programs;  ///< and unpacks xbstream
  std::string_view backup_install_hint;      ///< one sentence: how to install these two
  std::vector<std::string> package_folders;  ///< where packages and tarballs put an installation
  /// The version in the server's answer to --version; empty: another product of the family.
  std::string (*version_of)(std::string_view says);
  /// Why this installation cannot be used; empty: it can.
  std::string (*problem_of)(const Installation& installation);
  /// Programs and options that make the first files in `data`; the shell around it is the family's.
  std::vector<std::string> (*initialise)(const Launch& launch, const std::string& data);
  /// Options that only this product knows; the user's own settings stand above them.
  std::vector<std::string> (*options)(const Launch& launch);
  /// The same that nobody changes.
  std::vector<std::string> (*forced)(const Launch& launch);
  std::string_view several_addresses_since;  ///< version from which bind_address takes more than one
  /// Settings that count when the first files are made, by SettingName: a server with another value does not
  /// start on them.
  std::vector<std::string_view> initial_settings;
  /// Statements after which no account but the private socket's has any right beyond databases.
  std::vector<std::string> (*take_rights)(std::string_view version);
  /// True when the system tables of a dump made by this server ("10.6.16-MariaDB") are of use here.
  bool (*takes_system_tables)(std::string_view dump_server, std::string_view installed);
  /// Words of sql_mode that other products and versions have and `installed` refuses, in upper case.
  std::vector<std::string_view> (*lacking_modes)(std::string_view installed);
  /// Collations that `installed` lacks, of relatives and of newer versions: the nearest; empty: the name
  /// stays.
  std::string (*replace_collation)(std::string_view name, std::string_view installed);
  /// Storage engines of its own, in upper case, without those that are plugins.
  std::vector<std::string> storage_engines;
  /// Storage engines that are plugins: of which library.
  std::vector<std::pair<std::string, std::string>> engine_libraries;
};

/// The first of `programs` under `root` that can be run; empty when none can.
std::string FindProgram(const std::string& root, const std::vector<std::string>& programs);

/// The same program in the container, where the root is at `engine_root`.
std::string ProgramInContainer(const Launch& launch, const std::vector<std::string>& programs);

/// The two first numbers: "10.11" of "10.11.19-MariaDB". A data directory belongs to them.
std::string SeriesOf(std::string_view version);

/// The version that stands after "Ver " in what a server or client says of itself; empty when none does.
std::string VersionAfterVer(std::string_view says);

}  // namespace spawnd::engines::mysql_family
