/// Opening what lies in a folder whose descriptor a client has sent. The descriptor proves that he may list
/// the folder, and says nothing about what is in it: that is opened with his rights, never with root's, and
/// nothing outside of the folder is opened at all.
///
/// Job threads: opening can block (a network file system, an automounter).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "base/identity.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace spawnd::daemon {

/// What a client may read.
struct FileRights {
  Identity identity;
  /// It is root with root's capabilities: modes and owners do not count. Root without them (in a job's
  /// container) opens what any other user with these ids would.
  bool overrides_modes = false;
};

/// Of the process `pid` that `process`, a pidfd, refers to. Without one: those of its user and groups.
FileRights RightsOf(const Identity& identity, pid_t pid, const std::shared_ptr<const UniqueFd>& process);

struct FileOrFolder {
  UniqueFd fd;  ///< of a folder: to read its names, and to open what is in it
  bool is_folder = false;
};

/// Opens a regular file or a folder below `folder_fd` for reading, at offset 0. `what` names it to the user:
/// "script 'sql/1.sql'". Errors: kInvalidArgument for everything else, for a link that leads out of the
/// folder and for one of /proc; kForbidden, kNotFound.
///
/// Changes the file-system user, the groups and the capabilities of the calling thread only, and puts them
/// back before it returns; a thread that could not be put back ends the process.
Result<FileOrFolder> OpenBeneath(const FileRights& rights, int folder_fd, const std::string& path,
                                 const std::string& what);

/// Tells of each regular file in the folder and in those below it, with its path from there, as far as the
/// client may look, `most` of them. No link is followed. What vanishes meanwhile is left out.
Result<void> EachFileBeneath(const FileRights& rights, int folder_fd, size_t most,
                             const std::function<void(const std::string& path, const struct stat&)>& tell);

/// True when the client himself may open this file again for reading, by its descriptor: not one that he got
/// from somebody with other rights.
bool MayOpenAgain(const FileRights& rights, int fd);

}  // namespace spawnd::daemon
