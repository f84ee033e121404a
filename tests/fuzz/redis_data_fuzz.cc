/// Arbitrary bytes as data files of a Redis: header, manifest, the modules that a snapshot needs. Whole or in
/// pieces, the same modules are seen.
#include <string>

#include "engines/redis/manifest.h"
#include "engines/redis/rdb_header.h"
#include "engines/redis/rdb_modules.h"
#include "tests/fuzz/fuzz_input.h"

namespace {

std::set<std::string> InPieces(std::string_view bytes, size_t piece) {
  spawnd::engines::redis::RdbModules modules;
  for (size_t at = 0; at < bytes.size(); at += piece) modules.Feed(bytes.substr(at, piece));
  return modules.Names();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  using namespace spawnd::engines::redis;
  ReadRdbHeader(bytes);
  if (const auto files = ReadManifest(bytes, "m")) {
    for (const ManifestFile& file : *files) {
      if (file.name.empty() || file.name.find('/') != std::string::npos) __builtin_trap();
    }
  }
  BeginsManifest(bytes);
  BeginsCommands(bytes);
  EndsCommands(bytes);
  const auto whole = InPieces(bytes, size + 1);
  for (const size_t piece : {size_t{1}, size_t{13}}) {
    if (InPieces(bytes, piece) != whole) __builtin_trap();
  }
  WithTheirModules(whole);
  return 0;
}
