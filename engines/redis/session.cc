/// A hiredis connection to a container's server over its private socket, with the container's own password
/// or, where that is no superuser's, as the keeper's own user; the server has either from its settings. It
/// connects again by itself when a client or a time limit closed it.
///
/// Used by one thread at a time. Nothing that it changes has to survive a crash: every start begins with the
/// forced settings (launch.cc).
#include <hiredis/hiredis.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engines/redis/database_number.h"
#include "engines/redis/launch.h"
#include "engines/redis/redis_engine.h"
#include "engines/settings.h"

namespace spawnd::engines::redis {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr timeval kConnectDeadline{1, 0};
/// A script of a client's, or a big KEYS, holds everybody up for as long as it runs.
constexpr timeval kCommandDeadline{30, 0};
/// Writing a data set out once, in the background.
constexpr auto kRewriteDeadline = 25min;
/// The same while somebody waits for a save.
constexpr auto kSaveRewriteDeadline = 100s;
constexpr auto kRewriteCheck = 5ms;

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Context = std::unique_ptr<redisContext, FreeContext>;
using Reply = std::unique_ptr<redisReply, FreeReply>;

/// hiredis says what went wrong with the connection in the context.
std::string ConnectionError(const redisContext* context) {
  return context == nullptr ? "out of memory" : std::string(static_cast<const char*>(context->errstr));
}

std::string_view TextOf(const redisReply& reply) {
  return reply.str == nullptr ? std::string_view() : std::string_view(reply.str, reply.len);
}

ErrorCode CodeFor(std::string_view message) {
  const std::string_view word = message.substr(0, message.find(' '));
  if (word == "LOADING" || word == "BUSY" || word == "MASTERDOWN") return ErrorCode::kUnavailable;
  if (word == "NOAUTH" || word == "WRONGPASS" || word == "NOPERM") return ErrorCode::kUnauthenticated;
  // Somebody may have left room for few, and others be faster.
  if (message.find("max number of clients") != std::string_view::npos) return ErrorCode::kUnavailable;
  if (word == "OOM") return ErrorCode::kNoSpace;
  if (word == "MISCONF") return ErrorCode::kIo;
  return ErrorCode::kInternal;
}

Result<Reply> Send(redisContext* context, const std::vector<std::string_view>& words) {
  std::vector<const char*> parts;
  std::vector<size_t> sizes;
  for (const std::string_view word : words) {
    parts.push_back(word.data());
    sizes.push_back(word.size());
  }
  Reply reply(static_cast<redisReply*>(
      redisCommandArgv(context, static_cast<int>(parts.size()), parts.data(), sizes.data())));
  if (!reply) {
    return Fail(ErrorCode::kUnavailable, "the server does not answer: " + ConnectionError(context));
  }
  // Never the command: it may hold a password.
  if (reply->type == REDIS_REPLY_ERROR) {
    return Fail(CodeFor(TextOf(*reply)), "the server says: " + std::string(TextOf(*reply)));
  }
  return reply;
}

/// What a session logs in with.
struct Login {
  std::string socket;
  std::string user;
  std::string password;
};

Result<Context> OpenConnection(const Login& login) {
  Context context(redisConnectUnixWithTimeout(login.socket.c_str(), kConnectDeadline));
  if (!context || context->err != 0) {
    return Fail(ErrorCode::kUnavailable, "cannot connect to the server: " + ConnectionError(context.get()));
  }
  if (redisSetTimeout(context.get(), kCommandDeadline) != REDIS_OK) {
    return Fail(ErrorCode::kInternal,
                "cannot limit the time of a command: " + ConnectionError(context.get()));
  }
  TRY(Send(context.get(), {"AUTH", login.user, login.password}));
  // Answered with an error for as long as data is loaded.
  TRY(Send(context.get(), {"PING"}));
  return context;
}

class HiredisSession final : public Engine::Session {
 public:
  HiredisSession(Context context, Login login) : context_(std::move(context)), login_(std::move(login)) {}

  Result<void> PrepareContainer(const Credentials& credentials) override;
  Result<void> PrepareImage(const Credentials& credentials) override;
  Result<void> CreateDatabase(const std::string& database) override;
  Result<std::vector<std::string>> UserDatabases(const Credentials& /*credentials*/) override {
    return std::vector<std::string>{};
  }
  Result<uint32_t> ClientsOnTheirWayIn() override;
  Result<void> BeforeSave() override;
  Result<void> AfterSave() override;
  Result<std::string> KeepsAwake() override;

