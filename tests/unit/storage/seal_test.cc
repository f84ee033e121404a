#include "storage/seal.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/image/image_files.h"
#include "storage/image/image_verify.h"
#include "storage/image/index_format.h"
#include "storage/seal_batch.h"
#include "tests/unit/storage/seal_test_volume.h"

namespace spawnd::storage {
namespace {

using namespace testing;

void CheckSame(Volume& volume, Image& image) {
  REQUIRE(image.VolumeBytes() == volume.SizeBytes());
  Bytes expected(kChunkSize);
  for (uint64_t chunk = 0; chunk < volume.SizeBytes() / kChunkSize; ++chunk) {
    REQUIRE(volume.Read(chunk * kChunkSize, expected));
    REQUIRE(ChunkOf(image, chunk) == expected);
  }
}

TEST_CASE("random, zero and compressible data come back; zeros cost nothing, random data is stored raw") {
  const ScratchDirectory directory;
  MemoryVolume volume(3000);
  volume.Put(5, RawChunk(1));
  volume.Put(6, Bytes(kChunkSize));
  volume.Put(2999, RawChunk(2));
  const Sealed sealed = SealInto(directory, volume);
  CHECK(sealed.result.layer_ids == std::vector<std::string>{sealed.layer_id});
  CHECK(sealed.result.data_bytes == 2 * kChunkSize);
  CHECK(sealed.result.new_layer_bytes == 4096 + 2 * kChunkSize + 8 + 56);
  CHECK(sealed.result.new_layer_bytes == ReadFile(LayerPath(directory.Path(), sealed.layer_id)).size());
  CheckSame(volume, *OpenImage(directory, sealed));
}

TEST_CASE("more than one batch, with unchanged chunks between the changed ones, stays in order") {
  const ScratchDirectory directory;
  MemoryVolume first(4 * SealBatch::kChunks);
  for (uint64_t chunk = 0; chunk < 4 * SealBatch::kChunks; ++chunk) {
    if (chunk % 7 != 0) first.Put(chunk, MakeChunk(chunk));
  }
  const Sealed below = SealInto(directory, first);
  const auto image = OpenImage(directory, below);
  CheckSame(first, *image);

  MemoryVolume second(4 * SealBatch::kChunks, image);
  for (uint64_t chunk = 0; chunk < 4 * SealBatch::kChunks; chunk += 2) {
    second.Put(chunk, chunk % 10 == 0 ? Bytes(kChunkSize) : MakeChunk(chunk + 100000));
  }
  const Sealed above = SealInto(directory, second);
  CHECK(above.result.layer_ids.size() == 2);
  CheckSame(second, *OpenImage(directory, above));
  CHECK(VerifyImage(PosixFileSystem(), above.index_path, directory.Path()));
}

TEST_CASE("an image over an image refers to the parent's chunks and copies none") {
  const ScratchDirectory directory;
  MemoryVolume first(1000);
  for (uint64_t chunk = 0; chunk < 100; ++chunk) first.Put(chunk, RawChunk(chunk));
  const Sealed below = SealInto(directory, first);
  const auto parent = OpenImage(directory, below);

  MemoryVolume second(1000, parent);
  second.Put(50, MakeChunk(777));
  const Sealed above = SealInto(directory, second);
  CHECK(above.result.layer_ids == std::vector<std::string>{below.layer_id, above.layer_id});
  CHECK(above.result.data_bytes == 100 * kChunkSize);
  CHECK(above.result.new_layer_bytes < 4096 + kChunkSize);
  const auto image = OpenImage(directory, above);
  CheckSame(second, *image);
  CHECK(image->Locate(49)->offset == parent->Locate(49)->offset);
}

TEST_CASE("a volume without changes seals to a new index and no new layer") {
  const ScratchDirectory directory;
  MemoryVolume first(1000);
  first.Put(3, MakeChunk(3));
  const Sealed below = SealInto(directory, first);
  MemoryVolume second(1000, OpenImage(directory, below));
  const Sealed above = SealInto(directory, second);
  CHECK(above.result.layer_ids == std::vector<std::string>{below.layer_id});
  CHECK(above.result.new_layer_bytes == 0);
  CHECK(NamesIn(directory).size() == 3);
  CheckSame(first, *OpenImage(directory, above));
}

TEST_CASE("a layer that nothing refers to any more is dropped, and ordinals follow") {
  const ScratchDirectory directory;
  MemoryVolume first(500);
  first.Put(0, MakeChunk(1));
  first.Put(1, MakeChunk(2));
  const Sealed one = SealInto(directory, first);
  MemoryVolume second(500, OpenImage(directory, one));
  second.Put(2, MakeChunk(3));
  const Sealed two = SealInto(directory, second);
  MemoryVolume third(500, OpenImage(directory, two));
  third.Put(0, MakeChunk(4));                      // overwrites what the first layer has
  REQUIRE(third.Discard(kChunkSize, kChunkSize));  // and discards the rest of it
  const Sealed three = SealInto(directory, third);
  CHECK(three.result.layer_ids == std::vector<std::string>{two.layer_id, three.layer_id});
  CHECK(three.result.data_bytes == 2 * kChunkSize);
  REQUIRE(PosixFileSystem().Remove(LayerPath(directory.Path(), one.layer_id)));
  const auto image = OpenImage(directory, three);
  CheckSame(third, *image);
  CHECK(image->Locate(1)->IsHole());
}

/// The real file system, except that it counts what changes it, can fail the n-th of these, and can skip
/// syncs (where a test makes hundreds of images). Records what it did.
class ObservedFileSystem final : public FileSystem {
 public:
  uint64_t fail_at = UINT64_MAX;
  bool skip_syncs = false;
  uint64_t changes = 0;
  std::vector<std::string> log;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    if (mode != OpenMode::kRead) TRY(Change("create " + Kind(path)));
    TRY_ASSIGN(auto file, PosixFileSystem().Open(path, mode));
    return std::make_unique<ObservedFile>(*this, std::move(file), Kind(path));
  }
  Result<void> Rename(const std::string& from, const std::string& to) override {
    TRY(Change("rename to " + Kind(to)));
    return PosixFileSystem().Rename(from, to);
  }
  Result<void> Remove(const std::string& path) override { return PosixFileSystem().Remove(path); }
  Result<bool> Exists(const std::string& path) override { return PosixFileSystem().Exists(path); }
  Result<void> CreateDirectory(const std::string& path) override {
    return PosixFileSystem().CreateDirectory(path);
  }
  Result<void> RemoveDirectory(const std::string& path) override {
    return PosixFileSystem().RemoveDirectory(path);
  }
  Result<std::vector<std::string>> List(const std::string& path) override {
    return PosixFileSystem().List(path);
  }
  Result<void> SyncDirectory(const std::string& path) override {
    TRY(Change("sync directory"));
    if (skip_syncs) return {};
    return PosixFileSystem().SyncDirectory(path);
  }

