/// A zero-filled array of fixed size whose memory appears only where it is written.
///
/// The block map and the slot tables of a volume are sized for the worst case (a 64 GiB volume has 16 million
/// blocks), yet an idle volume must cost almost nothing and the write path must not call an allocator. An
/// anonymous private mapping without reservation does both: a page that was only read is the kernel's shared
/// zero page. Huge pages are switched off, because one written word would then take 2 MiB.
///
/// Not thread-safe. Memory only; nothing survives the process.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "base/result.h"

namespace spawnd::storage {

template <typename T>
class LazyArray {
  static_assert(std::is_trivial_v<T>);

 public:
  LazyArray() = default;
  LazyArray(LazyArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  LazyArray& operator=(LazyArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  LazyArray(const LazyArray&) = delete;
  LazyArray& operator=(const LazyArray&) = delete;
  ~LazyArray() {
    if (data_ != nullptr) ::munmap(data_, size_ * sizeof(T));
  }

  /// `size` zeros, at least one. Errors: kIo when the address space is used up (or when the host forbids
  /// overcommit, vm.overcommit_memory=2, and has no room for the worst case).
  static Result<LazyArray> Create(size_t size) {
    void* memory = ::mmap(nullptr, size * sizeof(T), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return FailErrno(errno, "cannot map memory for a volume's tables");
    // Without transparent huge pages in the kernel this fails and there is nothing to switch off.
    static_cast<void>(::madvise(memory, size * sizeof(T), MADV_NOHUGEPAGE));
    LazyArray array;
    array.data_ = static_cast<T*>(memory);
    array.size_ = size;
    return array;
  }

  /// More zeros at the end; the elements may move. A smaller size changes nothing. Errors: as Create.
  Result<void> Grow(size_t size) {
    if (size <= size_) return {};
    void* memory = ::mremap(data_, size_ * sizeof(T), size * sizeof(T), MREMAP_MAYMOVE);
    if (memory == MAP_FAILED) return FailErrno(errno, "cannot map memory for a volume's tables");
    data_ = static_cast<T*>(memory);
    size_ = size;
    return {};
  }

  size_t size() const { return size_; }
  T& operator[](size_t index) { return data_[index]; }
  const T& operator[](size_t index) const { return data_[index]; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace spawnd::storage
