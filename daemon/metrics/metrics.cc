#include "daemon/metrics/metrics.h"

#include <array>

namespace spawnd::daemon {
namespace {

using Type = MetricType;

/// A create takes a tenth of a second on an idle machine, and how much more is what one wants to know.
constexpr std::array kCreateBounds{0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0};
constexpr std::array kChangeBounds{0.005, 0.025, 0.1,  0.25, 0.5,   1.0,   2.5,
                                   5.0,   10.0,  30.0, 60.0, 300.0, 1800.0};
constexpr std::array kBuildBounds{0.5,   1.0,   2.5,   5.0,    10.0,   30.0,   60.0,
                                  120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0};

}  // namespace

Metrics::Metrics()
    : http_requests({"spawnd_http_requests", "Requests that were answered.", Type::kCounter},
                    {"method", "route", "status"}),
      http_seconds({"spawnd_http_request_duration_seconds", "From a request's arrival to its answer.",
                    Type::kSummary, "seconds"},
                   {"route"}, {}),
      errors({"spawnd_errors", "Requests that were answered with an error.", Type::kCounter}, {"code"}),
      changes({"spawnd_changes", "Requests that change something, by how they ended.", Type::kCounter},
              {"verb", "resource", "outcome"}),
      change_seconds({"spawnd_change_duration_seconds", "How long changes took that were done.",
                      Type::kHistogram, "seconds"},
                     {"verb", "resource"}, kChangeBounds),
      create_seconds({"spawnd_container_create_duration_seconds",
                      "From the request for a container, its image being there, to its first query.",
                      Type::kHistogram, "seconds"},
                     {"engine"}, kCreateBounds),
      build_seconds({"spawnd_image_build_duration_seconds",
                     "How long images took to be made, built-in ones included.", Type::kHistogram, "seconds"},
                    {"engine"}, kBuildBounds),
      build_failures({"spawnd_image_build_failures", "Images that could not be made.", Type::kCounter},
                     {"code"}),
      engine_exits(
          {"spawnd_engine_exits", "Servers or keepers of containers that ended unasked.", Type::kCounter},
          {"engine"}),
      engine_restarts({"spawnd_engine_restarts",
                       "Containers that run again without anybody having asked for it.", Type::kCounter},
                      {"engine"}),
      spare_resets({"spawnd_spare_resets", "Resets that a second server was ready for.", Type::kCounter},
                   {"engine"}),
      engine_start_failures(
          {"spawnd_engine_start_failures", "Starts of containers that failed.", Type::kCounter},
          {"engine", "code"}),
      quota_refusals({"spawnd_quota_refusals", "Requests that a quota refused.", Type::kCounter}, {"quota"}),
      pool_creates({"spawnd_pool_creates",
                    "Creates of images that have a pool: from it, as it was empty, or as something else was "
                    "asked for.",
                    Type::kCounter},
                   {"engine", "outcome"}),
      pool_given_up(
          {"spawnd_pool_given_up", "Containers that were started ahead and ended unused.", Type::kCounter},
          {"why"}),
      sleeps({"spawnd_container_sleeps", "Containers that went to sleep, nobody being connected.",
              Type::kCounter},
             {"engine", "reason"}),
      idle_deletes({"spawnd_container_idle_deletes",
                    "Containers that were deleted, nobody having been connected.", Type::kCounter},
                   {"engine"}),
      wake_seconds({"spawnd_container_wake_duration_seconds",
                    "From a connection to a container that sleeps to its server's being ready.",
                    Type::kHistogram, "seconds"},
                   {"engine"}, kCreateBounds),
      source_runs({"spawnd_data_source_runs", "Runs of data sources, by how they ended.", Type::kCounter},
                  {"outcome"}) {}

std::vector<Family> Metrics::Read() const {
  return {http_requests.Read(),   http_seconds.Read(),          errors.Read(),
          changes.Read(),         change_seconds.Read(),        create_seconds.Read(),
          build_seconds.Read(),   build_failures.Read(),        engine_exits.Read(),
          engine_restarts.Read(), engine_start_failures.Read(), quota_refusals.Read(),
          pool_creates.Read(),    pool_given_up.Read(),         sleeps.Read(),
          idle_deletes.Read(),    wake_seconds.Read(),          spare_resets.Read(),
          source_runs.Read()};
}

}  // namespace spawnd::daemon
