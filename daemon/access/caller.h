/// Acting as the user at the other end of the socket. Files that a caller names are opened with the caller's
/// rights, never with root's: or the daemon would read any file of the machine for anyone who asks.
///
/// Job threads: opening can block (a network file system, an automounter).
#pragma once

#include <string>
#include <string_view>

#include "base/identity.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// Opens a regular file for reading, at offset 0, as `caller`. `noun` says what it is to the user: "cannot
/// open backup '/x/y.sql' as user 'ann': permission denied". Directories, FIFOs, sockets and devices are
/// kInvalidArgument.
///
/// Changes the file-system user, the groups and the capabilities of the calling thread only, and puts them
/// back before it returns; a thread that could not be put back ends the process.
Result<UniqueFd> OpenAsCaller(const Identity& caller, const std::string& path, std::string_view noun);

/// The same for what may be a folder as well.
struct FileOrFolder {
  UniqueFd fd;  ///< of a folder: to read its names
  bool is_folder = false;
};
Result<FileOrFolder> OpenFileOrFolderAsCaller(const Identity& caller, const std::string& path,
                                              std::string_view noun);

}  // namespace spawnd::daemon
