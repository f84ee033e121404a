#include "engines/unpack/unpacker.h"

#include "engines/unpack/codecs.h"

namespace spawnd::engines {

Result<std::unique_ptr<Unpacker>> MakeUnpacker(Codec codec) {
  switch (codec) {
    case Codec::kGzip:
      return MakeGzip();
  }
  return Fail(ErrorCode::kInternal, "no such format");
}

std::string_view NameOf(Codec codec) {
  switch (codec) {
    case Codec::kGzip:
      return "gzip";
  }
  return {};
}

std::string_view CheckerOf(Codec codec) {
  switch (codec) {
    case Codec::kGzip:
      return "gzip -t";
  }
  return {};
}

}  // namespace spawnd::engines
