/// How the keeper's sessions connect: over the private socket, as the bootstrap superuser, with settings that
/// nothing stored in the server may change. Used by one thread at a time.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "engines/engine.h"

namespace spawnd::engines::postgresql {

struct CloseConnection {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, CloseConnection>;

/// To the database that clients open first, else to one that is there. A superuser who shut "postgres" out
/// has it let in again. kUnavailable: try again; anything else is final.
Result<Connection> OpenConnection(const Launch& launch);

/// A connection with the same parameters to another database; null when there is none to be had.
Connection ConnectLike(PGconn* like, const std::string& database);

/// Whether somebody else's session can be opened in the database: with the libraries that the database's own
/// settings load, which ours leave out. The error is the server's own, and tells why.
Result<void> TryAsOthersDo(PGconn* like, const std::string& database);

/// Whether a transaction that writes can be committed, as somebody else's would be: it waits for whom the
/// server's settings have it wait for. At most ten seconds. kUnsupported: it cannot.
Result<void> TryCommit(PGconn* like);

/// The first line of one of libpq's messages, without the newline at its end.
std::string FirstLine(const char* message);

}  // namespace spawnd::engines::postgresql