  /// From now on what an image loses by a limit of memory is noticed. `limit`: of its containers, in bytes;
  /// 0: none.
  Result<void> WatchMemory(uint64_t limit);
  /// Of a container: PrepareContainer sets it where the server was started without (launch.cc).
  void LimitMemory(uint64_t limit) {
    memory_limit_ = limit;
    limits_memory_ = true;
  }

 private:
  /// Connects again, once, when the connection is gone: CLIENT KILL and `timeout` reach this session too.
  Result<Reply> Run(const std::vector<std::string_view>& words);
  Result<std::string> Setting(std::string_view name);
  Result<void> Set(std::string_view name, std::string_view value);
  /// One field of a section of INFO; empty when it is not there.
  Result<std::string> Info(std::string_view section, std::string_view field);
  Result<std::string> Persistence(std::string_view field) { return Info("persistence", field); }
  Result<uint64_t> Number(std::string_view section, std::string_view field);
  Result<void> CheckFollowsNobody();
  Result<void> CheckHoldsAll();
  Result<void> CheckFits(const std::string& who);
  Result<bool> IsUnlimited();
  Result<void> SetLimit();
  Result<void> WaitForRewrite(std::chrono::seconds limit);
  Result<void> CheckWritten();

  Context context_;
  const Login login_;
  /// What BeforeSave found and changed; empty: nothing.
  std::string appendfsync_;
  bool switched_on_ = false;
  uint64_t memory_limit_ = 0;
  bool limits_memory_ = false;
  bool watches_evictions_ = false;
};

Result<Reply> HiredisSession::Run(const std::vector<std::string_view>& words) {
  if (context_ && context_->err == 0) {
    auto reply = Send(context_.get(), words);
    // A server that is only slow is not asked twice.
    const bool timed_out = context_->err == REDIS_ERR_IO && errno == EAGAIN;
    if (reply || context_->err == 0 || timed_out) return reply;
  }
  TRY_ASSIGN(context_, OpenConnection(login_));
  return Send(context_.get(), words);
}

Result<std::string> HiredisSession::Setting(std::string_view name) {
  TRY_ASSIGN(const Reply reply, Run({"CONFIG", "GET", name}));
  if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
    return Fail(ErrorCode::kUnsupported, "the server has no setting '" + std::string(name) + "'");
  }
  return std::string(TextOf(*reply->element[1]));
}

Result<void> HiredisSession::Set(std::string_view name, std::string_view value) {
  auto set = Run({"CONFIG", "SET", name, value});
  if (!set) return Fail(set.error().Wrap("cannot set " + std::string(name)));
  return {};
}

Result<std::string> HiredisSession::Info(std::string_view section, std::string_view field) {
  TRY_ASSIGN(const Reply reply, Run({"INFO", section}));
  const std::string_view text = TextOf(*reply);
  const std::string start = "\n" + std::string(field) + ":";
  const size_t at = text.find(start);
  if (at == std::string_view::npos) return std::string();
  const std::string_view value = text.substr(at + start.size());
  return std::string(value.substr(0, value.find_first_of("\r\n")));
}

Result<uint64_t> HiredisSession::Number(std::string_view section, std::string_view field) {
  TRY_ASSIGN(const std::string text, Info(section, field));
  return std::strtoull(text.c_str(), nullptr, 10);
}

/// Until the append-only file is whole: written out by a rewrite that is wanted or under way.
Result<void> HiredisSession::WaitForRewrite(std::chrono::seconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (true) {
    TRY_ASSIGN(const std::string running, Persistence("aof_rewrite_in_progress"));
    TRY_ASSIGN(const std::string scheduled, Persistence("aof_rewrite_scheduled"));
    if (running != "1" && scheduled != "1") break;
    if (steady_clock::now() > deadline) {
      return Fail(ErrorCode::kTimeout, "the server did not write its append-only file out in time");
    }
    std::this_thread::sleep_for(kRewriteCheck);
  }
  TRY_ASSIGN(const std::string status, Persistence("aof_last_bgrewrite_status"));
  if (status == "ok") return {};
  return Fail(ErrorCode::kIo, "the server could not write its append-only file out",
              "Its log says why: too little room on the disk, or too little memory for a second process.");
}

Result<void> HiredisSession::CheckWritten() {
  TRY_ASSIGN(const std::string status, Persistence("aof_last_write_status"));
  if (status == "ok") return {};
  return Fail(ErrorCode::kIo, "the server cannot write its append-only file",
              "Its log says why; usually the disk is full.");
}

