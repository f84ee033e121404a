/// Reads sealed files from end to end and says what is damaged first. For fsck, and for tests.
///
/// Both may take as long as reading the files takes. Safe from any thread; nothing is changed.
#pragma once

#include <string>

#include "base/file.h"
#include "base/result.h"

namespace spawnd::storage {

/// Checks every byte of one layer, without any index. kCorrupt names the file and the first damaged range:
/// the header, a segment (4 MiB) of the data, the segment table or the trailer.
Result<void> VerifyLayer(FileSystem& fs, const std::string& path);

/// Checks every byte of an index, and every chunk it refers to down to the decompressed bytes. kCorrupt names
/// the file and the first damaged range. What the layers hold besides (chunks of other images) is
/// VerifyLayer's.
Result<void> VerifyImage(FileSystem& fs, const std::string& index_path, const std::string& layer_directory);

}  // namespace spawnd::storage
