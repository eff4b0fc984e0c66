// Which version of each function is served, so that no two routes conflict: who comes first keeps
// its requests, who comes later falls back to what it had before, or is not served.
//
//   auto choices = choose_routes(candidates);       // in the order of their rights
//   if (choices[i].index) serve(candidates[i].routes[*choices[i].index]);
//   else refuse(*choices[i].conflict);
//
// A pure function.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "gateway/route_table.h"

namespace godwit::cli {

struct RouteCandidate {
  std::vector<gateway::Route> routes;  // what would be served, best first; at least one
};

struct RouteChoice {
  std::optional<std::size_t> index;  // nothing: all of them are in conflict
  std::optional<Error> conflict;     // of the first that was not taken
};

std::vector<RouteChoice> choose_routes(std::span<const RouteCandidate> candidates);

}  // namespace godwit::cli
