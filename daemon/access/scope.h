/// What an access token is for, when it is not for all that its owner may: some images, and containers of
/// these. Written as the catalog keeps it, a text for each image:
///
///   "64101/shop", "64101/shop:latest"   what that user calls so, today's and tomorrow's
///   "#10007"                            this one
///   "=postgresql", "=postgresql:15"     built-in ones of an engine, of a version of it
///
/// Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "daemon/catalog/rows.h"
#include "daemon/http/message.h"

namespace spawnd::daemon {

/// For an image that `reference` has been found to mean: an id means this one, a name what is called so.
std::string ScopeOf(const ImageRow& image, std::string_view reference);
/// For the built-in image of an engine's registry name; `version` may be empty: any.
std::string ScopeOfBuiltIn(std::string_view engine, std::string_view version);

/// Rights that name no images cover all.
bool Covers(const http::Rights& rights, const ImageRow& image);
/// `image`: the container's. It stays covered when the tag by which it was made has moved on.
bool Covers(const http::Rights& rights, const ContainerRow& container, const ImageRow& image);

}  // namespace spawnd::daemon
