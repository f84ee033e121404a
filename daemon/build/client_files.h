/// What a client has sent for one image build: descriptors that it opened itself, which are looked at here
/// before anything is read from them. Job thread only.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "daemon/build/context.h"

namespace spawnd::daemon {

/// As it came: nothing about it is known.
struct ClientFile {
  std::string name;  ///< for messages
  UniqueFd fd;
};

/// A regular file that can be read at any offset, or a folder.
struct ReceivedFile {
  UniqueFd fd;
  bool is_folder = false;
};

/// A pipe is read to its end into a file first (daemon/store/spool_file.h), which belongs to `owner`. `noun`
/// says what it is to the user: "backup 'shop.sql'". kInvalidArgument for what can be neither: a descriptor
/// that is not open for reading, a socket, a device, a file that the kernel makes up (proc, sysfs).
Result<ReceivedFile> Receive(const BuildContext& context, ClientFile file, std::string_view noun,
                             uid_t owner);

}  // namespace spawnd::daemon
