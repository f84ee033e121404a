/// The database server of one image build: a keeper over the volume that becomes the image. Job thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/build/context.h"
#include "daemon/catalog/rows.h"
#include "daemon/keeper/client.h"

namespace spawnd::daemon {

class BuildServer {
 public:
  struct Options {
    int64_t image_id = 0;
    std::string base_index;  ///< path of the sealed index to start from; empty: a fresh volume
    std::string layer_id;    ///< of the layer that Seal writes
    engines::Installation installation;
    engines::Credentials credentials;
    /// The server is not started before StartEngine.
    bool hold_engine = false;
    /// Of the image that is made; not said: the machine's.
    std::optional<api::Network> network{};
    /// Of the image that is made; what it does not say comes from the machine.
    api::Limits limits{};
    /// Not empty: the volume lies on these revisions of a container over that image, on the first directly
    /// (daemon/store/volumes.h).
    std::vector<storage::RevisionReference> ground{};
    /// Whether containers of the image may have a superuser.
    bool superuser = true;
    engines::Settings settings{};  ///< the user's own, of the image that is made
    engines::Purpose purpose = engines::Purpose::kBuild;
  };

  /// Launches the keeper, on another port when the first is taken in between. After an error nothing is left.
  static Result<std::unique_ptr<BuildServer>> Start(const BuildContext& context, Options options);
  BuildServer(const BuildServer&) = delete;
  BuildServer& operator=(const BuildServer&) = delete;
  /// Calls End. What goes wrong is logged, and the daemon's next start cleans it up.
  ~BuildServer();

  engines::Endpoint Endpoint() const;
  const engines::Credentials& Credentials() const { return options_.credentials; }
  KeeperClient& Keeper() { return *keeper_; }

  /// Starts the server that hold_engine held back. All files are placed by then, and the server may have
  /// much to recover first.
  Result<void> StartEngine();
  /// Stops the server cleanly and seals its volume as the image. The keeper is gone after success. An image
  /// whose server keeps settings for its next start (ALTER SYSTEM) is started once, as a container would be.
  Result<ImageCompletion> Seal(std::string database);
  /// An error of what was done on its volume, in words that tell a full volume from a full disk.
  Error Explain(Error error);
  /// Ends the keeper, removes the build directory and gives the port back. Idempotent. After an error the
  /// keeper may still run, so that nothing it writes may be removed.
  Result<void> End();

 private:
  BuildServer(const BuildContext& context, Options options)
      : context_(context), options_(std::move(options)) {}
  Result<void> Launch();
  KeeperSpec Spec() const;
  Result<void> TryImage() const;

  const BuildContext& context_;
  const Options options_;
  uint16_t port_ = 0;  ///< 0: none reserved
  std::unique_ptr<KeeperClient> keeper_;
};

}  // namespace spawnd::daemon
