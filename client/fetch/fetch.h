/// Getting data from where they are (a running server, a repository of backups) with the product's own tools,
/// which run here as the caller: with his network, his files and his passwords. What is to be run, the daemon
/// says (POST /v1/fetch-plans), because it knows the products; what comes of it is handed to the daemon as
/// any other backup. So no password of a source ever reaches the daemon.
///
/// The daemon is asked as often as its plan is not complete, each time with what the commands before have
/// answered. Nothing is left behind by an end of any kind but SIGKILL, and what that leaves, the next run
/// removes (private_folder.h). For spawnctl's single thread.
#pragma once

#include <string>
#include <vector>

#include "api/types.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "client/fetch/private_folder.h"
#include "client/fetch/source.h"
#include "client/fetch/surroundings.h"

namespace spawnd::client {

/// What was fetched. Its files are read by their descriptors; they are gone with it.
struct Fetched {
  int signal = 0;  ///< not 0: one ended it, and there is nothing else in this
  PrivateFolder folder;
  UniqueFd backup;          ///< a file or a folder, for reading
  std::string backup_name;  ///< for messages
  UniqueFd wal_folder;      ///< of a physical backup; may be none
  std::string version;      ///< for the image, where its description names none; may be empty
  std::string database;     ///< the same for its initialDatabaseName
};

/// Fetches. Errors: what the daemon says; kNotFound, kForbidden of a password; kUnsupported where a tool is
/// not installed; kNoSpace, naming the place; of a tool that failed what the plan says its words mean, with
/// its own words and how far it came.
Result<Fetched> Fetch(const FetchSource& source, const FetchSurroundings& surroundings);

/// Puts what was fetched into a request to create an image: `files` go along with it, in this order.
void AddFetched(Fetched& fetched, api::CreateDataImageRequest& request, std::vector<UniqueFd>& files);

}  // namespace spawnd::client
