/// Settings that are spawnd's: family_engine.h.
#include <array>
#include <string>
#include <vector>

#include "engines/mysql_family/family_engine.h"

namespace spawnd::engines::mysql_family {
namespace {

struct Refused {
  std::string_view name;
  std::string_view why;
};

constexpr std::string_view kPlace = "Where a container's files, sockets and logs are is its own affair.";
constexpr std::string_view kAddress =
    "A container has one address; `host:` and `portRange:` of the daemon decide it.";
constexpr std::string_view kTls =
    "Each container has a certificate of the machine's authority; `tls: true` of the image has it take "
    "nothing but TLS.";
constexpr std::string_view kLogin = "Everybody on the machine could log in.";
constexpr std::string_view kFiles =
    "No statement reads or writes files of the machine. LOAD DATA LOCAL is another matter: local_infile.";
constexpr std::string_view kStart = "It is no setting of a server that serves.";
constexpr std::string_view kReplication = "A container replicates nothing at its start.";

constexpr std::array<Refused, 73> kRefused{{
    {"datadir", kPlace},
    {"basedir", kPlace},
    {"tmpdir", kPlace},
    {"socket", kPlace},
    {"pid_file", kPlace},
    {"log_error", kPlace},
    {"plugin_dir", kPlace},
    {"lc_messages_dir", kPlace},
    {"language", kPlace},
    {"character_sets_dir", kPlace},
    {"innodb_data_home_dir", kPlace},
    {"innodb_log_group_home_dir", kPlace},
    {"innodb_undo_directory", kPlace},
    {"innodb_doublewrite_dir", kPlace},
    {"innodb_temp_tablespaces_dir", kPlace},
    {"innodb_tmpdir", kPlace},
    {"innodb_directories", kPlace},
    {"slave_load_tmpdir", kPlace},
    {"replica_load_tmpdir", kPlace},
    {"aria_log_dir_path", kPlace},
    {"symbolic_links", kPlace},
    {"chroot", kPlace},
    {"user", kPlace},
    {"init_file", kPlace},
    {"port", kAddress},
    {"extra_port", kAddress},
    {"bind_address", kAddress},
    {"admin_address", kAddress},
    {"admin_port", kAddress},
    {"networking", kAddress},
    {"name_resolve", kAddress},
    {"mysqlx", kAddress},
    {"mysqlx_port", kAddress},
    {"mysqlx_bind_address", kAddress},
    {"mysqlx_socket", kPlace},
    {"named_pipe", kAddress},
    {"shared_memory", kAddress},
    {"ssl", kTls},
    {"ssl_ca", kTls},
    {"ssl_capath", kTls},
    {"ssl_cert", kTls},
    {"ssl_key", kTls},
    {"ssl_crl", kTls},
    {"ssl_crlpath", kTls},
    {"admin_ssl", kTls},
    {"admin_ssl_ca", kTls},
    {"admin_ssl_cert", kTls},
    {"admin_ssl_key", kTls},
    {"auto_generate_certs", kTls},
    {"require_secure_transport", kTls},
    {"grant_tables", kLogin},
    {"secure_file_priv", kFiles},
    {"des_key_file", kFiles},
    {"daemonize", kStart},
    {"initialize", kStart},
    {"initialize_insecure", kStart},
    {"bootstrap", kStart},
    {"help", kStart},
    {"version", kStart},
    {"verbose", kStart},
    {"print_defaults", kStart},
    {"defaults", kStart},
    {"no_defaults", kStart},
    {"defaults_file", kStart},
    {"defaults_extra_file", kStart},
    {"defaults_group_suffix", kStart},
    {"login_path", kStart},
    {"upgrade", kStart},
    {"standalone", kStart},
    {"wsrep_on", kReplication},
    {"wsrep_provider", kReplication},
    {"slave_start", kReplication},
    {"replica_start", kReplication},
}};

/// The product takes an option with these in front, too.
constexpr std::array<std::string_view, 6> kFronts{"", "loose_", "skip_", "disable_", "enable_", "maximum_"};

}  // namespace

std::vector<std::string_view> FamilyEngine::RefusedSettings() const {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (const Refused& refused : kRefused) {
      for (const std::string_view front : kFronts)
        names.push_back(std::string(front) + std::string(refused.name));
      names.push_back("loose_skip_" + std::string(refused.name));
    }
    return names;
  }();
  return {all.begin(), all.end()};
}

std::string FamilyEngine::WhyRefused(std::string_view setting) const {
  for (const Refused& refused : kRefused) {
    if (setting.ends_with(refused.name) &&
        (setting == refused.name || setting[setting.size() - refused.name.size() - 1] == '_')) {
      return std::string(refused.why);
    }
  }
  return {};
}

}  // namespace spawnd::engines::mysql_family
