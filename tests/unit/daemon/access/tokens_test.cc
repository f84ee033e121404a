/// Access tokens in a real catalog: which header has a valid one, and when their use is written down.
#include "daemon/access/tokens.h"

#include <pwd.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <future>
#include <memory>
#include <optional>
#include <sstream>

#include "daemon/http/exchange.h"
#include "daemon/loop/event_loop.h"
#include "daemon/loop/jobs.h"
#include "tests/support/catch.h"
#include "tests/support/scratch_directory.h"
#include "tests/unit/daemon/catalog/sample_rows.h"

namespace spawnd::daemon {
namespace {

constexpr int64_t kStart = 1'700'000'000;

TokenRow Wanted(uid_t owner) {
  TokenRow row;
  row.purpose = "test";
  row.owner = owner;
  return row;
}

struct Fixture {
  Fixture() : catalog(Open(scratch / "catalog.db")), tokens(*catalog, [this] { return now; }) {}

  NewToken Make(uid_t owner = 1000) {
    auto made = MakeToken(*catalog, Wanted(owner));
    REQUIRE(made);
    return std::move(*made);
  }
  Error Refused(const std::string& header) {
    INFO(header);
    const auto found = tokens.Find(header);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == ErrorCode::kUnauthenticated);
    CHECK_FALSE(found.error().hint.empty());
    return found.error();
  }
  /// One more request with the token; when the catalog says that it was used.
  int64_t Use(int64_t id) {
    const auto row = catalog->tokens.ById(id);
    REQUIRE(row);
    tokens.NoteUse(*row);
    return catalog->tokens.ById(id)->last_used_at;
  }

  const ScratchDirectory scratch;
  std::unique_ptr<Catalog> catalog;
  int64_t now = kStart;
  AccessTokens tokens;
};

/// While it lives, no file of this process can be written, as on a full disk.
class NoWriting {
 public:
  NoWriting() : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &none);
  }
  NoWriting(const NoWriting&) = delete;
  NoWriting& operator=(const NoWriting&) = delete;
  ~NoWriting() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  sighandler_t handler_;
  rlimit before_{};
};

/// While it lives, what is logged goes here.
class Logged {
 public:
  Logged() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
    auto logger = std::make_shared<spdlog::logger>("test", std::move(sink));
    logger->set_pattern("%v");
    spdlog::set_default_logger(std::move(logger));
  }
  Logged(const Logged&) = delete;
  Logged& operator=(const Logged&) = delete;
  ~Logged() { spdlog::set_default_logger(before_); }

  size_t Lines() const {
    const std::string text = text_.str();
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  std::string Text() const { return text_.str(); }

 private:
  std::shared_ptr<spdlog::logger> before_;
  std::ostringstream text_;
};

TEST_CASE("a token is found again, for its owner, until it is deleted") {
  Fixture f;
  const NewToken mine = f.Make(1000);
  const NewToken other = f.Make(2000);
  const auto found = f.tokens.Find("Bearer " + mine.token);
  REQUIRE(found);
  CHECK(found->id == mine.row.id);
  CHECK(found->owner == 1000);
  CHECK(f.tokens.Find("Bearer " + other.token)->owner == 2000);

  REQUIRE(f.catalog->tokens.Remove(mine.row.id));
  CHECK(f.Refused("Bearer " + mine.token).message ==
        "the access token is not valid: it is mistyped, or has been deleted");
  CHECK(f.tokens.Find("Bearer " + other.token));
}

TEST_CASE("a user has so many tokens at most, whatever others have") {
  Fixture f;
  for (int64_t i = 0; i < kMaxTokensOfOwner; ++i) {
    TokenRow row;
    row.hash = std::to_string(i);
    row.owner = 1000;
    REQUIRE(f.catalog->tokens.Insert(row));
  }
  const auto one_more = MakeToken(*f.catalog, Wanted(1000));
  REQUIRE_FALSE(one_more);
  CHECK(one_more.error().code == ErrorCode::kForbidden);
  CHECK(MakeToken(*f.catalog, Wanted(2000)));
  REQUIRE(f.catalog->tokens.Remove(f.catalog->tokens.List()->front().id));
  CHECK(MakeToken(*f.catalog, Wanted(1000)));
}

TEST_CASE("a token works until it expires, and says so afterwards") {
  Fixture f;
  TokenRow wanted = Wanted(1000);
  wanted.expires_at = kStart + 60;
  const auto made = MakeToken(*f.catalog, wanted);
  REQUIRE(made);
  f.now = kStart + 59;
  CHECK(f.tokens.Find("Bearer " + made->token));
  f.now = kStart + 60;
  CHECK(f.Refused("Bearer " + made->token).message ==
        "the access token has expired, at 2023-11-14T22:14:20Z");
  // Whoever guesses learns nothing of it.
  CHECK(f.Refused("Bearer " + made->token + "x").message ==
        "the access token is not valid: it is mistyped, or has been deleted");
}

