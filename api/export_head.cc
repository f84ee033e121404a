#include "api/export_head.h"

namespace spawnd::api {
namespace {

constexpr std::string_view kMagic = "SPWNXPRT";
constexpr size_t kMostDescription = 64U << 10;
constexpr size_t kMostParts = 257;
constexpr size_t kPartBytes = 48;

uint64_t Number(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

Result<ExportHeadSizes> ReadExportHeader(std::string_view header) {
  const bool is_one = header.size() == kExportHeaderBytes && header.starts_with(kMagic);
  const uint64_t description = is_one ? Number(header.substr(32, 4)) : 0;
  const uint64_t parts = is_one ? Number(header.substr(36, 4)) : 0;
  if (!is_one || description > kMostDescription || parts > kMostParts) {
    return Fail(ErrorCode::kInvalidArgument, "this is no exported data image",
                "'spawnctl export data-image <image> -o <file>' makes one.");
  }
  return ExportHeadSizes{kExportHeaderBytes + description + parts * kPartBytes + 8,
                         Number(header.substr(40, 8))};
}

}  // namespace spawnd::api
