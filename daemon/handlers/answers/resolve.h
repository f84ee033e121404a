/// The image or container that a request means, for what it wants to do with it. Loop thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "daemon/access/visibility.h"
#include "daemon/handlers/services.h"
#include "daemon/http/message.h"

namespace spawnd::daemon {

/// One that `who` may see, of the catalog. kNotFound for a built-in one, which goes before all others of its
/// name, and for what is not there: with the nearest name there is, built-in ones among them, as a hint; or
/// with what there is instead of an image that scripts expect.
Result<ImageRow> Resolve(Services& services, const http::Caller& who, const Reference& reference);
/// The same; of a built-in image the row that was made for it or, before its first use, the row that it will
/// have, without an id.
Result<ImageRow> ResolveToShow(Services& services, const http::Caller& who, const Reference& reference);
/// Of a built-in image the row as ResolveToShow has it; nothing when the reference names none, when it is not
/// installed, or not what `who`'s token is for.
std::optional<ImageRow> BuiltInFor(Services& services, const http::Caller& who, const std::string& reference);
/// One that `who` may update. kNotFound; kForbidden for a built-in one and for what somebody else owns.
Result<ImageRow> ResolveForUpdate(Services& services, const http::Caller& who, const Reference& reference);
/// The same to delete it: of a built-in one root may, and gets the hidden row; kNotFound when that was not
/// made yet.
Result<ImageRow> ResolveForDelete(Services& services, const http::Caller& who, const Reference& reference);

// What follows asks for names of accounts, which may take a while, on a question thread. So it may go on, or
// answer, later; always on the loop thread. Without a '/' in what was typed it goes on at once.

void WithReference(Services& services, uid_t caller, const std::string& text, const http::Reply& reply,
                   std::function<void(const Reference&)> go_on);
/// The same for several, in their order.
void WithReferences(Services& services, uid_t caller, const std::vector<std::string>& texts,
                    const http::Reply& reply, std::function<void(const std::vector<Reference>&)> go_on);
/// Answers with `error`: why a name means no image for `who`. If somebody else's is what was meant, the hint
/// says how that is called.
void SendNoImage(Services& services, const http::Caller& who, const std::string& text,
                 const http::Reply& reply, Error error);

/// Finds the image of the path's {ref} with one of those above and goes on with it, or answers why not.
using ImageResolver = Result<ImageRow> (*)(Services&, const http::Caller&, const Reference&);
void WithImage(Services& services, const http::Request& request, const http::Reply& reply,
               ImageResolver resolve, std::function<void(const ImageRow&)> go_on);
/// The same for a container.
void WithContainer(Services& services, const http::Request& request, const http::Reply& reply,
                   std::function<void(const ContainerRow&)> go_on);

}  // namespace spawnd::daemon
