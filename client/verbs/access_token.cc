/// create, get and delete of access tokens.
#include <fmt/core.h>

#include <array>
#include <ctime>

#include "api/image_reference.h"
#include "api/json.h"
#include "api/lifetime.h"
#include "client/output/output.h"
#include "client/output/table.h"
#include "client/output/terminal.h"
#include "client/output/text.h"
#include "client/verbs/flags.h"
#include "client/verbs/session.h"
#include "client/verbs/verbs.h"

namespace spawnd::client {
namespace {

Result<int> CreateAccessToken(const Invocation& invocation) {
  TRY_ASSIGN(const DaemonClient daemon, FindDaemon(invocation));
  api::CreateAccessTokenRequest request;
  request.purpose = invocation.Text("--purpose");
  if (const std::string expires = invocation.Text("--expires"); !expires.empty()) {
    TRY_ASSIGN(request.lifetime_seconds, api::ParseLifetime(expires));
  }
  request.read_only = invocation.Has("--read-only");
  request.images = invocation.List("--image");
  for (const std::string& image : request.images) TRY(api::ParseImageReference(image));
  TRY_ASSIGN(const std::string json, daemon.Create(std::string(kTokensPath), api::ToJson(request), {}));
  TRY_ASSIGN(const api::AccessToken token, api::FromJson<api::AccessToken>(json));
  TRY(WriteOut(invocation.Has("--quiet")
                   ? OneLine(token.token) + "\n"
                   : fmt::format("Access token generated: {}\n", OneLine(token.token))));
  return 0;
}

Result<int> GetAccessTokens(const Invocation& invocation) {
  TRY_ASSIGN(const Output output, OutputOf(invocation));
  TRY_ASSIGN(const std::string json, GetOneOrAll(invocation, kTokensPath));
  std::string text;
  if (output.format != Format::kTable) {
    TRY_ASSIGN(text, Render(json, output));
  } else if (invocation.Arguments().empty()) {
    TRY_ASSIGN(const auto tokens, api::FromJson<std::vector<api::AccessToken>>(json));
    text = tokens.empty() ? std::string(kNoResources) : TokenTable(tokens, std::time(nullptr));
  } else {
    TRY_ASSIGN(const api::AccessToken token, api::FromJson<api::AccessToken>(json));
    text = TokenTable({token}, std::time(nullptr));
  }
  TRY(WriteOut(text));
  return 0;
}

Result<int> DeleteAccessTokens(const Invocation& invocation) {
  return DeleteEach(invocation, kTokensPath, "Access token");
}

constexpr std::array<Flag, 5> kCreateFlags{{
    {"--purpose", "", "<text>", "what it is for; shown by get"},
    {"--expires", "", "<duration>", "how long it works, such as 30d; default for ever"},
    {"--read-only", "", "", "it looks at things, sees no passwords and changes nothing"},
    {"--image", "-i", "<image>", "it is for containers of this image; repeatable", true},
    {"--quiet", "-q", "", "print the token only"},
}};
constexpr std::array<Flag, 2> kGetFlags{{{"--output", "-o", "<format>", "json or yaml"}, kFormatFlag}};
constexpr std::array<Flag, 1> kDeleteFlags{{kSilentFlag}};

constexpr std::array<Command, 3> kRows{{
    {"create", "access-token", "", 0, 0, "Make a token that speaks for you; it is shown this once",
     "  spawnctl create access-token --purpose ci\n"
     "  export SPAWNCTL_ACCESS_TOKEN=$(spawnctl create access-token --purpose ci -q)\n"
     "  spawnctl create access-token --purpose tests --image shop --image till:latest --expires 30d\n",
     kCreateFlags, CreateAccessToken},
    {"get", "access-token", "[<id>]", 0, 1, "List your access tokens, or show one",
     "  spawnctl get access-tokens\n", kGetFlags, GetAccessTokens},
    {"delete", "access-token", "<id>...", 1, kAnyNumber, "Revoke access tokens",
     "  spawnctl delete access-token 10007\n", kDeleteFlags, DeleteAccessTokens},
}};

}  // namespace

std::span<const Command> AccessTokenCommands() {
  return kRows;
}

}  // namespace spawnd::client
