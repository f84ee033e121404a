/// What the catalog holds: the rows of its tables and the states that they go through. Plain values, safe
/// from any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/types.h"
#include "base/result.h"

namespace spawnd::daemon {

enum class ImageState { kPending, kCompleted, kFailed, kDeleting };

/// "pending"...: as stored and as shown.
std::string_view ImageStateName(ImageState state);
/// kFailed for a name that is not known; the table's CHECK knows no other.
ImageState ImageStateFromName(std::string_view name);

enum class ContainerState {
  kCreating,
  kRunning,
  kRestarting,
  kFailed,
  kDeleting,
  kReverting,
  kStopping,
  kStopped,
  kAsleep  ///< stopped until somebody connects
};

/// The word for a state in the catalog and in JSON: "creating" ...
std::string_view ContainerStateName(ContainerState state);
/// kFailed for a name that is not known: a row this build cannot read must not be started.
ContainerState ContainerStateFromName(std::string_view name);

struct ImageRow {
  int64_t id = 0;
  std::string name;
  ImageState state = ImageState::kPending;
  std::string engine;          ///< registry name, "postgresql"
  std::string engine_version;  ///< of the server that makes it, "15.20"
  std::string version_text;    ///< as the user wrote it, "11.0"; may be empty
  uid_t owner = 0;
  api::Durability durability = api::Durability::kEverySecond;
  std::optional<api::Network> network;  ///< of its containers; not said: the machine's
  bool tls = false;                     ///< containers take TLS connections only
  bool superuser = true;                ///< whether its containers may give one
  api::Limits limits;                   ///< that it gives to its containers
  std::string initial_database;         ///< that it was asked to have; may be empty
  std::string database;                 ///< what clients open first; may be empty
  int64_t created_at = 0;               ///< seconds since 1970
  /// 0: never. As long as it is pending, its lifetime has not begun: this is that much after created_at.
  int64_t expires_at = 0;
  int64_t data_bytes = 0;
  int64_t disk_bytes = 0;
  std::string index_file;                ///< file name of the sealed index; empty until completed
  std::string cache_key;                 ///< not empty: a hidden image, the empty state of an engine version
  std::string detail;                    ///< why it failed, or what is to be known of it
  std::vector<std::string> libraries{};  ///< what it needs of an installation, each as engines::TextOf
  api::Settings settings{};              ///< of its server, and of its containers'
  int64_t warm = -1;                     ///< containers that are kept started; -1: the daemon's number
  int64_t sleep_after = -1;   ///< seconds without a connection, of its containers; 0: never; -1: the daemon's
  int64_t used_at = 0;        ///< seconds since 1970 when a container was last made of it; 0: never
  int64_t source_id = 0;      ///< the data source that it is one of; 0: of none
  bool source_run = false;    ///< a run of that made it, and not a person: it goes when there are newer ones
  std::string mask_digest{};  ///< of the rules by which its columns were masked; empty: they were not
  std::vector<std::string> tags;  ///< in order of their text
  std::vector<std::string> teams;
  /// Named by somebody who was not in them: words that show the image to nobody.
  std::vector<std::string> idle_teams;
  /// Layers that the image will refer to. ImageTable::Insert keeps them from then on, whatever becomes of
  /// their own image.
  std::vector<std::string> leased_layers;

