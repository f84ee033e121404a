/// From the catalog's rows to what callers are shown. Pure: user names and disk usage, which block, are
/// looked up by whoever calls. Safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/types.h"
#include "daemon/catalog/rows.h"
#include "daemon/handlers/services.h"
#include "daemon/host/control_groups.h"
#include "daemon/store/account.h"

namespace spawnd::daemon {

/// "PostgreSQL".
std::string ProductOf(const ImageRow& image);
/// "11.0": the version as the image asked for it, else the major version that made it.
std::string VersionTextOf(const ImageRow& image);

/// A hidden one looks like the built-in image that it was made for: everybody's, under that name.
api::DataImage ViewOfImage(const ImageRow& row, std::string owner, SpaceUse space = {});
/// `image`: the row's image. `advertised_host`: EngineHost::advertised.
api::DataContainer ViewOfContainer(const ContainerRow& row, const ImageRow& image, std::string owner,
                                   SpaceUse space, const std::string& ca_certificate,
                                   const std::string& advertised_host = {});

/// Takes out what opens the database: for tokens that are for reading only.
void HideSecrets(api::DataContainer& view);

/// What is known of a container beside its row.
struct ContainerBounds {
  api::Limits limits;
  int64_t sleep_after = 0;  ///< as DataContainer has it
  std::optional<api::Confinement> confinement;
  std::string starting;          ///< how far the start of its engine is, when that takes long
  std::optional<WhatRuns> runs;  ///< of a running one
  std::optional<engines::Installation> installed;  ///< that a restart would run
  std::string image;
  std::vector<std::string> libraries;  ///< of the image, each as engines::TextOf
  std::string outdated;
  std::string group;  ///< of its server
  std::string spare;  ///< as Containers::SpareOf says
  std::string why_no_spare;
};
/// Of the loop thread.
ContainerBounds BoundsOf(const Services& services, const ContainerRow& row, const ImageRow& image);
/// Adds that to a view, and what the container uses now. Reads files, in moments.
void ShowBounds(const ContainerBounds& bounds, const ControlGroups& groups, api::DataContainer& view);

/// A container with what a view of it needs that only the loop thread knows.
struct SeenContainer {
  ContainerRow row;
  ImageRow image;
  ContainerBounds bounds;
};
/// Of the loop thread. Errors: the catalog's.
Result<SeenContainer> See(const Services& services, ContainerRow row);

}  // namespace spawnd::daemon
