#include "daemon/access/scope.h"

#include <algorithm>

#include "api/image_reference.h"

namespace spawnd::daemon {
namespace {

std::string_view TagIn(std::string_view reference) {
  const size_t colon = reference.find(':');
  return colon == std::string_view::npos ? std::string_view() : reference.substr(colon + 1);
}

std::string Tagged(std::string text, std::string_view tag) {
  if (!tag.empty()) (text += ':') += tag;
  return text;
}

std::string Named(const ImageRow& image, std::string_view tag) {
  return Tagged(std::to_string(image.owner) + "/" + image.name, tag);
}

/// 15 is the version of a 15.20, and of no 150.
bool IsOfVersion(const ImageRow& image, std::string_view version) {
  const std::string& whole = image.engine_version;
  return version.empty() || whole == version || whole.starts_with(std::string(version) + ".");
}

bool CoversBuiltIn(std::string_view scope, const ImageRow& image) {
  return scope.substr(0, scope.find(':')) == ScopeOfBuiltIn(image.engine, "") &&
         IsOfVersion(image, TagIn(scope));
}

bool Covers(const std::string& scope, const ImageRow& image) {
  if (image.Hidden()) return CoversBuiltIn(scope, image);
  if (scope == "#" + std::to_string(image.id) || scope == Named(image, "")) return true;
  return std::any_of(image.tags.begin(), image.tags.end(),
                     [&](const std::string& tag) { return scope == Named(image, tag); });
}

}  // namespace

std::string ScopeOf(const ImageRow& image, std::string_view reference) {
  if (api::IdOf(reference) != 0) return "#" + std::to_string(image.id);
  return Named(image, TagIn(reference));
}

std::string ScopeOfBuiltIn(std::string_view engine, std::string_view version) {
  return Tagged("=" + std::string(engine), version);
}

bool Covers(const http::Rights& rights, const ImageRow& image) {
  return rights.images.empty() || std::any_of(rights.images.begin(), rights.images.end(),
                                              [&](const std::string& scope) { return Covers(scope, image); });
}

bool Covers(const http::Rights& rights, const ContainerRow& container, const ImageRow& image) {
  if (Covers(rights, image)) return true;
  const std::string made_by = Named(image, TagIn(container.image_reference));
  return std::find(rights.images.begin(), rights.images.end(), made_by) != rights.images.end();
}

}  // namespace spawnd::daemon
