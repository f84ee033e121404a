#include "engines/unpack/codecs.h"

#include <array>

#include "engines/unpack/little_endian.h"

namespace spawnd::engines {
namespace {

using namespace std::string_view_literals;

struct Named {
  Codec codec;
  std::string_view name;
  std::string_view checker;
};
constexpr std::array kNames{
    Named{Codec::kGzip, "gzip", "gzip -t"}, Named{Codec::kZstd, "zstd", "zstd -t"},
    Named{Codec::kXz, "xz", "xz -t"},       Named{Codec::kBzip2, "bzip2", "bzip2 -t"},
    Named{Codec::kLz4, "lz4", "lz4 -t"},    Named{Codec::kZip, "zip", "unzip -t"},
    Named{Codec::kTar, "tar", "tar -tf"},
};

struct Other {
  std::string_view bytes;
  OtherPacking packing;
};
constexpr std::string_view kDecrypt = "Decrypt it on the way: `... | spawnctl ...`, with `-` as the backup.";
constexpr std::array kOthers{
    Other{"7z\xbc\xaf\x27\x1c"sv, {"packed with 7-Zip", "Unpack it first: `7z x FILE`."}},
    Other{"Rar!\x1a\x07"sv, {"packed with RAR", "Unpack it first: `unrar x FILE`."}},
    Other{"LZIP"sv, {"packed with lzip", "Unpack it first: `lzip -d FILE`."}},
    Other{"\x89LZO\0\r\n"sv, {"packed with lzop", "Unpack it first: `lzop -d FILE`."}},
    Other{"\x5d\0\0"sv, {"packed with lzma", "Unpack it first: `xz -d --format=lzma FILE`."}},
    Other{"\x1f\x9d"sv, {"packed with compress", "Unpack it first: `gzip -d FILE`."}},
    Other{"\xff\x06\0\0sNaPpY"sv, {"packed with snappy", "Unpack it first."}},
    Other{"Salted__"sv, {"encrypted with openssl", kDecrypt}},
    Other{"-----BEGIN PGP MESSAGE-----"sv, {"encrypted with GnuPG", kDecrypt}},
    Other{"\x85\x01\x0c\x03"sv, {"encrypted with GnuPG", kDecrypt}},
    Other{"\x85\x02\x0c\x03"sv, {"encrypted with GnuPG", kDecrypt}},
    Other{"\x85\x01\x8c\x03"sv, {"encrypted with GnuPG", kDecrypt}},
    Other{"\x84\x5e\x03"sv, {"encrypted with GnuPG", kDecrypt}},
    Other{"\x8c\x0d\x04"sv, {"encrypted with GnuPG", kDecrypt}},
    Other{"age-encryption.org/"sv, {"encrypted with age", kDecrypt}},
    Other{"-----BEGIN AGE ENCRYPTED FILE-----"sv, {"encrypted with age", kDecrypt}},
};

/// What comes behind frames that are to be passed over, as far as it can be seen.
std::string_view BehindSkippableFrames(std::string_view bytes) {
  constexpr size_t kHeader = 8;
  while (BeginsSkippableFrame(bytes) && bytes.size() > kHeader) {
    const uint64_t length = kHeader + uint64_t{LittleEndian32(bytes, 4)};
    if (length > bytes.size()) return {};
    bytes.remove_prefix(static_cast<size_t>(length));
  }
  return bytes;
}

}  // namespace

Result<std::unique_ptr<Unpacker>> MakeUnpacker(Codec codec) {
  switch (codec) {
    case Codec::kGzip:
      return MakeGzip();
    case Codec::kZstd:
      return MakeZstd();
    case Codec::kXz:
      return MakeXz();
    case Codec::kBzip2:
      return MakeBzip2();
    case Codec::kLz4:
      return MakeLz4();
    case Codec::kZip:
      return MakeZip();
    case Codec::kTar:
      return MakeTar();
  }
  return Fail(ErrorCode::kInternal, "no such format");
}

std::optional<Codec> RecogniseCodec(std::string_view bytes) {
  if (BeginsGzip(bytes)) return Codec::kGzip;
  if (BeginsXz(bytes)) return Codec::kXz;
  if (BeginsBzip2(bytes)) return Codec::kBzip2;
  if (BeginsZip(bytes)) return Codec::kZip;
  const std::string_view behind = BehindSkippableFrames(bytes);
  if (BeginsLz4(behind)) return Codec::kLz4;
  if (BeginsZstd(behind) || BeginsSkippableFrame(bytes)) return Codec::kZstd;
  return std::nullopt;
}

std::optional<OtherPacking> RecogniseOtherPacking(std::string_view bytes) {
  for (const Other& other : kOthers) {
    if (bytes.substr(0, other.bytes.size()) == other.bytes) return other.packing;
  }
  return std::nullopt;
}

std::string_view NameOf(Codec codec) {
  for (const Named& named : kNames) {
    if (named.codec == codec) return named.name;
  }
  return {};
}

std::string_view CheckerOf(Codec codec) {
  for (const Named& named : kNames) {
    if (named.codec == codec) return named.checker;
  }
  return {};
}

}  // namespace spawnd::engines
