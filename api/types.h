/// What travels between spawnctl and spawnd: one struct for each request and resource. Plain data, no
/// behaviour. api/json.h has the one JSON mapping of each; docs/openapi.yaml describes the same for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace spawnd::api {

/// What the client fetches from a server or a repository is a backup here.
enum class SourceType { kEmpty, kBackup, kScripts, kStandby };
enum class Durability { kEverySecond, kAlways };
enum class Network { kNone, kHost };

/// A file or folder of the client's: a descriptor that comes with the request, or what was uploaded before.
/// Never a path: the daemon opens none for anybody.
struct ClientFile {
  std::string name;                    ///< "shop.sql", for messages
  std::optional<uint32_t> descriptor;  ///< which of those that come with the request, from 0
  std::string upload;                  ///< id of an upload; empty: it is a descriptor
};

/// Answer to POST /v1/uploads
struct Upload {
  std::string id;    ///< for one request, within an hour
  std::string name;  ///< as it was given
  int64_t size_bytes = 0;
};

/// What one container or build may use of the machine. What is not given comes from the image, then from the
/// daemon. 0: no limit.
struct Limits {
  std::optional<int64_t> memory_bytes;
  std::optional<double> cpus;
  std::optional<int64_t> pids;        ///< processes and threads
  std::optional<int64_t> cpu_weight;  ///< 1 to 10000, beside others' 100
  std::optional<int64_t> io_weight;
  bool operator==(const Limits&) const = default;
};

/// What a container uses of it now.
struct Usage {
  int64_t memory_bytes = 0;
  int64_t memory_peak_bytes = 0;
  int64_t pids = 0;
  double cpu_seconds = 0;
  int64_t oom_kills = 0;  ///< processes that the kernel killed because memory ran out
};

/// What stands between a container and the machine. Each word says what is had: some machines cannot give
/// all.
struct Confinement {
  std::string user;        ///< "own": nobody else runs as this user; "shared": all containers do
  uint32_t user_id = 0;    ///< who the engine runs as
  std::string limits;      ///< "enforced" or "none"
  std::string oom_score;   ///< "set": the container's keeper goes nearly last when memory runs out; "none"
  std::string io_flusher;  ///< "set": the keeper does not wait for memory that only its writes free; "none"
};

/// Settings of a server, name and value, as its product knows them; no name twice.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// What becomes of a backup on its way into an image (docs/backups.md).
struct RestoreOptions {
  std::string locale;    ///< of the database that is made for it; empty: the backup's own
  std::string encoding;  ///< the same
  /// What the server refuses is passed over and counted: everything, or what one of the patterns matches.
  bool continue_on_error = false;
  std::vector<std::string> ignored_errors;   ///< an error code, or words that a statement begins with
  std::vector<std::string> skip_extensions;  ///< extensions, plugins and modules that are left out
  std::vector<std::string> tables;           ///< nothing but these; patterns
  std::vector<std::string> exclude_tables;
  std::vector<std::string> exclude_data;  ///< tables that come without their rows
  bool schema_only = false;               ///< no rows at all
  /// Logs are taken up to here (api/point_in_time.h), of a backup of a server's files; empty: to their end.
  std::string at;
};

/// What becomes of a masked column's values (docs/masking.md).
enum class MaskKind { kNone, kNull, kConstant, kHash, kPartial, kShuffle, kSql };

/// One entry of `mask`.
struct MaskRule {
  std::string database;  ///< empty: the only one that has the table
  std::string table;     ///< "public.users"; may be a pattern: "tenant_*.users"
  std::string column;
  MaskKind rule = MaskKind::kNone;
  std::optional<std::string> value;  ///< kConstant
  int64_t keep_first = 0;            ///< kPartial: characters that stay
  int64_t keep_last = 0;
  std::optional<std::string> with;  ///< kPartial: what stands for the others
  std::string expression;           ///< kSql
  std::string where;                ///< SQL; only these rows
  int64_t line = 0;                 ///< of the file that it came from, for messages; 0: none
};

/// POST /v1/data-images
struct CreateDataImageRequest {
  std::string name;
  SourceType source_type = SourceType::kEmpty;
  std::string engine;
  std::string version;  ///< the literal text of the YAML, e.g. "11.0"; empty: newest installed
  std::vector<std::string> tags;
  std::vector<std::string> teams;
  int64_t lifetime_seconds = 0;          ///< 0: for ever
  std::optional<Durability> durability;  ///< default for containers of this image
  std::optional<Network> network;        ///< of its containers, and of making it; not given: the machine's
  bool tls = false;                      ///< its containers take TLS connections only
  std::optional<bool> superuser;         ///< false: no container of it ever gives a superuser
  std::string initial_database_name;
  std::vector<ClientFile> backups;
  std::vector<ClientFile> scripts_folders;
  std::vector<ClientFile> wal_folders;  ///< at most one: logs that a physical backup is recovered by
  std::string pre_script;
  std::string post_script;
  Limits limits;      ///< of its containers, and of its making
  Settings settings;  ///< of its server, and of its containers'
  RestoreOptions restore;
  std::optional<int64_t> warm;                 ///< containers that are kept started; not given: the daemon's
  std::optional<int64_t> sleep_after_seconds;  ///< of its containers; 0: never; not given: the daemon's
  /// Id or name of a data source of the caller's, which the image is one of: `keep` counts it. With
  /// sourceType standby it is a cut of that source.
  std::string source;
  std::vector<MaskRule> mask;  ///< in no order: no two are for one column
};

