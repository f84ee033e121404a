/// Small values that engine.h and restore.h speak of. No behaviour; safe to copy between threads.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engines/program_identity.h"

namespace spawnd::engines {

/// One installed server of a product.
struct Installation {
  std::string engine;     ///< registry name, e.g. "postgresql"
  std::string version;    ///< full, e.g. "15.20"; empty when the server cannot even say that
  std::string root;       ///< folder that holds bin/ (or sbin/), absolute
  std::string problem{};  ///< why it cannot be used, e.g. a library that is missing; empty: it can
  /// The name that the server gives itself when that is not the engine's: "Valkey" of engine redis. Else
  /// empty.
  std::string product{};
  /// The server itself, by the name that it is started by, and which file that was when it said its version.
  std::string program{};
  ProgramIdentity identity{};
  /// Nobody knows whether it can be used, because asking it has failed: with a deadline, or for want of
  /// memory. `problem` says how. It may be any version.
  bool unanswered = false;
};

/// A program to run. The keeper binds Installation::root to Paths::engine_root, so argv[0] starts with that.
struct Command {
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< "NAME=value"; nothing is inherited
  std::string working_directory;
};

/// Fixed places inside a container's private mount namespace; the same in every container.
struct Paths {
  std::string engine_root;       ///< the installation
  std::string data_directory;    ///< on the volume, owned by the engine's user
  std::string socket_directory;  ///< in memory, 0700, seen by this container only
  std::string tls_certificate;   ///< PEM, readable by the engine's user
  std::string tls_key;
  std::string settings_directory;  ///< in memory; where SettingsFiles are written before every start
};

struct Endpoint {
  std::string host;  ///< address the engine listens on and clients use, e.g. "127.0.0.1"
  uint16_t port = 0;
  std::vector<std::string> also{};  ///< further addresses that the engine listens on, with the same port
};

struct Credentials {
  std::string user;
  std::string password;
  std::string database;  ///< the one a client should open first
  /// False: the user owns the databases, may make more and further users, and has no way to the server's
  /// files and programs, nor to becoming superuser.
  bool superuser = true;
};

/// Settings of a server, name and value, as its product knows them; no name twice.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// The server that a standby follows, and as whom.
struct Primary {
  std::string host;  ///< as its certificate may name it
  uint16_t port = 0;
  std::string user;
  std::string password{};  ///< empty: none is needed
  std::string slot;        ///< what it keeps its log by for us
  Settings options{};      ///< of the product's client, by its own names; without files
  /// The files that options name, by the same names: their content, PEM.
  Settings files{};
};

}  // namespace spawnd::engines
