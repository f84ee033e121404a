/// DELETE /v1/data-images/{ref}: answers once the catalog says deleting; files go behind. For a built-in
/// image this deletes what was made for it. Its next use makes that again.
#include "api/json.h"
#include "daemon/access/trail.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/answers/resolve.h"
#include "daemon/handlers/handlers.h"
#include "daemon/images/builtin.h"

namespace spawnd::daemon {
namespace {

Result<api::Deleted> Delete(Services& services, const Identity& who, const ImageRow& image) {
  TRY(image.Hidden() ? services.images.DeleteBuiltIn(image.id) : services.images.Delete(image.id, who.uid));
  if (image.Hidden()) return api::Deleted{BuiltInId(image), BuiltInReference(image)};
  return api::Deleted{image.id, image.name};
}

}  // namespace

void DeleteDataImage(Services& services, const http::Request& request, const http::Reply& reply) {
  WithImage(services, request, reply, ResolveForDelete,
            [&services, who = request.peer, reply](const ImageRow& image) {
              const auto because = services.catalog.events.Because(CauseOf(who));
              NoteChange(who, "delete", "data-image", image.Hidden() ? BuiltInId(image) : image.id,
                         image.Hidden() ? BuiltInReference(image) : image.name);
              const auto deleted = Delete(services, who.identity, image);
              if (!deleted) return SendError(reply, deleted.error());
              services.pool.Poke();
              SendJson(reply, api::ToJson(*deleted));
            });
}

}  // namespace spawnd::daemon
