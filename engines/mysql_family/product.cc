#include "engines/mysql_family/product.h"

#include <unistd.h>

#include <cctype>

namespace spawnd::engines::mysql_family {

std::string FindProgram(const std::string& root, const std::vector<std::string>& programs) {
  for (const std::string& program : programs) {
    const std::string path = root + "/" + program;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

std::string ProgramInContainer(const Launch& launch, const std::vector<std::string>& programs) {
  const std::string& root = launch.installation.root;
  const std::string path = FindProgram(root, programs);
  // Missing: whoever starts it names what is not there.
  return launch.paths.engine_root + "/" + (path.empty() ? programs.front() : path.substr(root.size() + 1));
}

std::string SeriesOf(std::string_view version) {
  size_t end = 0;
  int dots = 0;
  for (; end < version.size(); ++end) {
    const bool dot = version[end] == '.';
    if (!dot && std::isdigit(static_cast<unsigned char>(version[end])) == 0) break;
    if (dot && ++dots == 2) break;
  }
  while (end > 0 && version[end - 1] == '.') --end;
  return std::string(version.substr(0, end));
}

std::string VersionAfterVer(std::string_view says) {
  constexpr std::string_view kVer = "Ver ";
  const size_t at = says.find(kVer);
  if (at == std::string_view::npos) return {};
  says.remove_prefix(at + kVer.size());
  size_t end = 0;
  while (end < says.size() &&
         (says[end] == '.' || std::isdigit(static_cast<unsigned char>(says[end])) != 0)) {
    ++end;
  }
  return std::string(says.substr(0, end));
}

}  // namespace spawnd::engines::mysql_family
