#include "daemon/handlers/answers/views.h"

#include <utility>

#include "daemon/access/visibility.h"
#include "daemon/containers/confinement.h"
#include "daemon/containers/connection.h"
#include "daemon/images/builtin.h"
#include "engines/registry.h"
#include "engines/settings.h"

namespace spawnd::daemon {
namespace {

api::Status StatusOf(ImageState state) {
  switch (state) {
    case ImageState::kPending:
      return api::Status::kPending;
    case ImageState::kCompleted:
      return api::Status::kCompleted;
    case ImageState::kFailed:
    case ImageState::kDeleting:
      break;
  }
  return api::Status::kFailed;
}

api::Status StatusOf(ContainerState state) {
  switch (state) {
    case ContainerState::kCreating:
    case ContainerState::kRestarting:
    case ContainerState::kReverting:
    case ContainerState::kStopping:
      return api::Status::kPending;
    case ContainerState::kStopped:
      return api::Status::kStopped;
    case ContainerState::kRunning:
    case ContainerState::kAsleep:  // who connects finds it running
      return api::Status::kCompleted;
    case ContainerState::kFailed:
    case ContainerState::kDeleting:
      break;
  }
  return api::Status::kFailed;
}

/// Shows a built-in image as nobody's and visible to everybody. The row's own id is never shown.
void ShowAsBuiltIn(const ImageRow& row, api::DataImage& view) {
  const std::string reference = BuiltInReference(row);
  const size_t colon = reference.rfind(':');
  view.id = BuiltInId(row);
  view.name = reference.substr(0, colon);
  view.tags = {reference.substr(colon + 1)};
  view.teams = {std::string(kPublicTeam)};
  view.owner.clear();
}

}  // namespace

// An image may be of a build with more engines than this one.

std::string ProductOf(const ImageRow& image) {
  const auto engine = engines::FindEngine(image.engine);
  return engine ? std::string((*engine)->DisplayName()) : image.engine;
}

std::string VersionTextOf(const ImageRow& image) {
  if (!image.version_text.empty()) return image.version_text;
  const auto engine = engines::FindEngine(image.engine);
  return engine ? (*engine)->MajorVersion(image.engine_version) : image.engine_version;
}

api::DataImage ViewOfImage(const ImageRow& row, std::string owner, SpaceUse space) {
  api::DataImage view;
  view.id = row.id;
  view.name = row.name;
  view.tags = row.tags;
  view.teams = row.teams;
  view.teams.insert(view.teams.end(), row.idle_teams.begin(), row.idle_teams.end());
  view.engine = ProductOf(row);
  view.engine_version = row.engine_version;
  view.version_text = VersionTextOf(row);
  view.status = StatusOf(row.state);
  view.detail = row.detail;
  view.owner = std::move(owner);
  view.durability = row.durability;
  view.network = row.network;
  view.tls = row.tls;
  view.superuser = row.superuser;
  view.limits = row.limits;
  view.settings = row.settings;
  view.masked = row.Masked();
  view.mask_digest = row.mask_digest;
  view.database = row.database;
  view.created_at = row.created_at;
  // Not known before it is completed, when its lifetime begins.
  view.expires_at = row.state == ImageState::kPending ? 0 : row.expires_at;
  if (row.warm >= 0) view.warm = row.warm;
  view.data_bytes = row.data_bytes;
  view.disk_bytes = row.disk_bytes;
  view.unique_bytes = space.unique_bytes;
  view.shared_bytes = space.shared_bytes;
  for (const std::string& text : row.libraries) {
    if (auto library = engines::UsedLibraryFrom(text)) {
      view.libraries.push_back(
          {std::move(library->name), std::move(library->version), std::move(library->file)});
    }
  }
  if (row.sleep_after >= 0) view.sleep_after_seconds = row.sleep_after;
  view.source_id = row.source_id;
  if (row.Hidden()) ShowAsBuiltIn(row, view);
  return view;
}

namespace {

void ShowRevisions(const ContainerRow& row, api::DataContainer& view) {
  view.revisions.push_back({.name = RevisionText(0), .created_at = row.created_at, .unique_bytes = 0});
  for (const RevisionRow& revision : row.revisions) {
    view.revisions.push_back({.name = RevisionText(revision.number),
                              .created_at = revision.created_at,
                              .unique_bytes = revision.unique_bytes});
  }
}

/// How clients get to it, in the words of its engine.
void ShowConnection(const ContainerRow& row, const ImageRow& image, const std::string& ca_certificate,
                    const engines::Endpoint& endpoint, api::DataContainer& view) {
  const auto engine = engines::FindEngine(image.engine);
  if (!engine) return;
  engines::ConnectionStrings strings =
      (*engine)->Connect(endpoint, CredentialsOf(row), image.initial_database, {ca_certificate, image.tls});
  view.connection_string = strings.dotnet;
  view.jdbc_connection_string = strings.jdbc;
  view.url = strings.url;
  view.environment = std::move(strings.environment);
  view.client_command = std::move(strings.client_command);
  view.client_hint = std::move(strings.client_hint);
  view.default_port = (*engine)->DefaultPort();
  view.ca_certificate = ca_certificate;
}

}  // namespace

api::DataContainer ViewOfContainer(const ContainerRow& row, const ImageRow& image, std::string owner,
                                   SpaceUse space, const std::string& ca_certificate,
                                   const std::string& advertised_host) {
  const engines::Endpoint endpoint = ReachedAt(row, advertised_host);
  api::DataContainer view;
  view.id = row.id;
  view.name = row.name;
  view.image = row.image_reference;
  view.image_id = image.Hidden() ? BuiltInId(image) : row.image_id;
  view.engine = ProductOf(image);
  view.engine_version = row.installation_version;
  view.version_text = VersionTextOf(image);
  view.status = StatusOf(row.state);
  view.state = ContainerStateName(row.state);
  view.detail = row.stays_down ? "not started again by itself: " + row.detail : row.detail;
  view.revision = row.revision;
  view.owner = std::move(owner);
  view.durability = row.durability;
  view.network = row.network;
  view.superuser = row.superuser;
  view.host = endpoint.host;
  view.port = row.port;
  view.listen = AddressesToShow(row);
  view.user = row.user;
  view.password = row.password;
  view.database = row.database;
  ShowConnection(row, image, ca_certificate, endpoint, view);
  view.created_at = row.created_at;
  view.expires_at = row.state == ContainerState::kCreating ? 0 : row.expires_at;
  view.disk_bytes = space.unique_bytes;
  view.unique_bytes = space.unique_bytes;
  view.shared_bytes = space.shared_bytes;
  view.ready_milliseconds = row.ready_milliseconds;
  view.timings = row.timings;
  view.settings = engines::Overlay(row.settings, image.settings);
  view.start = row.started_ahead ? "pooled" : "cold";
  view.idle_delete_seconds = row.idle_delete;
  ShowRevisions(row, view);
  return view;
}

void HideSecrets(api::DataContainer& view) {
  view.password.clear();
  view.connection_string.clear();
  view.jdbc_connection_string.clear();
  view.url.clear();
  view.environment.clear();
}

ContainerBounds BoundsOf(const Services& services, const ContainerRow& row, const ImageRow& image) {
  ContainerBounds bounds;
  bounds.limits = LimitsOf(row, image, services.engine_host);
  bounds.confinement = services.containers.ConfinementOf(row.id);
  bounds.runs = services.containers.WhatRunsOf(row.id);
  bounds.starting = services.containers.StartingOf(row.id);
  bounds.sleep_after = SleepAfterOf(row, image, services.engine_host);
  bounds.image = image.name;
  bounds.spare = services.containers.SpareOf(row.id);
  bounds.why_no_spare = services.containers.WhyNoSpareOf(row.id);
  bounds.group = ControlGroups::OfContainer(row.id, row.volume);
  bounds.libraries = image.libraries;
  const auto engine = engines::FindEngine(image.engine);
  if (!engine) return bounds;
  auto installed = services.build.installations.ForData(**engine, row.installation_version);
  if (installed) bounds.installed = std::move(*installed);
  if (!bounds.runs) return bounds;
  bounds.outdated = WhyOutdated(*bounds.runs, services.engine_host.build,
                                bounds.installed ? &*bounds.installed : nullptr, ProductOf(image));
  return bounds;
}

namespace {

/// The library's file may be back, or go, at any time: it is looked for when somebody asks.
std::vector<std::string> MissingOf(const ContainerBounds& bounds) {
  if (!bounds.installed || bounds.libraries.empty()) return {};
  const auto engine = engines::FindEngine(bounds.installed->engine);
  if (!engine) return {};
  std::vector<engines::UsedLibrary> used;
  for (const std::string& text : bounds.libraries) {
    if (auto library = engines::UsedLibraryFrom(text)) used.push_back(std::move(*library));
  }
  std::vector<std::string> missing;
  for (const auto& [library, hint] : (*engine)->MissingLibraries(*bounds.installed, used)) {
    missing.push_back("data image '" + bounds.image + "' uses " + library.name +
                      (library.version.empty() ? "" : " " + library.version) + ", which this installation (" +
                      std::string((*engine)->DisplayName()) + " " + bounds.installed->version + " in '" +
                      bounds.installed->root + "') no longer has" + (hint.empty() ? "" : ". " + hint));
  }
  return missing;
}

}  // namespace

Result<SeenContainer> See(const Services& services, ContainerRow row) {
  TRY_ASSIGN(ImageRow image, services.catalog.images.ById(row.image_id));
  ContainerBounds bounds = BoundsOf(services, row, image);
  return SeenContainer{std::move(row), std::move(image), std::move(bounds)};
}

void ShowBounds(const ContainerBounds& bounds, const ControlGroups& groups, api::DataContainer& view) {
  view.limits = bounds.limits;
  view.sleep_after_seconds = bounds.sleep_after;
  view.confinement = bounds.confinement;
  view.spare = bounds.spare;
  for (const std::string& more : {bounds.why_no_spare, bounds.starting}) {
    if (!more.empty()) view.detail = view.detail.empty() ? more : view.detail + "; " + more;
  }
  if (bounds.installed) view.server_installed = bounds.installed->version;
  view.missing = MissingOf(bounds);
  view.outdated = bounds.outdated;
  if (bounds.runs) {
    view.spawnd_running = bounds.runs->spawnd;
    if (!bounds.runs->engine_version.empty()) view.engine_version = bounds.runs->engine_version;
  }
  if (!bounds.confinement || bounds.confinement->limits != "enforced") return;
  ControlGroups::Look look = groups.LookAt(bounds.group);
  view.usage = look.usage;
  // Whatever else there is to say of it was the reason for something, and this is not over.
  if (view.detail.empty()) view.detail = std::move(look.memory_ran_out);
}

}  // namespace spawnd::daemon
