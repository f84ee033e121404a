/// An engine is the recipe for one database product. It decides what to run and what to say to the running
/// server; it runs nothing itself except its client library: processes, volumes and namespaces are the
/// caller's.
///
/// Objects are immutable after construction and safe from any thread. Nothing outside engines/ may name a
/// product: whoever needs one asks the registry (engines/registry.h).
///
/// The life of a container as the keeper drives it:
///   image build:  Initialise -> (placements) -> Start -> Probe -> PrepareContainer -> (restore steps, from
///   the daemon)
///                 -> PrepareImage -> Stop -> seal
///   container:    Start -> Probe -> PrepareContainer -> ... -> Stop or kill
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "engines/fetch/plan.h"
#include "engines/mask/mask.h"
#include "engines/parts.h"
#include "engines/restore.h"
#include "engines/used_library.h"

namespace spawnd::engines {

struct SettingsFile {
  std::string name;
  std::string content;
};

/// What a client needs; all of it never changes over the life of a container.
struct ConnectionStrings {
  /// "Host=H;Port=P;Username=U;Database=D;Password=W" or the product's own form. Scripts replace the word
  /// that stands for the database, so that it has to be the one they expect: what the image was told to have
  /// (initialDatabaseName), else the engine's own, and never one that a restore happened to bring.
  std::string dotnet;
  std::string jdbc;
  std::string url;
  /// Variables that the product's programs read, e.g. {"PGHOST", "127.0.0.1"}, and DATABASE_URL. Their
  /// names have upper-case letters, digits and underscores.
  std::vector<std::pair<std::string, std::string>> environment;
  /// The product's own interactive client, to be run with `environment`: argv, argv[0] is looked up in the
  /// user's PATH, arguments of the user's follow. No password in it: everyone on the machine sees a command
  /// line.
  std::vector<std::string> client_command;
  std::string client_hint;  ///< one sentence: how to install that client
};

/// What a client needs to know of a server's TLS.
struct ClientTls {
  std::string ca_certificate;  ///< file of the authority that the server's certificate is from; may be empty
  bool required = false;       ///< as Launch::require_tls
};

/// What a server is started for.
enum class Purpose {
  kServe,  ///< a container: the user's settings count
  kBuild,  ///< making an image: what a crash leaves behind is thrown away, so nothing has to survive one
  /// The same of files that a server has kept in order (engines/standby/recipe.h): what kBuild does for what
  /// was restored (statistics of all tables) has been done.
  kPromote,
  kFollow,  ///< a standby: it follows Launch::primary and takes no changes of anybody else
};

/// What the server writes is an image's, or nobody's.
constexpr bool MakesImage(Purpose purpose) {
  return purpose == Purpose::kBuild || purpose == Purpose::kPromote;
}

/// One start of a server: everything that decides how it is started and how it is reached.
struct Launch {
  Installation installation;
  Paths paths;
  Endpoint endpoint;
  /// What clients will log in with, the same at every start of a container. A server without a private way in
  /// gets them in its settings; one that has such a way, in PrepareContainer.
  Credentials credentials;
  Purpose purpose = Purpose::kServe;
  /// Durability `always`: what the server says is done has to be flushed first.
  bool durable = false;
  /// The image asks for it: over TCP the server speaks TLS and nothing else.
  bool require_tls = false;
  /// The user's own, which stand above ours (engines/settings.h has checked them).
  Settings settings{};
  /// kBuild: whether containers of the image may have a superuser (Session::PrepareImage). Who fills it has
  /// one in any case, unless `credentials` say otherwise.
  bool image_superuser = true;
  /// For a product that has no private way in, and a user that is no superuser: what the keeper's own login
  /// asks for. Another at each start.
  std::string keeper_password{};
  /// Of kFollow, and of a build that copies from it: the server that is followed.
  std::optional<Primary> primary{};
  /// A second server of a container, which waits until the first one goes (Session::TakeOver): until then it
  /// does nothing by itself, as far as it can be told so.
  bool stands_by = false;
};

/// What somebody is told who comes to a server that is not there.
struct Farewell {
  std::string bytes{};   ///< sent as they are
  size_t taken = 0;      ///< of what came, bytes that are dealt with
  bool is_over = false;  ///< the connection is closed once they are sent; else more is awaited
};

/// A second place for a folder, for a product that has its places compiled in.
struct Bind {
  std::string from;  ///< one of Paths
  std::string to;    ///< absolute, at least two names deep; need not exist
};

/// Runs a program of the installation at a folder to its end and returns what it printed, within
/// kServerRunDeadline and kMaxServerRunOutput. What it runs has been found and is not known yet: whoever
/// makes such a function decides with which rights.
using ServerRun = std::function<Result<ProcessOutput>(const std::string& root, const Command& command)>;
/// A version text takes milliseconds. A server on a dead network mount must not hold the daemon.
inline constexpr std::chrono::milliseconds kServerRunDeadline{3000};
inline constexpr size_t kMaxServerRunOutput = 4096;
/// How many names Session::UserDatabases gives at most.
inline constexpr size_t kMaxUserDatabases = 100;

/// How a product names its errors.
enum class ErrorCodes : uint8_t {
  kSqlState,     ///< five characters
  kMysqlNumber,  ///< a number of the MySQL family's, or five characters
  kNumber,
  kWord,  ///< the first word of what it says
};

class StandbyRecipe;

class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::string_view Name() const = 0;  ///< "postgresql"
  /// "PostgreSQL". One word: tables show it with the version, as "MSSQL:2019", and scripts read columns.
  virtual std::string_view DisplayName() const = 0;
  /// What users call it in passing, and its built-in image: "postgres" of "postgres-empty".
  virtual std::string_view ShortName() const { return Name(); }
  virtual uint16_t DefaultPort() const = 0;
  /// Other spellings that users type: "postgres".
  virtual std::vector<std::string_view> Aliases() const = 0;
  /// One sentence: how to install another version on this machine.
  virtual std::string_view InstallHint() const = 0;
  /// Registry names of engines that understand most of what this one does. One of them may stand in for it
  /// where the administrator says so.
  virtual std::vector<std::string_view> Relatives() const { return {}; }