/// The server has the password from its settings; logging in with it has shown that. But redis-cli takes
/// `redis://:password@...` for a user without a name, so there is one.
Result<void> HiredisSession::PrepareContainer(const Credentials& credentials) {
  const std::string password = ">" + credentials.password;
  std::vector<std::string_view> words{"ACL", "SETUSER", "", "reset", "on", password, "~*", "&*"};
  if (credentials.superuser) {
    words.emplace_back("+@all");
  } else {
    words.insert(words.end(), OwnerRules().begin(), OwnerRules().end());
  }
  TRY(Run(words));
  return SetLimit();
}

Result<bool> HiredisSession::IsUnlimited() {
  return Setting("maxmemory").map([](const std::string& limit) { return limit == "0"; });
}

/// The server was started without its limit of memory, with data that were never under that one.
Result<void> HiredisSession::SetLimit() {
  if (!limits_memory_ || memory_limit_ == 0) return {};
  TRY_ASSIGN(const bool unlimited, IsUnlimited());
  if (!unlimited) return {};
  TRY(CheckFits("the container would"));
  return Set("maxmemory", std::to_string(memory_limit_));
}

/// A container would follow the same server, and have its data in the place of the image's. What the build
/// ran had no way there (Probe), so that this is for what found one.
Result<void> HiredisSession::CheckFollowsNobody() {
  TRY_ASSIGN(const std::string role, Info("replication", "role"));
  if (role == "master") return {};
  return Fail(ErrorCode::kInvalidArgument, "the server of this build has become a replica of another one",
              "Leave out of the backup and the scripts what makes it one.");
}

/// Where the data on the volume have a limit of their own (redis.conf of a container), they are held to it at
/// every start, this one too.
Result<void> HiredisSession::WatchMemory(uint64_t limit) {
  memory_limit_ = limit;
  return IsUnlimited().map([this](bool unlimited) { watches_evictions_ = unlimited; });
}

/// The server of a build has no limit of memory (launch.cc), those of containers do: what is over it they
/// would lose at their first command, or take no writes any more. What clients have of the memory is no data.
Result<void> HiredisSession::CheckHoldsAll() {
  TRY_ASSIGN(const uint64_t evicted, Number("stats", "evicted_keys"));
  if (watches_evictions_ && evicted > 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "the server has evicted " + std::to_string(evicted) + " keys while the image was made",
                "A script has set `maxmemory`: take that out, or let it be as large as the data; "
                "`settings: {maxmemory: ...}` of the image counts in its containers only.");
  }
  return CheckFits("its containers would");
}

/// `who`: "its containers would", lose keys.
Result<void> HiredisSession::CheckFits(const std::string& who) {
  if (memory_limit_ == 0) return {};
  TRY_ASSIGN(const uint64_t used, Number("memory", "used_memory"));
  TRY_ASSIGN(const uint64_t buffers, Number("memory", "mem_not_counted_for_evict"));
  TRY_ASSIGN(const uint64_t clients, Number("memory", "mem_clients_normal"));
  const uint64_t needed = used - std::min(used, buffers + clients);
  if (needed <= memory_limit_) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "the data need " + std::to_string(needed) + " bytes of memory, and the settings give " +
                  std::to_string(memory_limit_) + " (maxmemory): " + who + " lose keys, or refuse writes",
              "Give more, or leave `maxmemory` out.");
}

/// Compact first, while nobody waits: containers load what is here at every start. Then without a way in:
/// clients that are not logged in yet stay outside from `off` on, this session stays. `off` goes with the
/// next start (launch.cc), and the password with CONFIG REWRITE, in case a user's own had kept it in
/// redis.conf.
Result<void> HiredisSession::PrepareImage(const Credentials& /*credentials*/) {
  TRY(CheckFollowsNobody());
  TRY(CheckHoldsAll());
  TRY(Set("appendonly", "yes"));
  TRY(WaitForRewrite(kRewriteDeadline));
  TRY_ASSIGN(const std::string base, Persistence("aof_base_size"));
  TRY_ASSIGN(const std::string current, Persistence("aof_current_size"));
  if (base != current) {
    TRY(Run({"BGREWRITEAOF"}));
    TRY(WaitForRewrite(kRewriteDeadline));
  }
  TRY(Run({"ACL", "DELUSER", ""}));
  TRY(Run({"ACL", "SETUSER", "default", "off"}));
  TRY(Set("requirepass", ""));
  TRY(Set("appendfsync", "everysec"));
  TRY(Run({"CONFIG", "REWRITE"}));
  return CheckWritten();
}

