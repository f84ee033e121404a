#include "engines/postgresql/parts/extensions.h"

#include <dirent.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "base/process.h"
#include "engines/postgresql/detect.h"
#include "engines/postgresql/parts/patterns.h"
#include "engines/server_search.h"

namespace spawnd::engines::postgresql {
namespace {

constexpr std::chrono::milliseconds kAptDeadline{10'000};
constexpr size_t kMaxAptOutput = size_t{1} << 20U;

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Empty: not known.
std::string FolderOfExtensions(const Installation& installation) {
  const std::string& root = installation.root;
  const std::string major = std::to_string(MajorNumberOf(installation.version));
  for (const std::string& folder :
       {root + "/share/postgresql/extension", root + "/share/extension", root + "/share/pgsql/extension",
        "/usr/share/postgresql/" + major + "/extension"}) {
    // The last one is of Debian's installation alone.
    if (folder.starts_with("/usr/share/") && root != "/usr/lib/postgresql/" + major) continue;
    if (::access((folder + "/plpgsql.control").c_str(), F_OK) == 0) return folder;
  }
  return {};
}

bool IsPlainName(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos && name.size() < 200 && name.front() != '.';
}

/// A script that makes it or leads to it ends with its version.
bool HasVersion(const std::vector<std::string>& files, const std::string& folder,
                const WantedExtension& wanted) {
  const std::string begin = folder + "/" + wanted.name + "--";
  const std::string end = "--" + wanted.version + ".sql";
  return std::any_of(files.begin(), files.end(),
                     [&](const std::string& path) { return path.starts_with(begin) && path.ends_with(end); });
}

/// A name of packages that have nothing to do with what they are called: of extensions, behind the version.
struct Packaged {
  std::string_view extension;
  std::string_view package;
};
constexpr std::array kPackages{
    Packaged{"vector", "pgvector"},  Packaged{"pg_cron", "cron"},       Packaged{"pg_partman", "partman"},
    Packaged{"pg_repack", "repack"}, Packaged{"pg_squeeze", "squeeze"}, Packaged{"pgaudit", "pgaudit"},
    Packaged{"rum", "rum"},          Packaged{"plv8", "plv8"}};

/// The host's packages for the version, a line each; empty where there is no apt.
std::string ListedPackages(const std::string& major) {
  SpawnOptions options;
  options.argv = {"/usr/bin/apt-cache", "search", "--names-only",
                  "^postgresql-(" + major + "|pl[a-z0-9]*-" + major + ")"};
  options.env = {"LC_ALL=C", "PATH=/usr/bin:/bin"};
  options.no_new_privileges = true;
  if (::geteuid() == 0) {
    constexpr uid_t kNobody = 65534;
    options.identity = Identity{kNobody, kNobody, {}};
  }
  const auto output = RunAndCapture(options, kAptDeadline, kMaxAptOutput);
  return output && output->exit_code == 0 ? output->output : std::string();
}

}  // namespace

std::string PackageOf(const std::string& extension, const std::string& major, const std::string& listed) {
  std::vector<std::string> endings;
  for (const Packaged& one : kPackages) {
    if (one.extension == extension) endings.emplace_back(one.package);
  }
  std::string name = extension;
  std::replace(name.begin(), name.end(), '_', '-');
  endings.push_back(name);
  if (name.starts_with("pg-")) endings.push_back(name.substr(3));
  if (name.starts_with("pg")) endings.push_back(name.substr(2));
  if (name.starts_with("postgis")) endings.emplace_back("postgis-3");
  const std::string begin = "postgresql-" + major + "-";
  const auto lists = [&](const std::string& package) {
    return ("\n" + listed).find("\n" + package + " - ") != std::string::npos;
  };
  for (const std::string& ending : endings) {
    if (lists(begin + ending)) return begin + ending;
  }
  // plpython3u of postgresql-plpython3-15.
  std::string language = extension.ends_with("u") ? extension.substr(0, extension.size() - 1) : extension;
  return lists("postgresql-" + language + "-" + major) ? "postgresql-" + language + "-" + major
                                                       : std::string();
}

Result<void> CheckExtensions(const std::string& backup_name, const std::vector<WantedExtension>& wanted,
                             const std::vector<std::string>& skipped, const Installation& installation) {
  const std::string folder = FolderOfExtensions(installation);
  if (folder.empty()) return {};
  const std::vector<std::string> files = ChildrenOf(folder);
  std::vector<WantedExtension> missing;
  for (const WantedExtension& one : wanted) {
    if (Contains(skipped, one.name) || std::find(missing.begin(), missing.end(), one) != missing.end())
      continue;
    const bool there =
        IsPlainName(one.name) && ::access((folder + "/" + one.name + ".control").c_str(), F_OK) == 0;
    if (!there || (!one.version.empty() && files.size() < 1000 && !HasVersion(files, folder, one)))
      missing.push_back(one);
  }
  if (missing.empty()) return {};

  const std::string major = std::to_string(MajorNumberOf(installation.version));
  const bool of_debian = installation.root == "/usr/lib/postgresql/" + major;
  const std::string listed = of_debian ? ListedPackages(major) : std::string();
  std::vector<std::string> names;
  std::vector<std::string> keys;
  std::string packages;
  for (const WantedExtension& one : missing) {
    std::string name = one.name + (one.version.empty() ? "" : " " + one.version);
    const std::string package = PackageOf(one.name, major, listed);
    if (!package.empty()) {
      name += " (package " + package + ")";
      packages += " " + package;
    }
    names.push_back(std::move(name));
    if (!Contains(keys, one.name)) keys.push_back(one.name);
  }
  return Fail(ErrorCode::kUnsupported,
              "'" + backup_name + "' wants extensions that PostgreSQL " + installation.version + " at '" +
                  installation.root + "' has not: " + SomeOf(names),
              (packages.empty() ? std::string("Install them")
                                : "Install what there is a package of with `apt install" + packages + "`") +
                  ", or have them left out: `skipExtensions: [" + SomeOf(keys) + "]`.");
}

}  // namespace spawnd::engines::postgresql
