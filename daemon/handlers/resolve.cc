#include "daemon/handlers/resolve.h"

#include <utility>

#include "daemon/images/builtin.h"
#include "engines/sample_images.h"

namespace spawnd::daemon {
namespace {

tl::unexpected<Error> NotYours(const std::string& reference, std::string_view verb) {
  return Fail(ErrorCode::kForbidden, "data image '" + reference + "' belongs to somebody else",
              "Only its owner and root can " + std::string(verb) + " it.");
}

}  // namespace

Result<ImageRow> Resolve(Services& services, const Identity& who, const std::string& reference) {
  auto image = ResolveImage(services.catalog, services.teams, who, reference, BuiltInNames());
  if (image || image.error().code != ErrorCode::kNotFound) return image;
  if (std::string sample = engines::SampleImageHint(reference); !sample.empty()) {
    image.error().hint = std::move(sample);
  }
  return image;
}

Result<ImageRow> ResolveToShow(Services& services, const Identity& who, const std::string& reference) {
  auto row = Resolve(services, who, reference);
  // Any other failure says nothing about whether there is an image of that name.
  if (row || row.error().code != ErrorCode::kNotFound) return row;
  const auto built_in = FindBuiltIn(reference);
  auto to_be = built_in ? services.built_ins.Row(*built_in) : std::nullopt;
  return to_be ? Result<ImageRow>(std::move(*to_be)) : row;
}

Result<ImageRow> ResolveForUpdate(Services& services, const Identity& who, const std::string& reference) {
  auto image = Resolve(services, who, reference);
  const bool built_in =
      image ? image->Hidden() : image.error().code == ErrorCode::kNotFound && FindBuiltIn(reference);
  if (built_in) {
    return Fail(ErrorCode::kForbidden, "data image '" + reference + "' is built in: nobody can update it",
                "An image of your own can: `sourceType: empty`.");
  }
  if (image && !MayChange(*image, who)) return NotYours(reference, "update");
  return image;
}

Result<ImageRow> ResolveForDelete(Services& services, const Identity& who, const std::string& reference) {
  auto image = Resolve(services, who, reference);
  if (!image && image.error().code != ErrorCode::kNotFound) return image;
  const auto built_in = image ? std::nullopt : FindBuiltIn(reference);
  if (!image && !built_in) return image;
  if ((built_in || image->Hidden()) && !IsRoot(who)) {
    return Fail(ErrorCode::kForbidden,
                "data image '" + reference + "' is built in: only root can delete what was made for it",
                "All images of that engine share it.");
  }
  if (image && !MayChange(*image, who)) return NotYours(reference, "delete");
  if (image) return image;
  auto made = services.built_ins.Made(*built_in);
  if (made || made.error().code != ErrorCode::kNotFound) return made;
  return Fail(ErrorCode::kNotFound,
              "data image '" + reference + "' is built in, and nothing is made for it yet",
              "It is made at its first use.");
}

}  // namespace spawnd::daemon