Result<void> HiredisSession::CreateDatabase(const std::string& database) {
  if (database.empty()) return {};
  TRY_ASSIGN(const std::string count, Setting("databases"));
  if (IsDatabaseNumber(database) && std::stoi(database) < std::stoi(count)) return {};
  return Fail(ErrorCode::kInvalidArgument, "Redis has no database '" + database + "'",
              "Its databases are numbers from 0 to " + std::to_string(std::stoi(count) - 1) +
                  "; leave initialDatabaseName out for 0.");
}

/// Redis writes to the append-only file before it answers, except with `everysec` while an fsync takes long:
/// then it answers first and keeps the writes in memory for up to two seconds (flushAppendOnlyFile in its
/// aof.c). With `always` it never does, and the answer to this very command comes after all earlier writes
/// are written. It stays that way until the volume is cut.
///
/// `always` also means that a failed write ends the server: not where writes fail already.
/// Those of the last second that have not said anything yet.
Result<uint32_t> HiredisSession::ClientsOnTheirWayIn() {
  TRY_ASSIGN(const Reply reply, Run({"CLIENT", "LIST"}));
  std::string_view text = TextOf(*reply);
  uint32_t clients = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const bool is_new = line.find(" age=0 ") != std::string_view::npos;
    if (is_new && line.find(" cmd=NULL") != std::string_view::npos) ++clients;
  }
  return clients;
}

Result<void> HiredisSession::BeforeSave() {
  TRY(CheckWritten());
  TRY_ASSIGN(const std::string appendonly, Setting("appendonly"));
  TRY_ASSIGN(appendfsync_, Setting("appendfsync"));
  TRY(Set("appendfsync", "always"));
  // Somebody switched it off. Every start switches it on and loads what it finds there, so that the data set
  // has to be in it.
  if (appendonly != "yes") {
    switched_on_ = true;
    TRY(Set("appendonly", "yes"));
    TRY(WaitForRewrite(kSaveRewriteDeadline));
  }
  return CheckWritten();
}

Result<void> HiredisSession::AfterSave() {
  if (std::exchange(switched_on_, false)) TRY(Set("appendonly", "no"));
  const std::string before = std::exchange(appendfsync_, {});
  return before.empty() ? Result<void>() : Set("appendfsync", before);
}

/// "100mb" as the server reads it, which has taken the setting by now: `k` is 1000, `kb` 1024. 0: none.
uint64_t MemoryLimit(const Settings& settings) {
  uint64_t limit = 0;
  for (const auto& [name, value] : settings) {
    if (SettingName(name) != "maxmemory") continue;
    char* unit = nullptr;
    limit = std::strtoull(value.c_str(), &unit, 10);
    if (*unit == '\0' || *unit == 'b' || *unit == 'B') continue;
    const bool binary = unit[1] != '\0';
    const uint64_t kilo = binary ? 1024 : 1000;
    const std::string_view units = "kmg";
    const size_t power = units.find(static_cast<char>(std::tolower(static_cast<unsigned char>(*unit))));
    // A unit of a newer server's: no opinion.
    if (power == std::string_view::npos) return 0;
    for (size_t i = 0; i <= power; ++i) limit *= kilo;
  }
  return limit;
}

/// A stop writes the append-only file out, and the next start loads nothing else.
Result<std::string> HiredisSession::KeepsAwake() {
  TRY_ASSIGN(const std::string appendonly, Setting("appendonly"));
  if (appendonly != "yes") return std::string("its append-only file is off, and what it holds would be lost");
  TRY_ASSIGN(const std::string status, Persistence("aof_last_write_status"));
  if (status != "ok") return std::string("it cannot write its append-only file");
  TRY_ASSIGN(const std::string role, Info("replication", "role"));
  return std::string(role == "master" ? "" : "it follows another server");
}

}  // namespace

Result<std::unique_ptr<Engine::Session>> RedisEngine::Probe(const Launch& launch) const {
  const Credentials& credentials = launch.credentials;
  Login login{SocketPath(launch.paths), "default", credentials.password};
  if (!credentials.superuser)
    login = {SocketPath(launch.paths), std::string(kKeeper), launch.keeper_password};
  TRY_ASSIGN(Context context, OpenConnection(login));
  auto session = std::make_unique<HiredisSession>(std::move(context), std::move(login));
  const uint64_t limit = MemoryLimit(launch.settings);
  if (launch.purpose == Purpose::kBuild)
    TRY(session->WatchMemory(limit));
  else
    session->LimitMemory(limit);
  return session;
}

}  // namespace spawnd::engines::redis
