#include "engines/used_library.h"

#include <unistd.h>

#include <algorithm>

namespace spawnd::engines {
namespace {

constexpr size_t kMaxText = 500;

}  // namespace

std::string TextOf(const UsedLibrary& library) {
  return library.name + '\t' + library.version + '\t' + library.file;
}

std::optional<UsedLibrary> UsedLibraryFrom(std::string_view text) {
  const size_t first = text.find('\t');
  const size_t second = first == std::string_view::npos ? first : text.find('\t', first + 1);
  if (second == std::string_view::npos || first == 0 || text.size() > kMaxText) return std::nullopt;
  UsedLibrary library{std::string(text.substr(0, first)),
                      std::string(text.substr(first + 1, second - first - 1)),
                      std::string(text.substr(second + 1))};
  for (const std::string* part : {&library.name, &library.version, &library.file}) {
    const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
    if (std::any_of(part->begin(), part->end(), is_control)) return std::nullopt;
  }
  return library;
}

std::string FolderWith(const std::vector<std::string>& folders, std::string_view witness) {
  for (const std::string& folder : folders) {
    if (::access((folder + "/" + std::string(witness)).c_str(), F_OK) == 0) return folder;
  }
  return {};
}

}  // namespace spawnd::engines