  /// The key in the daemon's configuration by which the administrator accepts the product's licence; empty:
  /// it asks for no such act. Nothing of the product is started without it.
  virtual std::string_view LicenceKey() const { return {}; }

  /// Where packages put this product: roots, and folders of roots.
  virtual std::vector<std::string> UsualPlaces() const = 0;
  /// Installations in `places`, and nowhere else; each of them is a root or a folder of roots. Has `run`
  /// start
  /// "<server> --version" of what it finds; those that cannot be used say why. Sorted, newest version first.
  virtual std::vector<Installation> Detect(const std::vector<std::string>& places,
                                           const ServerRun& run) const = 0;
  /// True when `installed` ("15.20") satisfies what a user asked for ("15", "15.0", "11.0": the major
  /// counts).
  virtual bool Satisfies(std::string_view installed, std::string_view wanted) const = 0;
  /// Version part that decides whether a data directory can be shared: "15".
  virtual std::string MajorVersion(std::string_view version) const = 0;

  /// Settings that no user may give (engines/settings.h), by their names in lower case and with `_`: what
  /// places, addresses, log and certificates depend on, and what would lead out of the container. Whether
  /// the server knows another one, the server says at its start.
  virtual std::vector<std::string_view> RefusedSettings() const { return {}; }
  /// One sentence on why one of those is refused, and what to do in its place; may be empty.
  virtual std::string WhyRefused(std::string_view /*setting*/) const { return {}; }

  /// What stands under onError (engines/restore_options.h).
  virtual ErrorCodes CodesOfErrors() const { return ErrorCodes::kWord; }

  /// Made in the container before anything of the engine runs in it.
  virtual std::vector<Bind> Binds(const Launch& /*launch*/) const { return {}; }
  /// Makes the first files in the data directory, which is there and empty; it ends by itself. No argv:
  /// nothing to do.
  virtual Command InitialiseCommand(const Launch& launch) const = 0;
  /// Written before every start, and before InitialiseCommand; readable by the engine's user alone.
  virtual std::vector<SettingsFile> SettingsFiles(const Launch& launch) const = 0;
  virtual Command StartCommand(const Launch& launch) const = 0;
  /// Signal for a clean stop that leaves nothing to recover at the next start.
  virtual int StopSignal() const = 0;
  /// To one of a container that does not end by that, and would recover at its next start anyway. 0: none, it
  /// is killed when its time is up.
  virtual int LastStopSignal() const { return 0; }

