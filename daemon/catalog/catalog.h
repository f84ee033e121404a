/// What exists: images, containers, data sources, access tokens and the counter their ids come from, in one
/// SQLite file.
///
/// Loop thread only. Every method of a table that changes something is one short transaction (tens of
/// microseconds to read, one fdatasync to write); Database refuses a change outside of one. A call that
/// returned success survives power loss (WAL, synchronous=FULL); a call that failed changed nothing. The file
/// is 0600: it holds the containers' passwords.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "daemon/catalog/containers.h"
#include "daemon/catalog/events.h"
#include "daemon/catalog/images.h"
#include "daemon/catalog/manifests.h"
#include "daemon/catalog/sources.h"
#include "daemon/catalog/tokens.h"

namespace spawnd::daemon {

class Catalog {
 private:
  std::unique_ptr<Database> database_;  // before the tables, which refer to it

 public:
  /// Opens or makes the file; one of an older spawnd becomes one of this (daemon/catalog/migrations.h), and a
  /// copy of what it was stays beside it. Errors: kCorrupt (not a catalog, or damaged), kUnsupported (written
  /// by a newer spawnd), kNoSpace, kIo. A file that cannot be used is never changed.
  static Result<std::unique_ptr<Catalog>> Open(const std::string& path);
  /// For looking only: one of an older spawnd stays as it is, and what is read, and changed, is a copy in
  /// memory that was brought up to now.
  static Result<std::unique_ptr<Catalog>> OpenToLook(const std::string& path);
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;
  ~Catalog();

  ImageTable images;
  ContainerTable containers;
  TokenTable tokens;
  EventTable events;
  ManifestRows manifests;
  SourceTable sources;

  /// The next number of the one sequence, from 10001. Never given twice, whatever happens.
  Result<int64_t> NewId();
  /// No id up to this one is given from now on: something that this catalog does not know has it.
  Result<void> SkipIds(int64_t up_to);
  /// The last id that was given.
  Result<int64_t> LastId();
  /// Which of all catalogs of this state directory it is (daemon/store/generation.h).
  Result<int64_t> Generation();
  /// Makes it one more, and more than `floor`, and returns it.
  Result<int64_t> NextGeneration(int64_t floor);
  /// When the next container or image expires after `now`; 0: none will.
  Result<int64_t> NextExpiry(int64_t now);
  /// What SQLite has to say against the file; empty when it is sound. Reads all of it.
  Result<std::vector<std::string>> CheckIntegrity();

 private:
  explicit Catalog(std::unique_ptr<Database> database);
  Result<int64_t> Counter(std::string_view name);
};

}  // namespace spawnd::daemon
