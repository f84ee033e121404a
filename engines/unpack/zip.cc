/// APPNOTE.TXT of PKWARE, section 4.3: local headers with their data, one after the other, then the central
/// directory. Read from front to end, so that it works in a pipe and around other formats, too.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <optional>

#include "engines/unpack/codecs.h"
#include "engines/unpack/little_endian.h"
#include "engines/unpack/zip_records.h"

namespace spawnd::engines {
namespace {

constexpr const char* kUnpackIt = "Unpack it, and name the backup that was in it.";

/// Method 0.
class Stored final : public Unpacker {
 public:
  bool Begins(std::string_view /*bytes*/) const override { return true; }
  Result<void> Begin() override { return {}; }
  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    const size_t count = std::min(in.size(), size);
    std::memcpy(out, in.data(), count);
    return Step{count, count, false};
  }
};

Result<std::unique_ptr<Unpacker>> UnpackerOf(uint16_t method) {
  switch (method) {
    case 0:
      return std::make_unique<Stored>();
    case 8:
      return MakeDeflate();
    case 9:
      return Fail(ErrorCode::kUnsupported,
                  "is packed by the method Deflate64, as Windows does with files of more than 2 GB",
                  kUnpackIt);
    case 12:
      return MakeBzip2();
    case 93:
      return MakeZstd();
    case 95:
      return MakeXz();
    default:
      return Fail(ErrorCode::kUnsupported,
                  "is packed by method " + std::to_string(method) + " of zip, which is not known here",
                  kUnpackIt);
  }
}

class Zip final : public Unpacker {
 public:
  explicit Zip(MemberListener listener) : listener_(std::move(listener)) {}
  bool Begins(std::string_view bytes) const override { return BeginsZip(bytes); }
  Result<void> Begin() override {
    state_ = State::kRecord;
    first_name_.clear();
    skip_ = 0;
    return {};
  }

  /// A step that does nothing but lead to the next one is none: Layer would take it for a wish for more.
  Result<Step> Next(std::string_view in, char* out, size_t size) override {
    while (true) {
      const State before = state_;
      TRY_ASSIGN(const Step step, NextOf(in, out, size));
      if (step.taken > 0 || step.made > 0 || step.ended || state_ == before) return step;
    }
  }

 private:
  enum class State { kRecord, kSkip, kData, kDescriptor };

  Result<Step> NextOf(std::string_view in, char* out, size_t size) {
    switch (state_) {
      case State::kRecord:
        return TakeRecord(in);
      case State::kSkip:
        return Skip(in);
      case State::kData:
        return entry_.passed_over ? Discard(in) : Unpack(in, out, size);
      case State::kDescriptor:
        return TakeDescriptor(in);
    }
    return Step{};
  }

  Result<Step> TakeRecord(std::string_view in) {
    const std::optional<size_t> length = ZipRecordLength(in);
    if (!length) return Fail(ErrorCode::kInvalidArgument, "there is no record of a zip archive");
    if (*length > in.size()) return Step{};
    const uint32_t signature = LittleEndian32(in, 0);
    if (signature != kZipLocalHeader) {
      is_last_ = signature == kZipEnd;
      skip_ = *length + (is_last_ ? LittleEndian16(in, kZipCommentLengthAt) : 0);
      state_ = State::kSkip;
      if (is_last_ && first_name_.empty()) {
        return Fail(ErrorCode::kInvalidArgument, "is a zip archive that has no file in it", kUnpackIt);
      }
      return Step{};
    }
    TRY(BeginEntry(ReadZipEntry(in.substr(0, *length))));
    return Step{*length, 0, false};
  }

  Result<void> BeginEntry(ZipEntry entry) {
    entry_ = std::move(entry);
    if (entry_.encrypted) {
      return Fail(ErrorCode::kUnsupported, "is an encrypted zip archive", kUnpackIt);
    }
    if (listener_ && (!entry_.passed_over || entry_.is_folder)) {
      TRY(listener_(entry_.name, entry_.is_folder));
    }
    if (!entry_.passed_over) {
      if (!listener_ && !first_name_.empty()) {
        return Fail(ErrorCode::kInvalidArgument,
                    "is a zip archive of several files: '" + first_name_ + "', '" + entry_.name + "'",
                    kUnpackIt);
      }
      first_name_ = entry_.name;
    }
    TRY_ASSIGN(unpacker_, UnpackerOf(entry_.method));
    // zip(1) writes an empty file so into a pipe. Whether it is one, what follows says.
    taken_for_empty_ = !entry_.size_known && entry_.method == 0;
    if (taken_for_empty_) {
      entry_.size_known = true;
      entry_.packed = 0;
    }
    TRY(unpacker_->Begin());
    state_ = State::kData;
    taken_ = 0;
    made_ = 0;
    crc_ = ::crc32(0, nullptr, 0);
    return {};
  }