  /// New credentials for one container. `database` is what the image asks clients to open first; empty:
  /// engine's own.
  virtual Credentials MakeCredentials(std::string_view database) const = 0;
  /// The same for a user that is no superuser, who has another name where the superuser's is taken.
  virtual Credentials MakeOwnerCredentials(std::string_view database) const {
    Credentials credentials = MakeCredentials(database);
    credentials.superuser = false;
    return credentials;
  }
  /// `initial_database`: the initialDatabaseName of the image, may be empty. `dotnet` names that; everything
  /// else Credentials::database.
  /// The environment says where the authority's certificate is, and client_command verifies the server by it.
  virtual ConnectionStrings Connect(const Endpoint& endpoint, const Credentials& credentials,
                                    std::string_view initial_database, const ClientTls& tls) const = 0;

  /// A connection kept from the successful probe to the preparation, so that neither pays for a second one.
  /// The server at its other end may be anybody's: whatever it answers is bounded, and it is never sent a
  /// file. It runs in a process of the container (daemon/session/).
  class Session {
   public:
    virtual ~Session() = default;
    /// Gives the server this container's user, password and database. Idempotent: also right after a restart
    /// and on a server that was prepared before with the same credentials. What a superuser left behind is
    /// handed over to a user that is none (Credentials::superuser) at the first time, before he can log in.
    virtual Result<void> PrepareContainer(const Credentials& credentials) = 0;
    /// Undoes PrepareContainer before sealing, so that no credentials are in an image. Without
    /// Credentials::superuser it does the handing over, too, so that no container of the image has to. On a
    /// server of Purpose::kServe that tries an image (KeepsSettings): does what clients do, as a client
    /// would.
    virtual Result<void> PrepareImage(const Credentials& credentials) = 0;
    /// Makes `database` when it does not exist. Empty: nothing. kInvalidArgument for a product without named
    /// databases.
    virtual Result<void> CreateDatabase(const std::string& database) = 0;
    /// Names of the user's own databases, for choosing what clients open first: the first kMaxUserDatabases.
    /// Empty ones are left out as long as there is another. None where a product has none.
    virtual Result<std::vector<std::string>> UserDatabases(const Credentials& credentials) = 0;
    /// What of the installation the databases need beyond the server, the first kMaxUsedLibraries.
    virtual Result<std::vector<UsedLibrary>> UsedLibraries() { return std::vector<UsedLibrary>(); }
    /// Replaces what the rules say in all databases, so that nothing on the volume has it any more; the rows
    /// that each rule was for. Whatever the databases hold of traps, what a rule says is so afterwards, or
    /// there is an error; and there is no image then. Once, after everything else of a build and before
    /// PrepareImage.
    virtual Result<std::vector<int64_t>> Mask(const std::vector<MaskRule>& /*rules*/) {
      return Fail(ErrorCode::kUnsupported, "this product cannot be masked");
    }
    /// Whether the server has settings of its own that it reads at its next start and has not tried yet: an
    /// image with such is started once more as a container would be before it counts as made.
    virtual Result<bool> KeepsSettings() { return false; }
    /// Right before the file system is synced and the volume cut for a save. When it returns, the server has
    /// handed to the kernel what clients were told is done, and until AfterSave it does so before it answers.
    virtual Result<void> BeforeSave() { return {}; }
    /// Takes back what BeforeSave changed. The keeper calls it after every BeforeSave, also when that or
    /// the save failed.
    virtual Result<void> AfterSave() { return {}; }
    /// Why the server must not be stopped although no client is connected: it has work of its own to do, or
    /// would lose what it holds. A clause for the user, "its event scheduler has 2 events"; empty: it may be.
    virtual Result<std::string> KeepsAwake() { return std::string(); }
    /// What the server does by itself, whoever is connected: a clause for the user, as that of KeepsAwake, of
    /// which it is a part. A second server over the same data does it as well.
    virtual Result<std::string> WorksByItself() { return std::string(); }
    /// Of one that has stood by (Launch::stands_by): from here on it does all that it would have done.
    virtual Result<void> TakeOver() { return {}; }
    /// How many clients have come to the server and have not been let in or turned away by it yet. What ends
    /// the server on purpose waits a moment for them.
    virtual Result<uint32_t> ClientsOnTheirWayIn() { return uint32_t{0}; }
  };
  /// True for a server that, as its users expect, says "done" before the file system has flushed it. Should
  /// it end by itself, the keeper has the file system written out, as a host's kernel would.
  virtual bool AnswersBeforeFlush() const { return false; }
  /// What the server writes to its log when it is ready, in any of its versions; empty when it says no such
  /// thing. An attempt to connect before that costs the starting server more than it tells, so the keeper
  /// waits for the line, and only tries now and then without it.
  virtual std::string_view ReadyLine() const = 0;
  /// What a server writes to its log that lets nobody in for a while, without ending: it recovers from the
  /// end of one of its processes, and ReadyLine follows. Empty: it does not do that.
  virtual std::string_view OutOfServiceLine() const { return {}; }
  /// One attempt to connect as the server's superuser, over the private socket where there is one, and to
  /// open what clients will open first (Credentials::database; where that is missing, any), which warms it
  /// for the client's first connection. The server has the credentials of `launch` already, or those of an
  /// image, or, before a restart, those of `launch` again. kUnavailable: not ready yet, try again; anything
  /// else is final.
  virtual Result<std::unique_ptr<Session>> Probe(const Launch& launch) const = 0;
  /// One step of the words to a client whose server is stopped, has failed or is deleted: `received` is what
  /// it has sent and nothing was done about yet, empty at first. As far as the protocol allows, the client's
  /// user reads `words`. Whoever calls bounds how much comes and for how long.
  virtual Farewell TurnAway(std::string_view /*received*/, std::string_view /*words*/) const {
    return {.is_over = true};
  }
  /// How a server of this product follows another one; nullptr: it cannot.
  virtual const StandbyRecipe* Standby() const { return nullptr; }
  /// False for a server that cannot be told to speak TLS only.
  virtual bool CanRequireTls() const { return true; }
  /// True for a server without a private socket: Probe connects to Launch::endpoint, which is the host's.
  virtual bool ProbesByAddress() const { return false; }
  /// What the log's last lines say about a server that ended early, as an error for the user (e.g. kInUse
  /// when the port is taken).
  virtual Error ExplainExit(std::string_view log_tail, const Endpoint& endpoint) const = 0;