 private:
  class ObservedFile final : public File {
   public:
    ObservedFile(ObservedFileSystem& fs, std::unique_ptr<File> file, std::string kind)
        : fs_(fs), file_(std::move(file)), kind_(std::move(kind)) {}
    Result<size_t> ReadAt(uint64_t offset, std::span<std::byte> out) override {
      return file_->ReadAt(offset, out);
    }
    Result<void> WriteAt(uint64_t offset, std::span<const std::byte> data) override {
      TRY(fs_.Change("write " + kind_));
      return file_->WriteAt(offset, data);
    }
    Result<void> Sync() override {
      TRY(fs_.Change("sync " + kind_));
      if (fs_.skip_syncs) return {};
      return file_->Sync();
    }
    Result<void> Truncate(uint64_t size) override { return file_->Truncate(size); }
    Result<void> PunchHole(uint64_t offset, uint64_t length) override {
      return file_->PunchHole(offset, length);
    }
    Result<uint64_t> Size() override { return file_->Size(); }

   private:
    ObservedFileSystem& fs_;
    std::unique_ptr<File> file_;
    std::string kind_;
  };

  static std::string Kind(const std::string& path) { return path.substr(path.find('.')); }
  Result<void> Change(std::string what) {
    log.push_back(std::move(what));
    if (changes++ == fail_at) return Fail(ErrorCode::kNoSpace, "no space left (injected)");
    return {};
  }
};

TEST_CASE("data is durable before a trailer, a layer before the index that names it, contents before names") {
  const ScratchDirectory directory;
  MemoryVolume volume(100);
  volume.Put(0, MakeChunk(1));
  ObservedFileSystem fs;
  SealInto(directory, volume, fs);
  CHECK(fs.log == std::vector<std::string>{"create .index.tmp", "create .layer.tmp",  //
                                           "write .layer.tmp", "sync .layer.tmp",  // header, data and table
                                           "write .layer.tmp", "sync .layer.tmp",  // trailer
                                           "write .index.tmp", "sync .index.tmp",  //
                                           "write .index.tmp", "sync .index.tmp",  //
                                           "rename to .layer", "sync directory",   //
                                           "rename to .index", "sync directory"});
}

TEST_CASE("whatever fails during a seal, the error is reported and nothing stays behind") {
  MemoryVolume volume(1000);
  for (uint64_t chunk = 0; chunk < 200; ++chunk) volume.Put(chunk, RawChunk(chunk));
  uint64_t fail_at = 0;
  for (;; ++fail_at) {
    const ScratchDirectory directory;
    ObservedFileSystem fs;
    fs.fail_at = fail_at;
    fs.skip_syncs = true;
    const auto result = Seal(fs, volume,
                             {.layer_directory = directory.Path(),
                              .layer_id = std::string(32, 'a'),
                              .index_path = directory / "x.index"},
                             {});
    if (result) break;
    REQUIRE(result.error().code == ErrorCode::kNoSpace);
    REQUIRE(NamesIn(directory).empty());
  }
  CHECK(fail_at > 14);
}

TEST_CASE("an image never has more layers than kMaxLayers: sealing merges them, and every step reads right") {
  const ScratchDirectory directory;
  ObservedFileSystem fs;
  fs.skip_syncs = true;
  std::shared_ptr<Image> image;
  Sealed last;
  for (uint64_t n = 0; n < kMaxLayers; ++n) {
    MemoryVolume volume(kMaxLayers + 10, image);
    volume.Put(n, MakeChunk(n));
    last = SealInto(directory, volume, fs);
    REQUIRE(last.result.layer_ids.size() == n + 1);
    image = OpenImage(directory, last);
  }
  MemoryVolume volume(kMaxLayers + 10, image);
  volume.Put(kMaxLayers, MakeChunk(4711));
  last = SealInto(directory, volume, fs);
  CHECK(last.result.layer_ids == std::vector<std::string>{last.layer_id});
  CHECK(last.result.data_bytes == (kMaxLayers + 1) * kChunkSize);
  CheckSame(volume, *OpenImage(directory, last));
}

TEST_CASE("cancelling leaves nothing behind") {
  const ScratchDirectory directory;
  MemoryVolume volume(1000);
  for (uint64_t chunk = 0; chunk < 600; ++chunk) volume.Put(chunk, MakeChunk(chunk));
  int calls = 0;
  const auto result = Seal(PosixFileSystem(), volume,
                           {.layer_directory = directory.Path(),
                            .layer_id = std::string(32, 'a'),
                            .index_path = directory / "x.index"},
                           [&](const SealProgress&) { return ++calls < 3; });
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kCancelled);
  CHECK(calls == 3);
  CHECK(NamesIn(directory).empty());
}