/// POST /v1/data-containers
struct CreateDataContainerRequest {
  std::string image;  ///< id, name or name:tag
  std::string name;   ///< empty: generated
  int64_t lifetime_seconds = 0;
  std::optional<Durability> durability;
  std::optional<bool> superuser;  ///< as the image says; true is refused where that says false
  Limits limits;
  Settings settings;     ///< beside those of the image, and in their place
  bool no_wait = false;  ///< of an image that is still being made: kNotReady at once
  /// It is deleted when the process that asks ends, unless somebody changes its lifetime before.
  bool ends_with_client = false;
  bool spare = false;  ///< a second server waits from the beginning on for the first reset
  std::optional<int64_t> sleep_after_seconds;  ///< 0: never; not given: as the image says
  int64_t idle_delete_seconds = 0;  ///< it is deleted when nobody was connected for that long; 0: never
};

/// "Pending", "Completed", "Failed", of a container also "Stopped". kUnknown: a word that this spawnctl does
/// not know; never sent.
enum class Status { kUnknown, kPending, kCompleted, kFailed, kStopped };

/// What an image needs of an installation beyond the server.
struct Library {
  std::string name;     ///< "pg_trgm"
  std::string version;  ///< "1.6"; may be empty
  std::string file;     ///< as the server names it
};

struct DataImage {
  int64_t id = 0;
  std::string name;
  std::vector<std::string> tags;
  std::vector<std::string> teams;
  std::string engine;          ///< the product, as people write it: "PostgreSQL"
  std::string engine_version;  ///< full version of the server that made it: "11.22"
  std::string version_text;    ///< the version as it was asked for, "11.0"; else the major one
  Status status = Status::kUnknown;
  std::string detail;  ///< why it failed, or what its engine stands in for
  std::string owner;
  Durability durability = Durability::kEverySecond;
  std::optional<Network> network;  ///< of its containers; not said: the machine's
  bool tls = false;
  bool superuser = true;                       ///< whether its containers may give one
  std::string database;                        ///< what clients open first
  int64_t created_at = 0;                      ///< seconds since 1970
  int64_t expires_at = 0;                      ///< 0: never
  int64_t data_bytes = 0;                      ///< logical, without holes
  int64_t disk_bytes = 0;                      ///< layer and index files that only this image brought
  int64_t unique_bytes = 0;                    ///< what deleting it alone would free
  int64_t shared_bytes = 0;                    ///< its other layers, which other images need too
  Limits limits;                               ///< that it gives to its containers
  std::vector<std::string> warnings;           ///< said once, by what makes or changes it
  std::vector<Library> libraries;              ///< of extensions and plugins that its databases use
  Settings settings;                           ///< of its server, and of its containers'
  std::optional<int64_t> warm;                 ///< containers that are kept started; not said: the daemon's
  int64_t pooled = 0;                          ///< of these, those that a create would be given now
  std::optional<int64_t> sleep_after_seconds;  ///< of its containers
  int64_t source_id = 0;                       ///< of the data source that it is one of; 0: of none
  bool masked = false;                         ///< its columns were masked when it, or its origin, was made
  std::string mask_digest;                     ///< "sha256:..." of the rules; empty: it is not masked
};

/// POST /v1/data-containers/{ref}/load
struct LoadDataContainerRequest {
  std::string revision;  ///< "rev.1"
};

/// POST /v1/data-containers/{ref}/graduate
struct GraduateDataContainerRequest {
  std::string revision;  ///< empty: the container's current one
  std::string name;      ///< empty: "<container>-graduate-<n>"
  std::vector<std::string> tags;
  std::vector<std::string> teams;
};

/// What an export file says of its image (docs/export-format.md).
struct ExportedImage {
  std::string name;
  std::string engine;          ///< registry name: "postgresql"
  std::string engine_version;  ///< of the server that made it
  std::string version;         ///< as the image asked for it
  std::string architecture;    ///< "x86_64"
  Durability durability = Durability::kEverySecond;
  bool tls = false;
  bool superuser = true;
  Limits limits;
  std::string initial_database_name;
  std::string database;
  int64_t data_bytes = 0;
  std::vector<std::string> libraries;  ///< what it needs of an installation beyond the server
  Settings settings;
  std::string mask_digest;  ///< as DataImage's; a claim, which only root's import takes over
};

