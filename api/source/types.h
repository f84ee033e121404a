/// What travels between spawnctl and spawnd about data sources, as api/types.h. Plain data, no behaviour.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/types.h"

namespace spawnd::api {

/// Where a running server is and who one is there. Never a password, but where that is: this is kept.
struct Connection {
  std::string host;      ///< a name, an address, or the folder of a Unix socket; empty: the product's default
  int64_t port = 0;      ///< 0: the product's default
  std::string user;      ///< empty: the product's default
  std::string database;  ///< may be empty
  std::string
      password_file;  ///< absolute; a file of the owner's with the password in its first line; may be empty
  std::string
      password_variable;  ///< an environment variable of the client; for what runs in its session only
  Settings options;       ///< of the product's client, by its own names: {"sslmode", "verify-full"}
};

/// POST /v1/data-sources. An image's YAML that the daemon has images made of: by a schedule, when it is asked
/// to, and for sourceType standby of a copy that follows a server.
struct CreateDataSourceRequest {
  std::string name;
  std::string source_type;  ///< the YAML's word, in lower case: "backup", "server", "repository", "scripts",
                            ///< "standby"
  std::string engine;
  std::string version;
  std::string definition;  ///< the YAML, as it is; with nothing secret in it
  std::string folder;      ///< absolute: of the YAML, where its relative paths begin
  std::string schedule;    ///< cron's five fields, or @daily and the like; empty: nothing is made by itself
  std::optional<int64_t> keep;            ///< at least 1: so many of its newest images stay; not given: all
  std::optional<Connection> connection;   ///< of a standby
  std::optional<int64_t> max_kept_bytes;  ///< of a standby: most that the server keeps for it
};

/// POST /v1/data-sources/{ref}/update. What is not given stays.
struct UpdateDataSourceRequest {
  std::string name;
  std::optional<std::string> schedule;  ///< empty: none
  std::optional<int64_t> keep;          ///< -1: all
  std::string definition;               ///< with `folder`
  std::string folder;
};

/// GET /v1/data-sources: what there is of one, and how it is.
struct DataSource {
  int64_t id = 0;
  std::string name;
  std::string source_type;
  std::string engine;  ///< the product, as people write it
  std::string owner;
  std::string status;  ///< "Ready", "Running", "Failed"; of a standby also "Copying", "Following", "Lagging"
  std::string detail;  ///< why
  std::string schedule;
  std::string time_zone;          ///< that the schedule is read in: "Europe/Berlin (CET, +0100)"
  int64_t keep = 0;               ///< 0: all
  int64_t created_at = 0;         ///< seconds since 1970
  int64_t next_run_at = 0;        ///< 0: none
  int64_t last_run_at = 0;        ///< when it began; 0: never
  int64_t last_run_ended_at = 0;  ///< 0: it runs
  std::string last_outcome;     ///< "running", "succeeded", "failed", "interrupted", "skipped"; empty: never
  std::string last_run_detail;  ///< what its last words were
  std::string last_run_cause;   ///< "schedule", "missed", "request"
  int64_t runs = 0;
  int64_t failures = 0;
  int64_t skipped = 0;        ///< did not begin because the one before still ran
  int64_t skipped_at = 0;     ///< the last of these
  int64_t last_image_id = 0;  ///< 0: none
  std::string last_image;
  int64_t last_image_at = 0;
  int64_t last_image_new_bytes = 0;  ///< on disk, that no image before it had
  int64_t images = 0;                ///< how many of it are there
  int64_t image_bytes = 0;           ///< what they alone take on disk
  std::string folder;
  std::string definition;
  std::vector<std::string> warnings;  ///< said once, by what makes or changes it
  // Of a standby only.
  std::string connection;  ///< "replica@db.example:5432"
  std::string slot;        ///< on the server
  std::optional<int64_t>
      lag_bytes;  ///< that the server has written and the standby has not received; not said: not known
  int64_t max_kept_bytes = 0;  ///< most that the server keeps for it
  int64_t copied_bytes = 0;    ///< of the base copy
  int64_t disk_bytes = 0;      ///< what it takes here beside its images
  std::string position;        ///< in the server's log, as the product writes it
  std::string server_version;
};

}  // namespace spawnd::api
