#include "engines/postgresql/clients_on_their_way.h"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <memory>
#include <string>

namespace spawnd::engines::postgresql {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

std::string FileOf(std::string_view process, const char* name) {
  std::ifstream file("/proc/" + std::string(process) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// 0 for a process that is gone.
int ParentOf(std::string_view process) {
  const std::string stat = FileOf(process, "stat");
  // Its name stands in brackets and may have any letters; then comes its state.
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || stat.size() < name_end + 4) return 0;
  int parent = 0;
  std::from_chars(stat.data() + name_end + 4, stat.data() + stat.size(), parent);
  return parent;
}

}  // namespace

bool IsLettingIn(std::string_view title) {
  // What follows a title in the memory that it is written to: nothing, or blanks.
  title = title.substr(0, title.find_last_not_of(std::string_view(" \0", 2)) + 1);
  if (title.empty()) return false;  // it ends
  if (!title.starts_with("postgres: ")) return true;
  constexpr std::array<std::string_view, 3> kSteps{" initializing", " authentication", " startup"};
  return std::any_of(kSteps.begin(), kSteps.end(),
                     [title](std::string_view step) { return title.ends_with(step); });
}

Result<uint32_t> CountClientsOnTheirWayIn(const PGconn* connection) {
  const int server = ParentOf(std::to_string(PQbackendPID(connection)));
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir("/proc"));
  if (server <= 0 || !folder)
    return Fail(ErrorCode::kUnavailable, "the server's processes are not to be seen");
  uint32_t clients = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    if (name.find_first_not_of("0123456789") != std::string_view::npos || ParentOf(name) != server) continue;
    if (IsLettingIn(FileOf(name, "cmdline"))) ++clients;
  }
  return clients;
}

}  // namespace spawnd::engines::postgresql