/// Answer to POST /v1/imports and /v1/imports/{id}: an export file that is being received
struct Import {
  std::string id;      ///< the same for the same file and user
  std::string name;    ///< that the image would have
  std::string engine;  ///< the product, as people write it
  std::string engine_version;
  int64_t offset = 0;      ///< the byte of the file that is wanted next
  int64_t size_bytes = 0;  ///< of the whole file
  bool complete = false;   ///< all of it is there: it can be made an image
};

/// POST /v1/data-images/import
struct ImportDataImageRequest {
  std::string import;  ///< id of a complete one
  std::string name;    ///< empty: the file's
  std::vector<std::string> tags;
  std::vector<std::string> teams;
  int64_t lifetime_seconds = 0;  ///< 0: for ever
};

/// POST /v1/data-images/{ref}/update. What is not given stays.
struct UpdateDataImageRequest {
  std::string name;
  std::vector<std::string> tags;               ///< added; each leaves the image of the name that has it
  std::vector<std::string> teams;              ///< added
  std::vector<std::string> remove_tags;        ///< a warning says which it did not have
  std::vector<std::string> remove_teams;       ///< as well
  std::optional<int64_t> lifetime_seconds;     ///< from now; 0: for ever
  std::optional<int64_t> warm;                 ///< containers that are kept started; -1: the daemon's
  std::optional<int64_t> sleep_after_seconds;  ///< of its containers from now on; 0: never; -1: the daemon's
};

/// POST /v1/data-containers/{ref}/update. What is not given stays.
struct UpdateDataContainerRequest {
  std::string name;
  std::optional<int64_t> lifetime_seconds;     ///< from now; 0: for ever
  std::string owner;                           ///< a user's name or number; only root gives one away
  std::optional<int64_t> sleep_after_seconds;  ///< 0: never; -1: as the image says
  std::optional<int64_t> idle_delete_seconds;  ///< 0: never
};

/// The body of a request that takes nothing. A body that says something is a mistake of the caller.
struct NothingRequest {};

/// Answer to DELETE of an image or a container: what the reference meant.
struct Deleted {
  int64_t id = 0;
  std::string name;
};

/// POST /v1/access-tokens
struct CreateAccessTokenRequest {
  std::string purpose;
  int64_t lifetime_seconds = 0;  ///< 0: for ever
  bool read_only = false;
  std::vector<std::string> images;  ///< not empty: for containers of these only
};

struct AccessToken {
  int64_t id = 0;
  std::string purpose;
  std::string owner;
  int64_t created_at = 0;
  int64_t last_used_at = 0;  ///< 0: never; to the minute
  int64_t expires_at = 0;    ///< 0: never
  bool read_only = false;
  std::vector<std::string> images;  ///< "ann/shop:latest"; empty: all
  std::string token;  ///< not empty in the answer to create only: nothing but a hash of it is kept
};

struct Revision {
  std::string name;  ///< "rev.1"
  int64_t created_at = 0;
  int64_t unique_bytes = 0;  ///< disk space of what no revision before it holds
};

struct DataContainer {
  int64_t id = 0;
  std::string name;
  std::string image;  ///< "name" or "name:tag" as asked for
  int64_t image_id = 0;
  std::string engine;  ///< this and the versions as in DataImage
  std::string engine_version;
  std::string version_text;
  Status status = Status::kUnknown;
  std::string state;  ///< creating, running, restarting, reverting, failed, stopping, stopped, asleep
  std::string detail;
  std::string revision;  ///< "rev.0"
  std::string owner;
  Durability durability = Durability::kEverySecond;
  Network network = Network::kNone;  ///< what it reaches
  bool superuser = true;             ///< whether `user` is one
  std::string host;
  uint16_t port = 0;
  std::string user;
  std::string password;
  std::string database;
  std::string connection_string;
  std::string jdbc_connection_string;
  std::string url;
  int64_t created_at = 0;
  int64_t expires_at = 0;
  int64_t disk_bytes = 0;         ///< what this container alone takes on disk
  int64_t unique_bytes = 0;       ///< the same: what deleting it would free
  int64_t shared_bytes = 0;       ///< all of its image
  double ready_milliseconds = 0;  ///< request received to engine ready and prepared
  /// Where ready_milliseconds went, in order: {"keeper", 6.1}, {"volume", 0.8}, {"fuse", 1.2} ...
  std::vector<std::pair<std::string, double>> timings;
  Limits limits;                           ///< in force where `confinement` says that they are enforced
  std::optional<Usage> usage;              ///< of a running one whose limits are enforced
  std::optional<Confinement> confinement;  ///< of a running one
  std::vector<std::string> warnings;       ///< said once, by create
  std::vector<Revision> revisions;         ///< from rev.0, the image
  /// For the engine's programs, by name: {"PGHOST", "127.0.0.1"} ...
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> client_command;  ///< argv of the engine's own client, to be run with `environment`
  std::string client_hint;                  ///< how to install that
  uint16_t default_port = 0;                ///< where the engine's clients look when nothing is said
  std::string ca_certificate;               ///< file by which clients on this machine verify the server
  std::string spawnd_running;               ///< the version that serves it; empty: one that did not say
  std::string server_installed;             ///< the version that a restart would run; empty: not known
  std::string outdated;                     ///< what of it is older than that, in words; empty: nothing
  std::vector<std::string> missing;  ///< what its image uses and the installation has no longer, in words
  Settings settings;                 ///< of its server: its own, and those of its image
  std::string start;                 ///< "pooled": it was started before it was asked for; "cold"
  std::string spare;                 ///< of its second server: "ready", "starting"; empty: it has none
  std::vector<std::string> listen;   ///< the addresses it can be reached at; `host` is what to use
  int64_t sleep_after_seconds = 0;   ///< without a connection; 0: never
  int64_t idle_delete_seconds = 0;   ///< the same
};