TEST_CASE("progress grows up to the total that was named first") {
  const ScratchDirectory directory;
  MemoryVolume volume(1000);
  for (uint64_t chunk = 0; chunk < 600; ++chunk) volume.Put(chunk, MakeChunk(chunk));
  std::vector<SealProgress> seen;
  REQUIRE(Seal(PosixFileSystem(), volume,
               {.layer_directory = directory.Path(),
                .layer_id = std::string(32, 'a'),
                .index_path = directory / "x.index"},
               [&](const SealProgress& progress) {
                 seen.push_back(progress);
                 return true;
               }));
  REQUIRE(seen.size() >= 3);
  CHECK(seen.front().bytes_done == 0);
  CHECK(seen.back().bytes_done == 600 * kChunkSize);
  for (size_t i = 0; i < seen.size(); ++i) {
    CHECK(seen[i].bytes_total == 600 * kChunkSize);
    if (i > 0) CHECK(seen[i].bytes_done > seen[i - 1].bytes_done);
  }
}

TEST_CASE("a sealed file is never replaced, an interrupted one is") {
  const ScratchDirectory directory;
  MemoryVolume volume(100);
  volume.Put(0, MakeChunk(1));
  const Sealed sealed = SealInto(directory, volume);
  const Bytes layer = ReadFile(LayerPath(directory.Path(), sealed.layer_id));
  volume.Put(0, MakeChunk(2));
  SealRequest request{.layer_directory = directory.Path(),
                      .layer_id = sealed.layer_id,
                      .index_path = directory / "new.index"};
  CHECK(Seal(PosixFileSystem(), volume, request, {}).error().code == ErrorCode::kAlreadyExists);
  request.layer_id = RandomId();
  request.index_path = sealed.index_path;
  CHECK(Seal(PosixFileSystem(), volume, request, {}).error().code == ErrorCode::kAlreadyExists);
  request.index_path = directory / "new.index";
  request.layer_id = "../../etc/passwd";
  CHECK(Seal(PosixFileSystem(), volume, request, {}).error().code == ErrorCode::kInvalidArgument);
  CHECK(ReadFile(LayerPath(directory.Path(), sealed.layer_id)) == layer);
  CHECK(NamesIn(directory).size() == 2);

  request.layer_id = RandomId();
  WriteFile(TemporaryPath(request.index_path), layer);
  WriteFile(TemporaryPath(LayerPath(directory.Path(), request.layer_id)), layer);
  REQUIRE(Seal(PosixFileSystem(), volume, request, {}));
  CHECK(NamesIn(directory).size() == 4);
  CHECK(VerifyImage(PosixFileSystem(), request.index_path, directory.Path()));
}