  bool Hidden() const { return !cache_key.empty(); }
  bool Masked() const { return !mask_digest.empty(); }
};

/// ImageRow::cache_key of the images that the standby of a data source lies on. They hold a server's data and
/// are nobody's: found neither by name nor by id. With the image before it each has a key of its own.
inline constexpr std::string_view kSourceKey = "source:";
std::string SourceKey(int64_t source_id);
std::string SourceKey(int64_t source_id, int64_t image_before);
/// 0: it is no such key.
int64_t SourceOfKey(std::string_view cache_key);

/// What is known about an image once it is sealed.
struct ImageCompletion {
  std::string database;
  int64_t data_bytes = 0;
  int64_t disk_bytes = 0;
  std::string index_file;
  std::vector<std::string> layer_ids;    ///< every layer that the index refers to
  int64_t completed_at = 0;              ///< its lifetime counts from here
  std::vector<std::string> libraries{};  ///< as ImageRow's
  std::string detail{};                  ///< empty: the row's stays
};

/// "rev.7"
std::string RevisionText(uint32_t number);

/// A saved revision; rev.0, the image, has none.
struct RevisionRow {
  uint32_t number = 0;
  int64_t created_at = 0;
  int64_t unique_bytes = 0;  ///< of blocks that no revision before holds
  std::string volume{};      ///< of its container's volumes, that which holds it (ContainerRow::volume)
};

/// Milliseconds of each step of a start, in order.
using Timings = std::vector<std::pair<std::string, double>>;

struct ContainerRow {
  int64_t id = 0;
  std::string name;
  int64_t image_id = 0;
  std::string image_reference;  ///< "name" or "name:tag" as asked for
  ContainerState state = ContainerState::kCreating;
  bool stays_down = false;             ///< with kFailed, kStopped: not started again until a person decides
  bool stopped = false;                ///< with kStopping, kStopped, kAsleep, and only then
  std::string revision = "rev.0";      ///< the last that was saved or gone back to
  std::vector<RevisionRow> revisions;  ///< by number
  std::optional<uint32_t> revert_to;   ///< with kReverting, and only then
  std::string host;
  uint16_t port = 0;
  std::string user;
  std::string password;
  std::string database;
  uid_t owner = 0;
  api::Durability durability = api::Durability::kEverySecond;
  api::Network network = api::Network::kNone;
  bool superuser = true;  ///< whether its user is one
  api::Limits limits;     ///< that it was created with; the image and the machine have a say in what is not
  int64_t created_at = 0;
  /// 0: never. As long as it is being created, its lifetime has not begun: this is that much after
  /// created_at.
  int64_t expires_at = 0;
  double ready_milliseconds = 0;
  Timings timings;
  std::string detail;             ///< of one that runs: why it does not sleep, once that has been asked
  std::string installation_root;  ///< engine to start it with
  std::string installation_version;
  api::Settings settings{};  ///< that it was created with; those of the image stand below them
  std::string client{};  ///< the process that it ends with (daemon/containers/bound_clients.h); empty: none
  std::vector<std::string> also_listen{};  ///< further addresses, beside `host`
  bool asleep = false;         ///< with kStopping, kAsleep, and only then: until somebody connects
  bool pooled = false;         ///< nobody's yet: it waits for a create
  bool started_ahead = false;  ///< it was pooled before it was somebody's
  int64_t sleep_after = -1;    ///< seconds without a connection; 0: never; -1: as its image says
  int64_t idle_delete = 0;     ///< seconds without a connection after which it is deleted; 0: never
  bool spare = false;          ///< a second server waits for its next reset
  /// Folder of the volume that it writes into, below its own; empty: its own. A reset that took a spare
  /// leaves the container in another one than it began in (daemon/store/volumes.h).
  std::string volume{};
};

/// The volume that holds a revision of it; that of rev.0 is the first.
std::string HolderOf(const ContainerRow& container, uint32_t number);
/// kNotFound, naming what there is, when the container has no such revision. All have 0.
Result<void> CheckRevision(const ContainerRow& container, uint32_t number);

struct TokenRow {
  int64_t id = 0;
  std::string hash;  ///< SHA-256 of the token, hex
  std::string purpose;
  uid_t owner = 0;
  int64_t created_at = 0;
  int64_t last_used_at = 0;  ///< 0: never
  int64_t expires_at = 0;    ///< 0: never
  bool read_only = false;
  std::vector<std::string> images{};  ///< not empty: for these only, as daemon/access/scope.h writes them
};

/// How the last run of a source ended: as stored and as shown.
inline constexpr std::string_view kRunRunning = "running";
inline constexpr std::string_view kRunSucceeded = "succeeded";
inline constexpr std::string_view kRunFailed = "failed";
inline constexpr std::string_view kRunInterrupted =
    "interrupted";  ///< the daemon, or the machine, ended in it

/// How a standby is: as stored and, with a capital, as shown. Empty: it is no standby.
inline constexpr std::string_view kStandbyCopying = "copying";  ///< the base copy is being made
inline constexpr std::string_view kStandbyFollowing = "following";
inline constexpr std::string_view kStandbyLagging = "lagging";  ///< it goes on; `detail` says what keeps it
inline constexpr std::string_view kStandbyFailed = "failed";    ///< it does not go on; `detail` says why
inline constexpr std::string_view kStandbyDeleting = "deleting";

/// What images are made of again and again (daemon/sources).
struct SourceRow {
  int64_t id = 0;
  std::string name;  ///< its owner has no other of it
  uid_t owner = 0;
  std::string source_type;   ///< the YAML's word, in lower case: "server", "standby"
  std::string engine;        ///< registry name, "postgresql"
  std::string version_text;  ///< as the YAML says; may be empty
  std::string definition;    ///< the YAML
  std::string folder;        ///< where it lay: a run begins there
  std::string schedule;      ///< empty: none
  int64_t keep = 0;          ///< 0: all
  int64_t created_at = 0;    ///< seconds since 1970, as all times here
  bool deleting = false;     ///< found by nobody any more; it goes once what it has is gone
  int64_t next_run = 0;      ///< what comes of `schedule` next; past at a start: it was missed; 0: none

