#include "cli/route_choice.h"

#include <set>

#include "base/check.h"

namespace godwit::cli {

std::vector<RouteChoice> choose_routes(std::span<const RouteCandidate> candidates) {
  std::vector<RouteChoice> choices(candidates.size(), RouteChoice{.index = 0, .conflict = {}});
  while (true) {
    std::vector<gateway::Route> routes;
    std::vector<std::size_t> owners;  // of `routes`
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      CHECK(!candidates[i].routes.empty());
      if (!choices[i].index) continue;
      routes.push_back(candidates[i].routes[*choices[i].index]);
      owners.push_back(i);
    }
    const auto conflicts = gateway::find_conflicts(routes);
    if (conflicts.empty()) return choices;
    // Each round at least one candidate gives way, so this ends.
    std::set<std::size_t> gave_way;
    for (const gateway::RouteConflict& conflict : conflicts) {
      const std::size_t loser = owners[conflict.second.route];
      // Against one that is not served there is no conflict.
      if (gave_way.contains(owners[conflict.first.route]) || !gave_way.insert(loser).second) {
        continue;
      }
      RouteChoice& choice = choices[loser];
      if (!choice.conflict) choice.conflict = conflict.error;
      if (*choice.index + 1 < candidates[loser].routes.size()) {
        ++*choice.index;
      } else {
        choice.index.reset();
      }
    }
  }
}

}  // namespace godwit::cli
