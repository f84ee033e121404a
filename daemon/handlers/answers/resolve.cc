#include "daemon/handlers/answers/resolve.h"

#include <utility>
#include <vector>

#include "base/accounts.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/images/builtin.h"
#include "engines/sample_images.h"

namespace spawnd::daemon {
namespace {

/// How many a hint names.
constexpr size_t kMostNamed = 3;

tl::unexpected<Error> NotYours(const std::string& reference, std::string_view verb) {
  return Fail(ErrorCode::kForbidden, "data image '" + reference + "' belongs to somebody else",
              "Only its owner and root can " + std::string(verb) + " it.");
}

tl::unexpected<Error> NoImage(const std::string& reference) {
  return Fail(ErrorCode::kNotFound, "no data image '" + reference + "'",
              "`spawnctl get data-images` lists what there is.");
}

/// What somebody else has under a name: who, and its id for when there is no account of that number.
using Elsewhere = std::vector<std::pair<uid_t, int64_t>>;

template <typename Row>
Elsewhere ElsewhereOf(const Result<std::vector<Row>>& rows) {
  Elsewhere found;
  if (!rows) return found;  // a hint is no reason for another error
  for (const Row& row : *rows) {
    if (found.size() < kMostNamed) found.emplace_back(row.owner, row.id);
  }
  return found;
}

/// "'ann/shop' or 'bob/shop'". May block.
std::string InWords(const Elsewhere& elsewhere, const std::string& text) {
  std::string words;
  for (const auto& [owner, id] : elsewhere) {
    const auto account = UserNumbered(owner);
    const bool known = account && *account;
    words +=
        (words.empty() ? "'" : " or '") + (known ? (*account)->name + "/" + text : std::to_string(id)) + "'";
  }
  return words;
}

void SendWithOthers(Services& services, uid_t caller, const Elsewhere& elsewhere, const std::string& text,
                    const http::Reply& reply, Error error) {
  if (elsewhere.empty()) return SendError(reply, error);
  services.questions.Run(
      {caller}, [elsewhere, text, reply, error = std::move(error)](const std::stop_token&) mutable {
        error.hint = "If you mean what somebody else calls so, say " + InWords(elsewhere, text) + ".";
        SendError(reply, error);
      });
}

}  // namespace

Result<ImageRow> Resolve(Services& services, const http::Caller& who, const Reference& reference) {
  if (FindBuiltIn(reference.text)) return NoImage(reference.text);
  auto image = ResolveImage(services.catalog, services.teams, who, reference, BuiltInNames());
  if (image || image.error().code != ErrorCode::kNotFound) return image;
  if (std::string sample = engines::SampleImageHint(reference.text); !sample.empty()) {
    image.error().hint = std::move(sample);
  }
  return image;
}

std::optional<ImageRow> BuiltInFor(Services& services, const http::Caller& who,
                                   const std::string& reference) {
  const auto built_in = FindBuiltIn(reference);
  auto row = built_in ? services.built_ins.Row(*built_in) : std::nullopt;
  return row && MaySee(services.teams, *row, who) ? row : std::nullopt;
}

Result<ImageRow> ResolveToShow(Services& services, const http::Caller& who, const Reference& reference) {
  if (!FindBuiltIn(reference.text)) return Resolve(services, who, reference);
  auto row = BuiltInFor(services, who, reference.text);
  return row ? Result<ImageRow>(std::move(*row)) : NoImage(reference.text);
}

Result<ImageRow> ResolveForUpdate(Services& services, const http::Caller& who, const Reference& reference) {
  auto image = Resolve(services, who, reference);
  if (FindBuiltIn(reference.text) || (image && image->Hidden())) {
    return Fail(ErrorCode::kForbidden,
                "data image '" + reference.text + "' is built in: nobody can update it",
                "An image of your own can: `sourceType: empty`.");
  }
  if (image && !MayChange(*image, who)) return NotYours(reference.text, "update");
  return image;
}

Result<ImageRow> ResolveForDelete(Services& services, const http::Caller& who, const Reference& reference) {
  const auto built_in = FindBuiltIn(reference.text);
  auto image = Resolve(services, who, reference);
  if (!image && !built_in) return image;
  if ((built_in || image->Hidden()) && !IsRoot(who)) {
    return Fail(ErrorCode::kForbidden,
                "data image '" + reference.text + "' is built in: only root can delete what was made for it",
                "All images of that engine share it.");
  }
  if (image && !MayChange(*image, who)) return NotYours(reference.text, "delete");
  if (image) return image;
  auto made = services.built_ins.Made(*built_in);
  if (made || made.error().code != ErrorCode::kNotFound) return made;
  return Fail(ErrorCode::kNotFound,
              "data image '" + reference.text + "' is built in, and nothing is made for it yet",
              "It is made at its first use.");
}

void WithReferences(Services& services, uid_t caller, const std::vector<std::string>& texts,
                    const http::Reply& reply, std::function<void(const std::vector<Reference>&)> go_on) {
  std::vector<Reference> references;
  bool has_owner = false;
  for (const std::string& text : texts) {
    has_owner = has_owner || !Reference::OwnerPart(text).empty();
    references.push_back({text});
  }
  if (!has_owner) return go_on(references);
  services.questions.Run({caller}, [&services, references = std::move(references), reply,
                                    go_on = std::move(go_on)](const std::stop_token&) mutable {
    for (Reference& reference : references) {
      const std::string owner(Reference::OwnerPart(reference.text));
      if (owner.empty()) continue;
      const auto account = UserNamed(owner);
      if (!account) {
        return SendError(reply, account.error().Wrap("cannot tell what '" + reference.text + "' means"));
      }
      if (*account) reference.owner = (*account)->uid;
    }
    services.mailbox.Post(
        [references = std::move(references), go_on = std::move(go_on)] { go_on(references); });
  });
}

void WithReference(Services& services, uid_t caller, const std::string& text, const http::Reply& reply,
                   std::function<void(const Reference&)> go_on) {
  WithReferences(services, caller, {text}, reply,
                 [go_on = std::move(go_on)](const std::vector<Reference>& all) { go_on(all.front()); });
}

void SendNoImage(Services& services, const http::Caller& who, const std::string& text,
                 const http::Reply& reply, Error error) {
  Elsewhere elsewhere;
  if (error.code == ErrorCode::kNotFound && !FindBuiltIn(text)) {
    elsewhere = ElsewhereOf(ImagesOfOthers(services.catalog, services.teams, who, text));
  }
  SendWithOthers(services, who.uid, elsewhere, text, reply, std::move(error));
}

void WithImage(Services& services, const http::Request& request, const http::Reply& reply,
               ImageResolver resolve, std::function<void(const ImageRow&)> go_on) {
  WithReference(services, request.peer.identity.uid, request.parameters.at("ref"), reply,
                [&services, who = request.peer.identity, reply, resolve,
                 go_on = std::move(go_on)](const Reference& reference) {
                  const auto image = resolve(services, who, reference);
                  if (image) return go_on(*image);
                  SendNoImage(services, who, reference.text, reply, image.error());
                });
}

void WithContainer(Services& services, const http::Request& request, const http::Reply& reply,
                   std::function<void(const ContainerRow&)> go_on) {
  WithReference(
      services, request.peer.identity.uid, request.parameters.at("ref"), reply,
      [&services, who = request.peer.identity, reply, go_on = std::move(go_on)](const Reference& reference) {
        const auto container = ResolveContainer(services.catalog, who, reference);
        if (container) return go_on(*container);
        const Elsewhere elsewhere = ElsewhereOf(ContainersOfOthers(services.catalog, who, reference.text));
        SendWithOthers(services, who.uid, elsewhere, reference.text, reply, container.error());
      });
}

}  // namespace spawnd::daemon
