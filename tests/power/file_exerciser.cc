/// Does random things to one file and holds it against a model in memory, in the manner of fsx.
///
///   file_exerciser FILE SEED OPERATIONS
///
/// Reads, writes, both also by mmap, truncates, allocates, punches holes and zeroes ranges, at random places
/// and lengths, page edges more often than not; now and then makes the file durable and throws away what is
/// cached, so that the next read comes from the disk below. Exit code 0 when file and model agreed to the
/// end. On a difference it prints where, and the last operations; the same seed does the same again.
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr size_t kMaxFileBytes = 4 << 20;
constexpr size_t kMaxOperationBytes = 192 << 10;
constexpr size_t kPage = 4096;
constexpr size_t kRemembered = 20;

struct Range {
  size_t offset = 0;
  size_t length = 0;
  size_t End() const { return offset + length; }
};

class Exerciser {
 public:
  Exerciser(std::string path, uint32_t seed) : path_(std::move(path)), lot_(seed) { Open(O_CREAT | O_TRUNC); }

  void Run(uint64_t operations) {
    for (uint64_t i = 0; i < operations; ++i) Step();
    DropCache();
    ReadAndCompare({0, model_.size()});
  }

 private:
  void Step() {
    switch (lot_() % 20) {
      case 0 ... 4:
        return Write(Somewhere());
      case 5 ... 6:
        return WriteMapped(Within());
      case 7 ... 9:
        return ReadAndCompare(Within());
      case 10 ... 11:
        return ReadMapped(Within());
      case 12:
        return Truncate(lot_() % kMaxFileBytes);
      case 13:
        return Allocate(Somewhere(), lot_() % 2 == 0);
      case 14 ... 15:
        return Zero(Somewhere(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch");
      case 16:
        return Zero(Somewhere(), FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero");
      case 17:
        Note("sync", {});
        return Check(::fsync(fd_) == 0, "fsync");
      case 18:
        return DropCache();
      default:
        Note("reopen", {});
        Check(::close(fd_) == 0, "close");
        return Open(0);
    }
  }

  /// Anywhere a file of the greatest size could have bytes. Half of the edges are page edges.
  Range Somewhere() {
    size_t offset = lot_() % (kMaxFileBytes - 1);
    size_t length = 1 + lot_() % (lot_() % 4 == 0 ? kMaxOperationBytes : 3 * kPage);
    if (lot_() % 2 == 0) offset = offset / kPage * kPage;
    if (lot_() % 2 == 0) length = (length + kPage - 1) / kPage * kPage;
    return {offset, std::min(length, kMaxFileBytes - offset)};
  }

  /// The same within the present file; empty when that is.
  Range Within() {
    if (model_.empty()) return {};
    const Range range = Somewhere();
    const size_t offset = range.offset % model_.size();
    return {offset, std::min(range.length, model_.size() - offset)};
  }

  void Fill(std::vector<unsigned char>& bytes) {
    const auto mark = static_cast<unsigned char>(lot_());
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(mark + i * 7 + i / 251);
  }

  void Remember(const Range& range, const std::vector<unsigned char>& bytes) {
    if (model_.size() < range.End()) model_.resize(range.End());
    std::copy(bytes.begin(), bytes.end(), model_.begin() + static_cast<std::ptrdiff_t>(range.offset));
  }

  void Write(const Range& range) {
    Note("write", range);
    std::vector<unsigned char> bytes(range.length);
    Fill(bytes);
    Check(::pwrite(fd_, bytes.data(), bytes.size(), Offset(range.offset)) == Offset(range.length), "write");
    Remember(range, bytes);
  }

  void WriteMapped(const Range& range) {
    if (range.length == 0) return;
    Note("write mapped", range);
    std::vector<unsigned char> bytes(range.length);
    Fill(bytes);
    WithMapping(range, [&](unsigned char* at) { std::memcpy(at, bytes.data(), bytes.size()); });
    Remember(range, bytes);
  }

  void ReadAndCompare(const Range& range) {
    Note("read", range);
    std::vector<unsigned char> bytes(range.length);
    Check(::pread(fd_, bytes.data(), bytes.size(), Offset(range.offset)) == Offset(range.length), "read");
    Compare(range, bytes.data());
  }

  void ReadMapped(const Range& range) {
    if (range.length == 0) return;
    Note("read mapped", range);
    WithMapping(range, [&](const unsigned char* at) { Compare(range, at); });
  }

  void Truncate(size_t size) {
    Note("truncate", {size, 0});
    Check(::ftruncate(fd_, Offset(size)) == 0, "truncate");
    model_.resize(size);
    CheckSize();
  }

  void Allocate(const Range& range, bool keep_size) {
    Note(keep_size ? "allocate, keep the size" : "allocate", range);
    const int mode = keep_size ? FALLOC_FL_KEEP_SIZE : 0;
    Check(::fallocate(fd_, mode, Offset(range.offset), Offset(range.length)) == 0, "fallocate");
    if (!keep_size && model_.size() < range.End()) model_.resize(range.End());
    CheckSize();
  }

  void Zero(const Range& range, int mode, const char* name) {
    Note(name, range);
    Check(::fallocate(fd_, mode, Offset(range.offset), Offset(range.length)) == 0, name);
    const size_t end = std::min(range.End(), model_.size());
    if (range.offset < end) std::memset(model_.data() + range.offset, 0, end - range.offset);
    CheckSize();
  }

  void DropCache() {
    Note("sync and drop the cache", {});
    Check(::fsync(fd_) == 0, "fsync");
    Check(::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED) == 0, "fadvise");
  }

  template <typename Use>
  void WithMapping(const Range& range, Use use) {
    const size_t start = range.offset / kPage * kPage;
    void* mapped =
        ::mmap(nullptr, range.End() - start, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, Offset(start));
    Check(mapped != MAP_FAILED, "mmap");
    use(static_cast<unsigned char*>(mapped) + (range.offset - start));
    Check(::munmap(mapped, range.End() - start) == 0, "munmap");
  }

  void Compare(const Range& range, const unsigned char* bytes) {
    for (size_t i = 0; i < range.length; ++i) {
      if (bytes[i] == model_[range.offset + i]) continue;
      std::printf("byte %zu is %u, should be %u\n", range.offset + i, bytes[i], model_[range.offset + i]);
      Fail();
    }
  }

  void CheckSize() {
    struct stat st {};
    Check(::fstat(fd_, &st) == 0, "stat");
    if (static_cast<size_t>(st.st_size) == model_.size()) return;
    std::printf("the file has %zu bytes, should have %zu\n", static_cast<size_t>(st.st_size), model_.size());
    Fail();
  }

  void Open(int flags) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CLOEXEC | flags, 0600);
    Check(fd_ >= 0, "open");
  }

  static off_t Offset(size_t bytes) { return static_cast<off_t>(bytes); }

  void Note(const char* what, const Range& range) {
    history_.push_back(std::string(what) + " " + std::to_string(range.offset) + " +" +
                       std::to_string(range.length));
    if (history_.size() > kRemembered) history_.pop_front();
    ++done_;
  }

  void Check(bool ok, const char* what) {
    if (ok) return;
    std::printf("%s: %s\n", what, std::strerror(errno));
    Fail();
  }

  [[noreturn]] void Fail() {
    std::printf("after %llu operations; the last ones:\n", static_cast<unsigned long long>(done_));
    for (const std::string& line : history_) std::printf("  %s\n", line.c_str());
    std::exit(1);
  }

  std::string path_;
  std::mt19937 lot_;
  int fd_ = -1;
  std::vector<unsigned char> model_;
  std::deque<std::string> history_;
  uint64_t done_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::puts("usage: file_exerciser FILE SEED OPERATIONS");
    return 64;
  }
  Exerciser(argv[1], static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)))
      .Run(std::strtoull(argv[3], nullptr, 10));
  return 0;
}