  std::string run_outcome;  ///< of the last run; empty: there was none
  std::string run_cause;    ///< "schedule", "missed", "request"
  int64_t run_started = 0;
  int64_t run_ended = 0;
  std::string run_detail;
  std::string run_process;  ///< "<pid> <its start>" of a run that goes on
  int64_t runs = 0;
  int64_t failures = 0;
  int64_t skipped = 0;
  int64_t skipped_at = 0;

  // Of a standby only.
  std::string state;
  std::string detail;
  std::string connection;      ///< api::Connection as JSON: no secret is in it
  int64_t max_kept_bytes = 0;  ///< that the server may keep for it
  std::string slot;            ///< on the server; empty: none yet
  int64_t base_image_id = 0;   ///< the hidden image that its volume lies on; 0: none yet
  int64_t lag_bytes = -1;      ///< -1: not known
  int64_t copied_bytes = 0;    ///< of the base copy
  std::string position;        ///< in the server's log, as the product writes it
  std::string server_version;
  std::string server_identity;  ///< what tells this server's data from any other's, as the product writes it
};

/// What changes of a standby by itself. A member without a value stays as it is.
struct StandbyChange {
  std::optional<std::string> state{};
  std::optional<std::string> detail{};
  std::optional<std::string> slot{};
  std::optional<int64_t> base_image_id{};
  std::optional<int64_t> lag_bytes{};
  std::optional<int64_t> copied_bytes{};
  std::optional<std::string> position{};
  std::optional<std::string> server_version{};
  std::optional<std::string> server_identity{};
};

/// Which rows a list has: what users may see, or all there is, for recovery and garbage collection.
enum class Rows {
  kListed,  ///< without hidden images and without what is being deleted
  kAll,
};

/// Bound the tags and teams of one image. Every list of images carries them all.
inline constexpr size_t kMaxTagsOfImage = 100;
inline constexpr size_t kMaxTeamsOfImage = 100;

/// What Update changes. A member without a value stays as it is.
struct ImageChange {
  std::string name;
  std::vector<std::string> tags;
  std::vector<std::string> teams;
  std::optional<int64_t> expires_at;
  std::vector<std::string> idle_teams{};
  std::vector<std::string> remove_tags{};   ///< before those above are added
  std::vector<std::string> remove_teams{};  ///< as well
  std::optional<int64_t> warm{};
  std::optional<int64_t> sleep_after{};
};
struct ContainerChange {
  std::string name;
  std::optional<int64_t> expires_at;
  std::optional<uid_t> owner{};
  std::optional<int64_t> sleep_after{};
  std::optional<int64_t> idle_delete{};
};
struct SourceChange {
  std::string name;
  std::optional<std::string> schedule{};
  std::optional<int64_t> keep{};
  std::string definition{};  ///< with `folder`
  std::string folder{};
};

}  // namespace spawnd::daemon
