/// GET /v1/engines: what is installed on this machine, looked for anew, and what of it cannot be used.
#include "api/json.h"
#include "daemon/handlers/answers/answer.h"
#include "daemon/handlers/handlers.h"
#include "engines/registry.h"

namespace spawnd::daemon {
namespace {

api::Engine ViewOf(const engines::Engine& engine) {
  api::Engine view;
  view.engine = engine.Name();
  view.name = engine.DisplayName();
  view.default_port = engine.DefaultPort();
  for (const std::string_view alias : engine.Aliases()) view.aliases.emplace_back(alias);
  return view;
}

/// One for each installation; one that says how to install it for each engine that has none.
std::vector<api::Engine> ViewsOf(const engines::Engine& engine,
                                 const std::vector<engines::Installation>& installed) {
  std::vector<api::Engine> views;
  for (const engines::Installation& one : installed) {
    if (one.engine != engine.Name()) continue;
    api::Engine view = ViewOf(engine);
    if (!one.product.empty()) view.name = one.product;
    view.version = one.version;
    view.path = one.root;
    view.usable = one.problem.empty();
    view.problem = one.problem;
    views.push_back(std::move(view));
  }
  if (!views.empty()) return views;
  api::Engine none = ViewOf(engine);
  none.problem = "not installed";
  none.hint = engine.InstallHint();
  return {none};
}

}  // namespace

void GetEngines(Services& services, const http::Request& request, const http::Reply& reply) {
  services.questions.Run({request.peer.identity.uid},
                         [reply, &installations = services.build.installations](const std::stop_token&) {
                           installations.Detect();
                           const std::vector<engines::Installation> installed = installations.All();
                           std::vector<api::Engine> views;
                           for (const engines::Engine* engine : engines::AllEngines()) {
                             for (api::Engine& view : ViewsOf(*engine, installed))
                               views.push_back(std::move(view));
                           }
                           SendJson(reply, api::ToJson(views));
                         });
}

}  // namespace spawnd::daemon