  /// Those of `used` that the installation has not. Where it cannot be told where it keeps such, none. Blocks
  /// for as long as looking at files takes.
  virtual std::vector<MissingLibrary> MissingLibraries(const Installation& /*installation*/,
                                                       const std::vector<UsedLibrary>& /*used*/) const {
    return {};
  }

  /// kUnsupported, in the product's own words, where Session::Mask could not do what it has to: asked before
  /// a build. `placed`: the backup is the files of a server.
  virtual Result<void> CheckMask(const Installation& /*installation*/, bool /*placed*/) const {
    return Fail(ErrorCode::kUnsupported,
                std::string(DisplayName()) + " cannot be masked: `mask` is for PostgreSQL, MySQL and MariaDB",
                "Leave `mask` out, and mask what the backup is made of.");
  }
  /// Of a build that masks, beside the user's own: what keeps old values from lying about.
  virtual Settings SettingsForMask(const Installation& /*installation*/) const { return {}; }

  /// Looks at the content of a backup or script, before an installation is chosen for it, and never again.
  /// kInvalidArgument: not a backup of this product, or one that is cut short.
  virtual Result<std::unique_ptr<RecognisedBackup>> Recognise(const RestoreRequest& request) const = 0;
  /// What a client runs to get data from a running server, as far as the answers of that tell
  /// (engines/fetch/plan.h). `installed`: of this machine, of any engine. kInvalidArgument: what the server
  /// holds does not fit what is asked for; kUnauthenticated, kUnsupported: it, or its version, cannot be
  /// fetched from.
  virtual Result<FetchPlan> PlanFetch(const FetchRequest& request,
                                      const std::vector<Installation>& installed) const;
  /// The same of a repository of a backup tool. kNotFound: what is asked for is not in it.
  virtual Result<FetchPlan> PlanRepository(const FetchRequest& request,
                                           const std::vector<Installation>& installed) const;
  /// Endings of the files that a scripts folder is searched for, lower case, without the dot.
  virtual std::vector<std::string_view> ScriptEndings() const { return {"sql"}; }
};

}  // namespace spawnd::engines
