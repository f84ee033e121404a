/// The formats: which of them a file is of, and their unpackers, one a file of this folder. Safe from any
/// thread.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "engines/unpack/packing.h"
#include "engines/unpack/unpacker.h"

namespace spawnd::engines {

/// kUnsupported, kInternal where the library refuses; std::bad_alloc when there is no memory.
Result<std::unique_ptr<Unpacker>> MakeUnpacker(Codec codec);

/// What a file that begins so is packed with; nothing: it is not packed. `bytes`: kBeginBytes, or all there
/// are; more help where a file begins with frames that say nothing of it.
std::optional<Codec> RecogniseCodec(std::string_view bytes);

/// What a file is that begins like something packed or encrypted in a way that is not read here ("packed with
/// 7-Zip"), with a hint on how to unpack it; nothing: it is none.
struct OtherPacking {
  std::string_view what;
  std::string_view hint;
};
std::optional<OtherPacking> RecogniseOtherPacking(std::string_view bytes);

/// "gzip", and the command that checks a file of it.
std::string_view NameOf(Codec codec);
std::string_view CheckerOf(Codec codec);

/// RFC 1952.
bool BeginsGzip(std::string_view bytes);
std::unique_ptr<Unpacker> MakeGzip();
/// RFC 1951, without anything around it.
std::unique_ptr<Unpacker> MakeDeflate();

/// RFC 8878.
bool BeginsZstd(std::string_view bytes);
std::unique_ptr<Unpacker> MakeZstd();

/// xz-file-format.txt of XZ Utils, section 2.1.
bool BeginsXz(std::string_view bytes);
std::unique_ptr<Unpacker> MakeXz();

bool BeginsBzip2(std::string_view bytes);
std::unique_ptr<Unpacker> MakeBzip2();

/// The frame of LZ4 1.6, and the legacy one.
bool BeginsLz4(std::string_view bytes);
std::unique_ptr<Unpacker> MakeLz4();

/// A frame of zstd or lz4 (both define it) that is to be passed over.
bool BeginsSkippableFrame(std::string_view bytes);

/// APPNOTE.TXT of PKWARE: an archive of one file, or with `listener` of any.
bool BeginsZip(std::string_view bytes);
std::unique_ptr<Unpacker> MakeZip(MemberListener listener = {});

/// POSIX.1-1988 (ustar), GNU and pax: an archive of one file, or with `listener` of any.
std::unique_ptr<Unpacker> MakeTar(MemberListener listener = {});

}  // namespace spawnd::engines
