#include "engines/program_identity.h"

#include <sys/stat.h>

namespace spawnd::engines {

std::string ProgramIdentity::Text() const {
  if (*this == ProgramIdentity()) return {};
  return std::to_string(inode) + " " + std::to_string(size) + " " + std::to_string(modified) + " " +
         std::to_string(changed);
}

std::optional<ProgramIdentity> IdentityOf(const std::string& path) {
  constexpr int64_t kNanoseconds = 1'000'000'000;
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return std::nullopt;
  return ProgramIdentity{st.st_ino, st.st_size, st.st_mtim.tv_sec * kNanoseconds + st.st_mtim.tv_nsec,
                         st.st_ctim.tv_sec * kNanoseconds + st.st_ctim.tv_nsec};
}

}  // namespace spawnd::engines