  Result<Step> Skip(std::string_view in) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(skip_, in.size()));
    skip_ -= count;
    const bool done = skip_ == 0;
    if (done) state_ = State::kRecord;
    return Step{count, 0, done && is_last_};
  }

  Result<Step> Unpack(std::string_view in, char* out, size_t size) {
    const bool known = entry_.size_known;
    if (known) in = in.substr(0, static_cast<size_t>(std::min<uint64_t>(in.size(), entry_.packed - taken_)));
    TRY_ASSIGN(Step step, unpacker_->Next(in, out, size));
    crc_ = ::crc32(crc_, reinterpret_cast<const Bytef*>(out), static_cast<uInt>(step.made));
    taken_ += step.taken;
    made_ += step.made;
    if (entry_.method == 0) step.ended = taken_ == entry_.packed;
    if (step.ended) {
      TRY(EndEntry());
    } else if (known && taken_ == entry_.packed && step.made == 0 && step.taken == 0) {
      return Fail(ErrorCode::kInvalidArgument, "the data of '" + entry_.name + "' has no end");
    }
    step.ended = false;
    return step;
  }

  Result<Step> Discard(std::string_view in) {
    std::array<char, 16384> nowhere;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by Unpack
    constexpr uint64_t kMost = uint64_t{64} << 20U;
    Step all;
    while (state_ == State::kData) {
      TRY_ASSIGN(const Step step, Unpack(in.substr(all.taken), nowhere.data(), nowhere.size()));
      all.taken += step.taken;
      if (step.taken == 0 && step.made == 0) break;
      if (made_ <= kMost) continue;
      return Fail(ErrorCode::kInvalidArgument, "has a '" + entry_.name + "' of more than 64 MiB", kUnpackIt);
    }
    return all;
  }

  Result<void> EndEntry() {
    state_ = entry_.sizes_follow ? State::kDescriptor : State::kRecord;
    if (entry_.sizes_follow) return {};
    if (taken_ != entry_.packed) {
      return Fail(ErrorCode::kInvalidArgument, "the data of '" + entry_.name + "' ends too soon");
    }
    return CheckSum(entry_.crc, entry_.unpacked, UINT64_MAX);
  }

  Result<void> CheckSum(uint32_t crc, uint64_t unpacked, uint64_t mask) const {
    if (crc == crc_ && unpacked == (made_ & mask)) return {};
    return Fail(ErrorCode::kInvalidArgument, "the checksum of '" + entry_.name + "' is wrong");
  }

  /// With or without a signature, sizes of 4 or 8 bytes: what fits is what it is. A record follows.
  Result<Step> TakeDescriptor(std::string_view in) {
    constexpr size_t kLongest = 24;
    constexpr uint64_t kLow = UINT32_MAX;
    if (in.size() < kLongest + sizeof(uint32_t)) return Step{};
    const bool is_empty = LittleEndian32(in, 0) == kZipDescriptor && LittleEndian64(in, 4) == 0;
    if (taken_for_empty_ && !is_empty) {
      return Fail(ErrorCode::kUnsupported, "is a zip archive that does not say where its data ends",
                  kUnpackIt);
    }
    const size_t start = LittleEndian32(in, 0) == kZipDescriptor ? 4 : 0;
    const uint32_t crc = LittleEndian32(in, start);
    state_ = State::kRecord;
    if (LittleEndian64(in, start + 4) == taken_ && LittleEndian64(in, start + 12) == made_) {
      TRY(CheckSum(crc, made_, UINT64_MAX));
      return Step{start + 20, 0, false};
    }
    if (LittleEndian32(in, start + 4) != (taken_ & kLow)) {
      return Fail(ErrorCode::kInvalidArgument, "the data of '" + entry_.name + "' ends too soon");
    }
    TRY(CheckSum(crc, LittleEndian32(in, start + 8), kLow));
    return Step{start + 12, 0, false};
  }

  const MemberListener listener_;
  State state_ = State::kRecord;
  std::string first_name_;  ///< of the file that is unpacked; empty: none yet
  ZipEntry entry_;
  std::unique_ptr<Unpacker> unpacker_;
  bool taken_for_empty_ = false;
  uint64_t taken_ = 0;  ///< of the entry's data
  uint64_t made_ = 0;
  uLong crc_ = 0;
  uint64_t skip_ = 0;  ///< of a record that says nothing new
  bool is_last_ = false;
};

}  // namespace

bool BeginsZip(std::string_view bytes) {
  if (bytes.size() < 4) return false;
  const uint32_t signature = LittleEndian32(bytes, 0);
  return signature == kZipLocalHeader || signature == kZipEnd ||
         (signature == kZipDescriptor && bytes.substr(4, 2) == "PK");
}

std::unique_ptr<Unpacker> MakeZip(MemberListener listener) {
  return std::make_unique<Zip>(std::move(listener));
}

}  // namespace spawnd::engines
