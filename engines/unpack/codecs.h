/// The formats, one a file of this folder, and what their files begin with. For unpacker.cc.
#pragma once

#include <memory>
#include <string_view>

#include "engines/unpack/unpacker.h"

namespace spawnd::engines {

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

/// APPNOTE.TXT of PKWARE: an archive of one file.
bool BeginsZip(std::string_view bytes);
std::unique_ptr<Unpacker> MakeZip();

/// POSIX.1-1988 (ustar), GNU and pax: an archive of one file.
std::unique_ptr<Unpacker> MakeTar();

}  // namespace spawnd::engines