/// GET /v1/ca: the authority that all servers' certificates are from.
struct CaCertificate {
  std::string path;         ///< on the daemon's machine, for everybody to read
  std::string certificate;  ///< the same as text, PEM
};

/// GET /v1/engines: one installed server, or an engine of which none is installed.
struct Engine {
  std::string engine;   ///< what `engine:` in an image's YAML says: "postgresql"
  std::string name;     ///< what people call it: "PostgreSQL"
  std::string version;  ///< full; empty when it is not known
  std::string path;     ///< where it is installed; empty: nowhere
  bool usable = false;
  std::string problem;  ///< why not
  std::string hint;     ///< what to do
  std::vector<std::string> aliases;
  uint16_t default_port = 0;
};

/// GET /v1/doctor: one thing that was looked at.
struct Diagnosis {
  std::string subject;  ///< "kernel"
  std::string
      level;  ///< "good", "warning": something is less than it could be; "bad": something will not work
  std::string text;    ///< what was found
  std::string remedy;  ///< the command that mends it, or what to do; empty: nothing
};

/// Who asked for what an event tells of.
struct EventActor {
  uint32_t uid = 0;
  std::string user;
  int64_t token_id = 0;  ///< with which access token; 0: none
};

/// GET /v1/events: a line for each change of an image or a container.
struct Event {
  int64_t id = 0;           ///< grows by one; `since` takes it
  std::string time;         ///< RFC 3339, with milliseconds
  std::string type;         ///< "image" or "container"
  std::string event;        ///< "created" ...
  int64_t resource_id = 0;  ///< of the image or container
  std::string name;
  std::string owner;
  std::string image;  ///< of a container what it was asked to be made of; of an image its name
  int64_t image_id = 0;
  std::vector<std::string> tags;  ///< of an image
  std::vector<std::string> teams;
  std::string revision;      ///< of a container; of an image: that it is graduated from
  int64_t container_id = 0;  ///< of a container its own; of an image: that it is graduated from; 0: none
  std::optional<EventActor> actor;  ///< nobody: the daemon did it by itself
  std::string detail;
};

/// In the place of events that are not kept any more, or that the reader was too slow for.
struct MissedEvents {
  std::string event;  ///< "missed"
  int64_t from = 0;   ///< ids, both included
  int64_t to = 0;
};

/// What every path begins with.
inline constexpr const char* kApiVersion = "v1";

/// GET /v1/version
struct Version {
  std::string version;
  std::string api_version;
  std::string git_commit;
};

/// How many of each a user may have, or has.
struct Quotas {
  int64_t connections = 0;
  int64_t builds = 0;    ///< running at once
  int64_t launches = 0;  ///< starts and saves, running at once
  int64_t containers = 0;
  int64_t disk_bytes = 0;
};

/// GET /v1/whoami
struct WhoAmI {
  std::string user;
  std::optional<uint32_t> uid;  ///< nobody is not root
  Quotas quotas;                ///< 0: no limit
  Quotas usage;
};

/// One line of a streamed response (Content-Type application/x-ndjson). Exactly one of the three kinds; a
/// stream ends with one `result` or one `error` line, anything else means the connection broke.
struct Progress {
  std::string stage;  ///< "initialising", "restoring", "sealing" ...
  int64_t bytes_done = 0;
  int64_t bytes_total = 0;  ///< 0: unknown
  std::string message;      ///< a warning to show on its own line; usually empty
  std::string note{};       ///< the same, but nothing is wrong: why it takes long
};

}  // namespace spawnd::api
