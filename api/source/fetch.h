/// Getting data from where they are: what a client asks, and what the daemon tells it to run. Plain data, no
/// behaviour; api/source/mapping.h has the JSON mapping.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api/source/repository.h"

namespace spawnd::api {

/// Where a running server is: what a URL or the keys of `connection:` say of it, without any password.
struct SourceConnection {
  std::string scheme;  ///< of its URL; empty: it came without one
  std::string host;    ///< a name, an address, or the absolute path of a socket; empty: the product's default
  uint16_t port = 0;   ///< 0: the product's
  std::string user;    ///< empty: the tools' default
  std::string database;  ///< empty: the only one that there is
  std::string ssl_mode;  ///< disable, prefer, require, verify-ca, verify-full; empty: the tools' default
  std::string
      ssl_root_cert;  ///< a file on the client's machine, absolute, which its tools open; may be empty
};

/// POST /v1/fetch-plans: what a client is to run to get data from where they are. Nothing is kept of it.
struct FetchPlanRequest {
  std::string engine;
  std::string version;  ///< as in CreateDataImageRequest
  SourceConnection connection;
  SourceRepository repository;
  std::string method;  ///< "dump" or "physical"; empty: dump
  int64_t jobs = 0;    ///< connections at once, for tools that can; 0: the engine's default
  /// The client has a password for the tools; else they look for it where they always do.
  bool has_password = false;
  std::string folder;                ///< absolute path of an empty folder on the client's machine, its own
  std::vector<std::string> answers;  ///< what the commands of the plans before have answered, in order
};

/// How a tool gets the password: the text around it, and what stands for some of its characters.
struct FetchSecret {
  std::string as;  ///< "file": /proc/self/fd/3; "input": standard input; empty: it gets none
  std::string before;
  std::string after;
  std::vector<std::pair<std::string, std::string>>
      escapes;  ///< single characters, and what is written for them
};

/// What words on a tool's standard error mean.
struct FetchFailure {
  std::string words;  ///< any case
  std::string code;   ///< name of an ErrorCode
  std::string hint;
};

struct FetchCommand {
  std::string title;  ///< for progress and messages: "dumping shop from db.example:5432"
  std::vector<std::string>
      programs;  ///< the first that is there is run; those without a '/' are looked up in PATH
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;  ///< beside the caller's own
  FetchSecret secret;
  std::string
      output;  ///< "answer": text that goes to the daemon; "backup": it is the backup; empty: nothing is kept
  std::string grows;                   ///< a folder whose size is the progress; empty: `output` is
  int64_t expected_bytes = 0;          ///< of that, about; 0: not known
  int64_t deadline_seconds = 0;        ///< 0: none
  std::vector<FetchFailure> failures;  ///< the first that fits counts
  std::string install_hint;            ///< where none of the programs is there
};

/// Answer to POST /v1/fetch-plans. The commands are run one after the other; the first that fails ends it.
struct FetchPlan {
  std::vector<FetchCommand> commands;
  bool complete = false;      ///< else another is asked for, with their answers
  std::string backup_name;    ///< of a complete one: for messages
  std::string backup_folder;  ///< the backup, below FetchPlanRequest::folder; empty: a command's output is it
  std::string wal_folder;     ///< the same of its logs; empty: none
  std::string version;        ///< that the image is to have where its description says nothing; may be empty
  std::string database;       ///< the same of its initial database
  std::vector<std::string> warnings;
};

}  // namespace spawnd::api