TEST_CASE("what a token is for is kept") {
  Fixture f;
  TokenRow wanted = Wanted(1000);
  wanted.read_only = true;
  wanted.images = {"1000/shop", "#10007", "=some:15"};
  const auto made = MakeToken(*f.catalog, wanted);
  REQUIRE(made);
  const auto row = f.catalog->tokens.ById(made->row.id);
  REQUIRE(row);
  CHECK(row->read_only);
  CHECK(row->images == wanted.images);
  CHECK_FALSE(f.catalog->tokens.ById(f.Make().row.id)->read_only);
  CHECK(f.catalog->tokens.List()->back().images.empty());
}

TEST_CASE("a token that is for less does less") {
  const http::Rights all;
  const http::Rights reading{.read_only = true};
  const http::Rights shop{.images = {"1000/shop"}};
  const http::Rights both{.read_only = true, .images = {"1000/shop"}};
  const auto may = [](const http::Rights& rights) {
    std::string done;
    for (const Needs needs : {Needs::kLook, Needs::kLookAround, Needs::kContainers, Needs::kAll}) {
      const auto checked = CheckRights(rights, needs);
      if (!checked) CHECK(checked.error().code == ErrorCode::kForbidden);
      done += checked ? 'y' : 'n';
    }
    return done;
  };
  CHECK(may(all) == "yyyy");
  CHECK(may(reading) == "yynn");
  CHECK(may(shop) == "ynyn");
  CHECK(may(both) == "ynnn");
}

TEST_CASE("the scheme is any case's, and blanks around the token are no matter") {
  Fixture f;
  const std::string token = f.Make().token;
  for (const char* before : {"Bearer ", "bearer ", "BEARER ", "bEaReR    ", "  Bearer ", "Bearer\t "}) {
    INFO(before);
    CHECK(f.tokens.Find(before + token));
    CHECK(f.tokens.Find(before + token + " \t"));
  }
}