/// Counts what a walk asks of the volume: steps, unlike seconds, do not depend on how busy the machine is.
class CountingVolume final : public MemoryVolume {
 public:
  using MemoryVolume::MemoryVolume;
  Result<uint64_t> NextData(uint64_t chunk) override {
    ++steps;
    return MemoryVolume::NextData(chunk);
  }
  int steps = 0;
};

TEST_CASE("sealing an all but empty volume of 64 GiB costs its data, not its size") {
  const ScratchDirectory directory;
  constexpr uint64_t kChunks = (uint64_t{64} << 30) / kChunkSize;
  CountingVolume volume(kChunks);
  volume.Put(0, MakeChunk(1));
  volume.Put(kChunks - 1, MakeChunk(2));
  ObservedFileSystem fs;
  fs.skip_syncs = true;
  const Sealed sealed = SealInto(directory, volume, fs);
  const auto image = OpenImage(directory, sealed);
  CHECK(image->NextData(1).value() == kChunks - 1);
  CHECK(volume.steps <= 8);  // two walks over two chunks, not over four million
  CHECK(ReadFile(sealed.index_path).size() < 128 * 1024);
}

/// Makes its chunks on the fly, so that only Seal's own memory is seen.
class GeneratedVolume final : public MemoryVolume {
 public:
  explicit GeneratedVolume(uint64_t chunks) : MemoryVolume(chunks), chunk_count_(chunks) {}
  Result<void> Read(uint64_t offset, std::span<std::byte> out) override {
    uint64_t state = offset + 1;
    for (size_t at = 0; at < out.size() / 4 * 3; at += 8) {
      state = state * 6364136223846793005 + 1442695040888963407;
      std::memcpy(out.data() + at, &state, 8);
    }
    std::fill(out.begin() + static_cast<ptrdiff_t>(out.size() / 4 * 3), out.end(), std::byte{0});
    return {};
  }
  Result<uint64_t> NextData(uint64_t chunk) override { return std::min(chunk, chunk_count_); }
  bool ChunkIsFromImage(uint64_t) override { return false; }

