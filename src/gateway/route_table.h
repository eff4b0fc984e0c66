// RouteTable: which function answers a request. Immutable once built. Each worker has a copy: the
// patterns are shared, what requests count references on (routes, functions) is the copy's own, so
// that looking up and holding an entry touches no memory that other workers write.
//
//   const RouteTable table(routes);
//   path.parse(request.path);                                           // a RoutePath
//   auto match = table.match({.host = request.host, .method = request.method, .path = path});
//   if (match) use(match->route, match->script_name, match->path_info);
//
// A route with patterns is served there only. One without is served at /NAME and everything below
// it, which are the patterns "/NAME" and "/NAME/"; the root's index answers "/" alone ("/{$}").
// Precedence and conflicts are those of RoutePattern, whoever wrote a pattern.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "gateway/route_path.h"
#include "gateway/route_pattern.h"
#include "gateway/route_tree.h"
#include "observe/metrics.h"
#include "runtime/function.h"

namespace godwit::gateway {

// A function that answers, or the reason why it can't (503 with that code).
struct Route {
  std::string name;                                   // "shop/cart"; empty: the root's index
  std::vector<RoutePattern> patterns;                 // empty: /NAME and below
  std::shared_ptr<const runtime::Function> function;  // null: unavailable
  std::optional<Error> unavailable;
  std::shared_ptr<observe::FunctionMetrics> metrics;  // where its requests count; may be null
};

// `route.patterns`, or those that stand for its name.
std::vector<RoutePattern> patterns_of(const Route& route);
// For lists of routes: "/greet", or "/img/{id}, POST /img".
std::string routes_text(const Route& route);

// Two patterns that take the same requests while neither is more specific.
struct RouteConflict {
  struct Side {
    std::size_t route = 0;  // its place among the routes
    std::string name;       // of the function
    std::string pattern;
  };
  Side first;  // stands before `second`; may be of the same route
  Side second;
  Error error;  // kRouteConflict; names both, and a request that both take
};

// At most so many are listed; what was left out shows when these are resolved.
inline constexpr std::size_t kMaxListedConflicts = 1000;

// Every pair, ordered by `second`. Empty: all of `routes` can be served.
std::vector<RouteConflict> find_conflicts(const std::vector<Route>& routes);

struct RouteMatch {
  enum class Action : std::uint8_t {
    kServe,
    kAddSlash,  // "/tree" was asked for and there is "/tree/" only: the client is sent there
  };

  std::shared_ptr<const Route> route;
  const RoutePattern* pattern = nullptr;  // of the table
  bool by_name = false;                   // the pattern stands for the route's name
  Action action = Action::kServe;
  // Of the path that was given. Together they are the path: what a rest or an end of the pattern
  // covers, with the slash before it, is path_info.
  std::string_view script_name;  // does not end with a slash
  std::string_view path_info;    // empty or beginning with '/'
};

class RouteTable final {
 public:
  using Query = RouteTree::Query;

  // A pattern in conflict with one before it is left out: what came first is served.
  explicit RouteTable(const std::vector<Route>& routes);
  // For another worker.
  RouteTable(const RouteTable& other);
  RouteTable& operator=(const RouteTable&) = delete;

  // Nothing when no function is served there, at least not with this method.
  std::optional<RouteMatch> match(const Query& query) const;
  // The wildcards' values; views of the path and of this table. `out` is replaced.
  static void read_parameters(const RouteMatch& match, const RoutePath& path,
                              std::vector<PathParameter>& out);
  // For what match() found nothing for: the methods that would have been served ("GET, HEAD, PUT"),
  // empty when there are none.
  std::string allowed_methods(const Query& query) const;

  // In the order in which they were given.
  const std::vector<std::shared_ptr<const Route>>& routes() const { return routes_; }
  std::size_t available() const;

 private:
  struct Entry {
    RoutePattern pattern;
    std::uint32_t route = 0;
    bool by_name = false;
  };
  struct Shared {
    std::vector<Entry> entries;
    RouteTree tree;
    bool has_subtrees;  // written as patterns: only these add slashes
  };
  static std::shared_ptr<const Shared> share(const std::vector<Route>& routes);
  void add_route(const Route& route);
  RouteMatch make_match(const Entry& entry, const RoutePath& path) const;

  std::shared_ptr<const Shared> shared_;
  std::vector<std::shared_ptr<const Route>> routes_;
};

}  // namespace godwit::gateway