TEST_CASE("a header that is no Bearer token says why, and does not show what it was") {
  Fixture f;
  const std::string token = f.Make().token;
  const std::pair<std::string, std::string> cases[] = {
      {"", "the Authorization header is empty"},
      {" \t ", "the Authorization header is empty"},
      {"Bearer", "the Authorization header has no token after 'Bearer'"},
      {"Bearer   ", "the Authorization header has no token after 'Bearer'"},
      {token, "the Authorization header does not begin with 'Bearer'"},
      {"Bearer" + token, "the Authorization header does not begin with 'Bearer'"},
      {"Bear " + token, "the Authorization header does not begin with 'Bearer'"},
      {"Bearers " + token, "the Authorization header does not begin with 'Bearer'"},
      {"Basic c3Bhd246", "the Authorization header does not begin with 'Bearer'"},
      {"Bearer " + token + " " + token, "the Authorization header has more than one token"},
      {"Bearer " + token + ", Bearer " + token, "the Authorization header has more than one token"},
      {"Bearer " + token + "," + token, "the Authorization header has more than one token"},
      {"Bearer " + std::string(kMaxTokenLength + 1, 'x'), "the access token has more than 128 characters"},
      {"Bearer " + std::string(16'000, 'x'), "the access token has more than 128 characters"},
  };
  for (const auto& [header, message] : cases) {
    const Error error = f.Refused(header);
    CHECK(error.message == message);
    CHECK((error.message + error.hint).find(token) == std::string::npos);
  }
}

TEST_CASE("what is nearly a token is none") {
  Fixture f;
  const NewToken made = f.Make();
  const NewToken other = f.Make();
  const std::string id = std::to_string(made.row.id);
  const std::string secret = made.token.substr(made.token.rfind('_') + 1);
  std::string changed = made.token;
  changed.back() = changed.back() == 'a' ? 'b' : 'a';
  for (const std::string& token :
       {changed, made.token + "x", made.token.substr(0, made.token.size() - 1), secret, id,
        "spawn_" + id + "_", "spawn__" + secret, "SPAWN_" + id + "_" + secret, "spawn_0" + id + "_" + secret,
        "spawn_-1_" + secret, "spawn_99999999999999999999_" + secret, made.row.hash,
        "spawn_" + std::to_string(other.row.id) + "_" + secret, std::string(kMaxTokenLength, 'x')}) {
    CHECK(f.Refused("Bearer " + token).message ==
          "the access token is not valid: it is mistyped, or has been deleted");
  }
}

TEST_CASE("use is written down once a minute, each token's for itself") {
  Fixture f;
  const int64_t id = f.Make().row.id;
  const int64_t other = f.Make().row.id;
  CHECK(f.catalog->tokens.ById(id)->last_used_at == 0);
  CHECK(f.Use(id) == kStart);
  f.now = kStart + 59;
  CHECK(f.Use(id) == kStart);
  CHECK(f.Use(other) == kStart + 59);
  f.now = kStart + 60;
  CHECK(f.Use(id) == kStart + 60);
  CHECK(f.Use(other) == kStart + 59);
  f.now = kStart - 3600;  // the clock is set back
  CHECK(f.Use(id) == kStart - 3600);
}

TEST_CASE("a use that cannot be written is one warning a minute, however many requests there are") {
  Fixture f;
  const int64_t id = f.Make().row.id;
  const int64_t other = f.Make().row.id;
  const Logged logged;
  std::vector<size_t> lines;
  {
    const NoWriting full;
    for (const int64_t later : {0, 0, 1, 59, 60, 61, 119}) {
      f.now = kStart + later;
      for (const int64_t used : {id, other}) {
        if (const auto row = f.catalog->tokens.ById(used)) f.tokens.NoteUse(*row);
      }
      lines.push_back(logged.Lines());
    }
  }
  CHECK(lines == std::vector<size_t>{1, 1, 1, 1, 2, 2, 2});
  CHECK_THAT(logged.Text(), Catch::Matchers::Contains("cannot note that access token " + std::to_string(id)));
  // The disk has room again; a minute after the last failure both are noted, and nothing more is said.
  CHECK(f.Use(id) == 0);
  f.now = kStart + 120;
  CHECK(f.Use(id) == kStart + 120);
  CHECK(f.Use(other) == kStart + 120);
  CHECK(logged.Lines() == 2);
}

template <typename T>
T Made(Result<T> made) {
  REQUIRE(made);
  return std::move(*made);
}

/// A door without a socket, which members of its group may use, and one request at it.
struct Door {
  explicit Door(mode_t mode = 0660)
      : doorkeeper(tokens, {0, 0, mode}, *questions, *mailbox, stopping.get_token()) {}
  ~Door() { questions->Stop(); }  // its jobs know the others

  static std::shared_ptr<http::Exchange> NewExchange() {
    return std::make_shared<http::Exchange>([] {});
  }

  /// The token of a new row of `owner`.
  std::string TokenOf(uid_t owner) { return TokenOf(Wanted(owner)); }
  std::string TokenOf(const TokenRow& wanted) {
    auto made = MakeToken(*catalog, wanted);
    REQUIRE(made);
    made_id = made->row.id;
    return made->token;
  }
  /// A request of `uid`, with the header unless it is null; not answered when this returns.
  void Ask(uid_t uid, const std::optional<std::string>& header, Needs needs = Needs::kAll) {
    http::Request request;
    if (header) request.headers["authorization"] = *header;
    request.peer.socket = {uid, uid, {}};
    request.peer.identity = {request.peer.socket, {}};
    known.reset();
    answer.reset();
    exchange = NewExchange();
    doorkeeper.LetIn(std::move(request), needs, http::Reply(std::make_shared<http::Reply::Channel>(exchange)),
                     [this](const http::Request& request) { known = request.peer; });
  }
  /// Until the request is let in or refused, at most ten seconds.
  void Wait() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    auto ticks = WatchTime(loop->Get(), std::chrono::milliseconds(1), std::chrono::milliseconds(1), [&] {
      if (!answer) Look();
      if (known || answer || std::chrono::steady_clock::now() > end) loop->Stop();
    });
    REQUIRE(ticks);
    loop->Run();
  }
  void Look() {
    auto output = exchange->Take(1 << 20);
    if (output.kind == http::Exchange::Kind::kWhole) answer = std::move(output);
  }
  /// The refusal of a request that nobody may let in.
  std::string Refusal(uid_t uid, const std::string& header, int status, Needs needs = Needs::kAll) {
    Ask(uid, header, needs);
    Wait();
    CHECK_FALSE(known);
    REQUIRE(answer);
    CHECK(answer->status == status);
    return answer->bytes;
  }
  int64_t LastUsed() { return catalog->tokens.ById(made_id)->last_used_at; }

  const ScratchDirectory scratch;
  const std::unique_ptr<EventLoop> loop = Made(EventLoop::Make());
  const std::unique_ptr<Mailbox> mailbox = Made(MakeMailbox(loop->Get()));
  const std::unique_ptr<Catalog> catalog = Open(scratch / "catalog.db");
  const std::unique_ptr<Jobs> questions = Jobs::Start({1});
  std::stop_source stopping;
  AccessTokens tokens{*catalog, [] { return kStart; }};
  Doorkeeper doorkeeper;
  std::shared_ptr<http::Exchange> exchange = NewExchange();
  std::optional<http::Exchange::Output> answer;
  std::optional<http::Peer> known;  ///< as whom the request went on
  int64_t made_id = 0;
};

constexpr uid_t kAnn = 4'000'000'001;  // nobody has such an account
constexpr uid_t kBob = 4'000'000'002;
uid_t Nobody() {
  const passwd* entry = ::getpwnam("nobody");
  REQUIRE(entry != nullptr);
  return entry->pw_uid;
}

TEST_CASE("without a header a request is its socket's user's, with one's own token as well, at once") {
  Door door;
  door.Ask(kAnn, std::nullopt);
  REQUIRE(door.known);
  CHECK(door.known->identity.uid == kAnn);
  door.Ask(kAnn, "Bearer " + door.TokenOf(kAnn));
  REQUIRE(door.known);
  CHECK(door.known->identity.uid == kAnn);
  CHECK(door.LastUsed() == kStart);
}

TEST_CASE("with one's own token a request has its rights, and no more") {
  Door door;
  TokenRow wanted = Wanted(kAnn);
  wanted.read_only = true;
  wanted.images = {"1/shop"};
  wanted.expires_at = kStart + 1;
  const std::string header = "Bearer " + door.TokenOf(wanted);
  door.Ask(kAnn, header, Needs::kLook);
  REQUIRE(door.known);
  CHECK(door.known->identity.rights.read_only);
  CHECK(door.known->identity.rights.images == wanted.images);
  CHECK(door.known->identity.rights.expires_at == kStart + 1);
  CHECK_THAT(door.Refusal(kAnn, header, 403), Catch::Matchers::Contains("for reading only"));
}

TEST_CASE("somebody's token has its rights for whoever brings it") {
  Door door;
  TokenRow wanted = Wanted(0);
  wanted.images = {"0/shop"};
  const std::string header = "Bearer " + door.TokenOf(wanted);
  door.Ask(kBob, header, Needs::kContainers);
  door.Wait();
  REQUIRE(door.known);
  CHECK(door.known->identity.uid == 0);
  CHECK(door.known->identity.rights.images == wanted.images);
  CHECK_THAT(door.Refusal(kBob, header, 403), Catch::Matchers::Contains("of some images"));
}

TEST_CASE("with somebody's token a request is that user's, and its files are still the socket's user's") {
  Door door;
  door.Ask(kBob, "bearer " + door.TokenOf(0));
  door.Wait();
  REQUIRE(door.known);
  CHECK(door.known->identity.uid == 0);
  CHECK(door.known->socket.uid == kBob);
  CHECK(door.LastUsed() == kStart);
}

TEST_CASE("a refusal says how one would be let in, and does nothing") {
  using Catch::Matchers::Contains;
  Door door;
  CHECK_THAT(door.Refusal(kBob, "", 401), Contains("the Authorization header is empty"));
  CHECK_THAT(door.Refusal(kBob, "Bearer none", 401), Contains("\"unauthenticated\""));
  REQUIRE(door.answer->headers.size() == 1);
  CHECK(door.answer->headers[0] ==
        std::pair<std::string, std::string>("WWW-Authenticate", "Bearer realm=\"spawnd\""));
  // Root's request too: a token narrows it to what the token's owner may do.
  CHECK_THAT(door.Refusal(0, "Bearer none", 401), Contains("not valid"));
}

TEST_CASE("a token is worth nothing while its owner could not connect") {
  using Catch::Matchers::Contains;
  Door door;
  const std::string nobodys = "Bearer " + door.TokenOf(Nobody());
  CHECK_THAT(door.Refusal(kBob, nobodys, 401), Contains("'nobody', may not use spawnd any more"));
  CHECK(door.LastUsed() == 0);

  Door open(0666);
  open.Ask(kBob, "Bearer " + open.TokenOf(Nobody()));
  open.Wait();
  REQUIRE(open.known);
  CHECK(open.known->identity.uid == Nobody());
  CHECK(open.LastUsed() == kStart);
  CHECK_THAT(open.Refusal(kBob, "Bearer " + open.TokenOf(kAnn), 401), Contains("has no account"));
}

TEST_CASE("a daemon that is told to stop while it looks an owner up refuses, and does not fall") {
  Door door;
  door.Ask(kBob, "Bearer " + door.TokenOf(0));
  std::promise<void> looked_up;  // there is one thread, first come first served
  door.questions->Run({kBob}, [&](const std::stop_token&) { looked_up.set_value(); });
  REQUIRE(looked_up.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  door.stopping.request_stop();  // what the job has posted is still to come
  door.Wait();
  CHECK_FALSE(door.known);
  REQUIRE(door.answer);
  CHECK(door.answer->status == 503);
  door.Ask(kBob, std::nullopt);
  door.Wait();
  REQUIRE(door.answer);
  CHECK(door.answer->status == 503);
}

}  // namespace
}  // namespace spawnd::daemon
