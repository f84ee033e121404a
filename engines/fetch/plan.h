/// How data are got from where they are, a running server or a repository of backups, with the product's own
/// tools: what an engine plans (Engine::PlanFetch), and a client carries out as its caller, on its machine
/// (client/fetch/). The engine sees no password and reaches no server: it says what to ask of one, gets the
/// answers, and says what to do then.
///
/// Values, and pure functions. A crash at any point leaves nothing: the client's folder is the client's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "engines/parts.h"

namespace spawnd::engines {

/// Where a running server is. Everything in it may be anybody's words.
struct SourceConnection {
  std::string scheme{};  ///< of the URL that it was given as; empty: none
  std::string host{};  ///< a name, an address, or the absolute path of a socket; empty: the product's default
  uint16_t port = 0;   ///< 0: the product's
  std::string user{};
  std::string database{};
  std::string ssl_mode{};  ///< disable, prefer, require, verify-ca, verify-full; empty: the tools' default
  std::string ssl_root_cert{};  ///< absolute path on the client's machine; may be empty
};

/// A repository of a backup tool, on the client's machine or where the tool's own configuration says.
struct RepositoryPlace {
  std::string tool{};    ///< "pgbackrest"; empty: the source is a running server
  std::string stanza{};  ///< the name of the server in it; empty: the only one
  std::string path{};    ///< absolute; empty: as the tool's configuration says
  std::string
      config_file{};     ///< of the tool's own, absolute; empty: none, or the one that it finds by itself
  std::string backup{};  ///< as the tool calls it; empty: the newest that does
  std::string at{};      ///< RestoreOptions::at
};

struct FetchRequest {
  SourceConnection connection{};
  RepositoryPlace repository{};
  bool physical = false;  ///< the server's own files; else a dump
  uint32_t jobs = 0;      ///< connections at once; 0: the engine's default
  bool has_password = false;
  std::string folder{};                ///< the client's own, empty, absolute
  std::vector<std::string> answers{};  ///< of the commands so far whose output is kAnswer, in order
  std::string version{};               ///< that the image is to have; empty: any
};

/// How a tool is given the password.
struct FetchSecret {
  enum class As {
    kNot,
    kFile,   ///< kSecretFile holds it
    kInput,  ///< its standard input
  };
  As as = As::kNot;
  std::string before{};
  std::string after{};
  std::vector<std::pair<char, std::string>> escapes{};  ///< what is written for some of its characters
};
inline constexpr const char* kSecretFile = "/proc/self/fd/3";

/// What words on a tool's standard error mean; compared in any case.
struct FetchFailure {
  std::string words;
  ErrorCode code;
  std::string hint;
};

struct FetchCommand {
  enum class Output {
    kNothing,
    kAnswer,  ///< text for the next FetchRequest::answers, at most kMaxFetchAnswer
    kBackup,  ///< it is the backup
  };
  std::string title{};                  ///< for progress and messages: "dumping shop from db.example:5432"
  std::vector<std::string> programs{};  ///< the first that is there; those without '/' are looked up in PATH
  std::vector<std::string> arguments{};
  std::vector<std::pair<std::string, std::string>>
      environment{};  ///< beside the caller's own; never a secret
  FetchSecret secret{};
  Output output = Output::kNothing;
  std::string grows{};           ///< the folder whose size is the progress; empty: the output is
  int64_t expected_bytes = 0;    ///< of that; 0: not known
  int64_t deadline_seconds = 0;  ///< 0: none
  std::vector<FetchFailure> failures{};
  std::string install_hint{};  ///< where none of the programs is there
};
inline constexpr size_t kMaxFetchAnswer = 48 * 1024;

struct FetchPlan {
  std::vector<FetchCommand> commands{};
  bool complete = false;        ///< else another is made with their answers
  std::string backup_name{};    ///< of a complete one: for messages
  std::string backup_folder{};  ///< below FetchRequest::folder; empty: a command's output is the backup
  std::string wal_folder{};     ///< the same of logs; empty: none
  std::string version{};        ///< for the image, when nobody asked for one
  std::string database{};       ///< the same for its initial database
  std::vector<std::string> warnings{};
};

// What the products' plans have in common. Pure, safe from any thread.

/// "db.example:5432", "/run/postgresql", for messages.
std::string PlaceOf(const SourceConnection& connection, uint16_t default_port);
/// Of an answer in lines that begin with labels: what stands behind `label`, in order.
std::vector<std::string> AnswersTo(std::string_view label, std::string_view answer);
/// The number that a text begins with; 0: none.
int64_t NumberIn(std::string_view text);
/// The one that is asked for, else the only one; `otherwise` where there is none. kInvalidArgument, listing
/// them.
Result<std::string> ChooseDatabase(const SourceConnection& connection, const std::string& place,
                                   const std::vector<std::string>& databases, std::string_view otherwise);
/// kInvalidArgument for the URL of another product.
Result<void> CheckScheme(const SourceConnection& connection, const std::vector<std::string_view>& schemes,
                         std::string_view product);
/// Those of `engine` that can be used, newest first.
std::vector<Installation> UsableOf(std::string_view engine, const std::vector<Installation>& installed);
/// "17.9, 15.18"; "none".
std::string VersionsIn(const std::vector<Installation>& usable);

}  // namespace spawnd::engines
