/// FUSE low-level API, libfuse 3.14. The request numbers and flags are those of linux/fuse.h.
#include "storage/export/fuse_export.h"

#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace spawnd::storage {
namespace {

constexpr fuse_ino_t kFileInode = 2;
constexpr uint32_t kMaxRequestBytes = 1 << 20;
constexpr double kForEver = 1e9;  // seconds; names and sizes never change
/// What the kernel may have in flight; its default of 12 would throttle a loop device with more requests
/// queued.
constexpr unsigned kMaxBackground = 128;

int ErrnoFor(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNoSpace:
      return ENOSPC;
    case ErrorCode::kInvalidArgument:
      return EINVAL;
    default:
      return EIO;
  }
}

/// Memory of one serving thread, taken once: allocating on the write path can deadlock when the kernel writes
/// pages back in order to have memory to give.
struct ThreadBuffers {
  static constexpr size_t kPage = 4096;
  // A write request is two headers and then the data; this offset puts the data on a page boundary.
  static constexpr size_t kWriteHeaders = sizeof(fuse_in_header) + sizeof(fuse_write_in);

  ThreadBuffers()
      : request_(static_cast<std::byte*>(std::aligned_alloc(kPage, 2 * kPage + kMaxRequestBytes))),
        reply_(static_cast<std::byte*>(std::aligned_alloc(kPage, kMaxRequestBytes))) {}
  ~ThreadBuffers() {
    std::free(request_);
    std::free(reply_);
  }
  ThreadBuffers(const ThreadBuffers&) = delete;
  ThreadBuffers& operator=(const ThreadBuffers&) = delete;

  void* RequestMemory() const { return request_ + kPage - kWriteHeaders; }
  std::byte* Reply() const { return reply_; }

 private:
  std::byte* request_;
  std::byte* reply_;
};

thread_local ThreadBuffers* thread_buffers = nullptr;

}  // namespace

/// The callbacks of libfuse; a struct so that it can be a friend.
struct FuseRequests {
  static FuseExport& Export(fuse_req_t req) { return *static_cast<FuseExport*>(fuse_req_userdata(req)); }

  static void Refuse(fuse_req_t req, const Error& error) {
    Export(req).refused_ = true;
    fuse_reply_err(req, ErrnoFor(error));
  }

  static struct stat Attributes(FuseExport& self, fuse_ino_t inode) {
    struct stat st {};
    st.st_ino = inode;
    if (inode == FUSE_ROOT_ID) {
      st.st_mode = S_IFDIR | 0700;
      st.st_nlink = 2;
    } else {
      st.st_mode = S_IFREG | 0600;
      st.st_nlink = 1;
      st.st_size = static_cast<off_t>(self.volume_->SizeBytes());
      st.st_blksize = kBlockSize;
    }
    return st;
  }

  static void Init(void* /*userdata*/, fuse_conn_info* connection) {
    connection->max_write = kMaxRequestBytes;
    connection->max_background = kMaxBackground;
    connection->congestion_threshold = kMaxBackground * 3 / 4;
    if ((connection->capable & FUSE_CAP_ASYNC_DIO) != 0) connection->want |= FUSE_CAP_ASYNC_DIO;
  }

  static void Lookup(fuse_req_t req, fuse_ino_t parent, const char* name) {
    FuseExport& self = Export(req);
    if (parent != FUSE_ROOT_ID || self.file_name_ != name) {
      fuse_reply_err(req, ENOENT);
      return;
    }
    fuse_entry_param entry{};
    entry.ino = kFileInode;
    entry.attr = Attributes(self, kFileInode);
    entry.attr_timeout = kForEver;
    entry.entry_timeout = kForEver;
    fuse_reply_entry(req, &entry);
  }

  static void GetAttr(fuse_req_t req, fuse_ino_t inode, fuse_file_info* /*info*/) {
    const struct stat st = Attributes(Export(req), inode);
    fuse_reply_attr(req, &st, kForEver);
  }

  static void Open(fuse_req_t req, fuse_ino_t inode, fuse_file_info* /*info*/) {
    if (inode != kFileInode) {
      fuse_reply_err(req, EISDIR);
      return;
    }
    // The reply is built by hand because libfuse 3.14 has no field for parallel direct writes, without which
    // the kernel lets one write at a time through.
    fuse_open_out reply{};
    reply.open_flags = FOPEN_DIRECT_IO | FOPEN_PARALLEL_DIRECT_WRITES;
    fuse_reply_buf(req, reinterpret_cast<const char*>(&reply), sizeof reply);
  }

  static void Read(fuse_req_t req, fuse_ino_t /*inode*/, size_t size, off_t offset,
                   fuse_file_info* /*info*/) {
    FuseExport& self = Export(req);
    const uint64_t volume_bytes = self.volume_->SizeBytes();
    const auto start = static_cast<uint64_t>(offset);
    const uint64_t end = std::min<uint64_t>(start + std::min<size_t>(size, kMaxRequestBytes), volume_bytes);
    if (start >= end) {
      fuse_reply_buf(req, nullptr, 0);
      return;
    }
    std::byte* out = thread_buffers->Reply();
    auto read = self.volume_->Read(start, {out, end - start});
    if (!read) {
      fuse_reply_err(req, ErrnoFor(read.error()));
      return;
    }
    fuse_reply_buf(req, reinterpret_cast<const char*>(out), end - start);
  }

