/// How data files of a Redis get onto the volume and become its data set at the first start (launch.cc):
/// snapshots and append-only files. Pure: makes plans.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engines/redis/product.h"
#include "engines/restore.h"

namespace spawnd::engines::redis {

/// Where files come from, and what they are called in messages.
struct DataFile {
  std::string name;              ///< for messages
  std::string path_in_folder{};  ///< empty: the backup is the file itself
  Packing packing{};
  std::string placed_as{};  ///< below the folder that becomes the data set
};

/// For what the server says of files that it is to load.
struct Loader {
  const Product& product;
  const Installation& installation;
  const Paths& paths;
  std::string backup;  ///< its name
  std::string writer;  ///< "Redis 7.2.4", of the server that wrote it; may be empty
};

/// One file that is a snapshot or an append-only file, which is told when it is there, unpacked.
std::vector<Placement> PlaceFile(const Loader& loader, DataFile file, const std::string& warning);
/// The files of a folder; the first is its manifest.
std::vector<Placement> PlaceFolder(const Loader& loader, const std::vector<DataFile>& files,
                                   const std::string& warning);

/// Of a snapshot that was cut.
Error TruncatedSnapshot(const std::string& name);

/// What a snapshot that needs a newer server is told: both versions.
std::string_view NewerServerHint();

}  // namespace spawnd::engines::redis
