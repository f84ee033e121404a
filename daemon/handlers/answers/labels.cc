#include "daemon/handlers/answers/labels.h"

#include <algorithm>

#include "api/image_reference.h"
#include "daemon/images/builtin.h"
#include "engines/sample_images.h"

namespace spawnd::daemon {
namespace {

/// What nobody would find, but by its number: names of built-in images mean those.
bool IsTaken(const std::string& name, const std::vector<std::string>& tags) {
  if (!IsBuiltInName(name)) return false;
  const auto is_sample = [&name](const std::string& tag) {
    const std::string reference = name + ":" + tag;
    return !FindBuiltIn(reference) && !engines::SampleImageHint(reference).empty();
  };
  return tags.empty() || !std::all_of(tags.begin(), tags.end(), is_sample);
}

}  // namespace

Result<void> CheckImageName(const std::string& name, const std::vector<std::string>& tags) {
  if (!name.empty()) TRY(api::ValidateName(name, "data image"));
  for (const std::string& tag : tags) TRY(api::ValidateTag(tag));
  if (!IsTaken(name, tags)) return {};
  return Fail(ErrorCode::kInvalidArgument, "'" + name + "' is the name of a built-in image",
              "Choose another one: whoever says this one means that image.");
}

Result<void> CheckWarm(int64_t warm) {
  constexpr int64_t kMost = 1000;
  if (warm >= -1 && warm <= kMost) return {};
  return Fail(ErrorCode::kInvalidArgument, "'" + std::to_string(warm) + "' is no number of warm containers",
              "It is a number from 0 to " + std::to_string(kMost) + ", or -1 for what spawnd.yaml says.");
}

Result<SharedWith> ShareWith(const TeamMembers& known, const Identity& who,
                             const std::vector<std::string>& teams, bool masked) {
  SharedWith shared;
  if (!teams.empty() && !masked && known.RequiresMasked()) {
    return Fail(ErrorCode::kForbidden,
                "an image that is not masked is not shared with '" + teams.front() +
                    "': the daemon's configuration says requireMasked",
                "Make it with `mask:` rules in its YAML (docs/masking.md), or without `teams`.");
  }
  for (const std::string& team : teams) {
    TRY(api::ValidateTeam(team));
    const bool is_public = team == kPublicTeam;
    const bool is_known = is_public || known.Knows(team);
    if (IsRoot(who) || is_public || known.Contains(team, who)) {
      shared.teams.push_back(team);
    } else if (!is_known) {
      shared.idle_teams.push_back(team);
    } else {
      return Fail(ErrorCode::kForbidden,
                  "you are not in team '" + team + "': only its members share with it");
    }
    if (!is_known) {
      shared.warnings.push_back("nobody is in team '" + team +
                                "': the daemon's configuration does not have it");
    } else if (is_public && !known.IsPublisher(who.uid)) {
      shared.warnings.emplace_back(
          "you are not among the daemon's publishers: others have to write your name and '/' before the "
          "image's");
    }
  }
  return shared;
}

}  // namespace spawnd::daemon