 private:
  uint64_t chunk_count_;
};

/// A line of /proc/self/status, in KiB.
uint64_t StatusKib(const std::string& key) {
  const int fd = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);
  std::string text(8192, '\0');
  const ssize_t got = ::read(fd, text.data(), text.size());
  ::close(fd);
  REQUIRE(got > 0);
  const size_t at = text.find(key + ":");
  REQUIRE(at != std::string::npos);
  return std::stoull(text.substr(at + key.size() + 1));
}

TEST_CASE("sealing 256 MiB takes a fixed few megabytes of memory") {
  const ScratchDirectory directory;
  GeneratedVolume volume(256 * 64);
  const int fd = ::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);  // "5" resets the peak
  REQUIRE(fd >= 0);
  REQUIRE(::write(fd, "5", 1) == 1);
  ::close(fd);
  const uint64_t before = StatusKib("VmRSS");
  const Sealed sealed = SealInto(directory, volume);
  const uint64_t peak = StatusKib("VmHWM");
  CHECK(sealed.result.new_layer_bytes > (uint64_t{180} << 20));
  INFO("from " << before << " KiB to a peak of " << peak << " KiB");
  CHECK(peak < before + 64 * 1024);
}

std::unique_ptr<Volume> OpenVolume(const std::string& delta, uint64_t chunks, std::shared_ptr<Image> image) {
  auto volume = Volume::Open(PosixFileSystem(), {.directory = delta,
                                                 .volume_bytes = chunks * kChunkSize,
                                                 .image = std::move(image),
                                                 .boot_id = "the boot of this test"});
  if (!volume) FAIL(volume.error().message);
  return std::move(*volume);
}

TEST_CASE("a real volume, written and discarded block by block over three images, seals to what it reads") {
  const ScratchDirectory directory;
  constexpr uint64_t kChunks = 600;
  constexpr uint64_t kBlocks = kChunks * kBlocksPerChunk;
  std::mt19937_64 random(5);
  Bytes model(kChunks * kChunkSize);
  std::shared_ptr<Image> image;
  for (int generation = 0; generation < 3; ++generation) {
    const ScratchDirectory delta;
    const auto volume = OpenVolume(delta.Path(), kChunks, image);
    for (int i = 0; i < 700; ++i) {
      const uint64_t block = random() % kBlocks;
      const uint64_t count = std::min<uint64_t>(1 + random() % 9, kBlocks - block);
      const std::span<std::byte> range = std::span(model).subspan(block * kBlockSize, count * kBlockSize);
      if (i % 3 == 0) {
        std::ranges::fill(range, std::byte{0});
        REQUIRE(volume->Discard(block * kBlockSize, range.size()));
      } else {
        std::ranges::fill(range, static_cast<std::byte>(random()));
        REQUIRE(volume->Write(block * kBlockSize, range));
      }
    }
    image = OpenImage(directory, SealInto(directory, *volume));
    for (uint64_t chunk = 0; chunk < kChunks; ++chunk) {
      const std::span<const std::byte> expected = std::span(model).subspan(chunk * kChunkSize, kChunkSize);
      REQUIRE(std::ranges::equal(ChunkOf(*image, chunk), expected));
      const bool zero = std::ranges::all_of(expected, [](std::byte byte) { return byte == std::byte{0}; });
      REQUIRE(image->Locate(chunk)->IsHole() == zero);
    }
  }
}

}  // namespace
}  // namespace spawnd::storage