  static void Write(fuse_req_t req, fuse_ino_t /*inode*/, const char* data, size_t size, off_t offset,
                    fuse_file_info* /*info*/) {
    FuseExport& self = Export(req);
    if (!self.drop_writes_) {
      auto written = self.volume_->Write(static_cast<uint64_t>(offset),
                                         {reinterpret_cast<const std::byte*>(data), size});
      if (!written) {
        Refuse(req, written.error());
        return;
      }
    }
    fuse_reply_write(req, size);
    if (!self.drop_writes_) self.volume_->AnticipateFlush();
  }

  /// Never left out: libfuse would answer ENOSYS, which the kernel takes as "fsync always succeeds" for ever.
  static void Fsync(fuse_req_t req, fuse_ino_t /*inode*/, int /*data_only*/, fuse_file_info* /*info*/) {
    FuseExport& self = Export(req);
    if (self.drop_writes_) {
      fuse_reply_err(req, 0);
      return;
    }
    auto flushed = self.volume_->Flush();
    if (!flushed) return Refuse(req, flushed.error());
    fuse_reply_err(req, 0);
  }

  /// Discards and write-zeroes of the loop device. Both leave zeros behind, which is what Discard does.
  static void Fallocate(fuse_req_t req, fuse_ino_t /*inode*/, int mode, off_t offset, off_t length,
                        fuse_file_info* /*info*/) {
    FuseExport& self = Export(req);
    if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) == 0) {
      fuse_reply_err(req, EOPNOTSUPP);
      return;
    }
    if (!self.drop_writes_) {
      auto discarded = self.volume_->Discard(static_cast<uint64_t>(offset), static_cast<uint64_t>(length));
      if (!discarded) {
        Refuse(req, discarded.error());
        return;
      }
    }
    fuse_reply_err(req, 0);
  }

  /// Closing a descriptor is no promise of durability.
  static void Flush(fuse_req_t req, fuse_ino_t /*inode*/, fuse_file_info* /*info*/) {
    fuse_reply_err(req, 0);
  }

  static fuse_lowlevel_ops Table() {
    fuse_lowlevel_ops ops{};
    ops.init = Init;
    ops.lookup = Lookup;
    ops.getattr = GetAttr;
    ops.open = Open;
    ops.read = Read;
    ops.write = Write;
    ops.fsync = Fsync;
    ops.fallocate = Fallocate;
    ops.flush = Flush;
    return ops;
  }
};

FuseExport::FuseExport(std::string mount_point, std::string file_name)
    : mount_point_(std::move(mount_point)), file_name_(std::move(file_name)) {}

Result<std::unique_ptr<FuseExport>> FuseExport::Mount(const std::string& mount_point,
                                                      const std::string& file_name) {
  std::unique_ptr<FuseExport> self(new FuseExport(mount_point, file_name));
  std::array<char*, 5> argv{const_cast<char*>("spawnd"), const_cast<char*>("-o"),
                            const_cast<char*>("fsname=spawnd,subtype=spawnd,default_permissions"), nullptr};
  fuse_args args = FUSE_ARGS_INIT(3, argv.data());
  const fuse_lowlevel_ops ops = FuseRequests::Table();
  self->session_ = fuse_session_new(&args, &ops, sizeof ops, self.get());
  fuse_opt_free_args(&args);
  if (self->session_ == nullptr) return Fail(ErrorCode::kInternal, "cannot make a FUSE session");
  if (fuse_session_mount(self->session_, mount_point.c_str()) != 0) {
    return Fail(ErrorCode::kIo, "cannot mount FUSE at '" + mount_point + "'",
                "Is /dev/fuse there (modprobe fuse), and does spawnd run as root?");
  }
  return self;
}

FuseExport::~FuseExport() {
  if (session_ == nullptr) return;
  fuse_session_exit(session_);
  // The unmount wakes threads that wait for a request: their read ends with ENODEV.
  fuse_session_unmount(session_);
  for (std::thread& thread : threads_) thread.join();
  fuse_session_destroy(session_);
}

Result<void> FuseExport::Serve(Volume& volume, int threads) {
  volume_ = &volume;
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { ServeThread(); });
  return {};
}

void FuseExport::ServeThread() {
  ThreadBuffers buffers;
  thread_buffers = &buffers;
  fuse_buf request{};
  request.mem = buffers.RequestMemory();
  while (fuse_session_exited(session_) == 0) {
    const int received = fuse_session_receive_buf(session_, &request);
    if (received == -EINTR || received == -EAGAIN) continue;
    if (received <= 0) break;
    fuse_session_process_buf(session_, &request);
  }
  thread_buffers = nullptr;
}

}  // namespace spawnd::storage
