/// Exported images that are being received: one folder each below imports/, named after its user and the
/// file's head. What has come stays when the client or the daemon goes, for a day, and counts in this boot
/// only.
///
/// Safe from any thread; all of it may block, so never on the loop thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "api/types.h"
#include "base/result.h"
#include "daemon/store/disk.h"
#include "daemon/store/layout.h"
#include "storage/transfer/import_receiver.h"

namespace spawnd::daemon {

/// That one user may have begun; with more, the one goes that was touched longest ago.
inline constexpr size_t kMaxImportsOfUser = 8;
inline constexpr std::chrono::hours kImportKept{24};

class Imports {
 public:
  Imports(const StoreLayout& layout, const Disk& disk) : layout_(layout), disk_(disk) {}
  Imports(const Imports&) = delete;
  Imports& operator=(const Imports&) = delete;

  /// Keeps an import to whoever holds this.
  class Hold {
   public:
    Hold(Imports& imports, std::string name) : imports_(imports), name_(std::move(name)) {}
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { imports_.Release(name_); }

    std::string Folder() const { return imports_.layout_.Imports() + "/" + name_; }
    /// The next who is given the file begins anew.
    Result<void> Forget() const { return RemoveTree(Folder()); }

   private:
    Imports& imports_;
    const std::string name_;
  };
  struct Held {
    std::shared_ptr<Hold> hold;
    std::unique_ptr<storage::ImportReceiver> receiver;
    api::ExportedImage image;  ///< what the file says of itself; checked
  };

  /// A file with this head, as far as it has come. kInvalidArgument, kCorrupt, kUnsupported for what is no
  /// file of ours or no image for this machine; kNoSpace when the rest has no room.
  Result<api::Import> Begin(uid_t user, std::string_view head);
  /// The one with this id, for as long as the answer is held. kNotFound, also for somebody else's; kInUse
  /// when it stays in use.
  Result<Held> Open(uid_t user, const std::string& id);
  /// kNotFound, as Open, for what can be no import's id. Does not block.
  static Result<void> CheckId(const std::string& id);
  static api::Import View(const std::string& id, const Held& held);
  /// kNoSpace when no more of anything should come.
  Result<void> CheckRoom() const;
  /// Removes what nobody has touched for kImportKept.
  void DropOld();

  /// Of two imports with the same layer the second finds what the first has put into the store.
  std::mutex& Placing() { return placing_; }

 private:
  Result<std::shared_ptr<Hold>> Take(const std::string& name);
  void Release(const std::string& name);
  void DropMany(uid_t user, const std::string& except);
  void DropUnlessHeld(const std::string& name);

  const StoreLayout& layout_;
  const Disk& disk_;
  std::mutex placing_;
  std::mutex mutex_;
  std::condition_variable released_;
  std::set<std::string> held_;
};

}  // namespace spawnd::daemon
