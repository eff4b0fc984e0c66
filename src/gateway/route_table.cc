#include "gateway/route_table.h"

namespace godwit::gateway {

RouteTable::RouteTable(const std::vector<Route>& routes) {
  for (const Route& route : routes) {
    auto copy = std::make_shared<Route>(route);
    copy->script_name = route.name.empty() ? "" : "/" + route.name;
    if (route.function != nullptr) {
      // A control block of this table's own: a request's reference count stays on this worker.
      copy->function = std::make_shared<const runtime::Function>(*route.function);
      ++available_;
    }
    routes_.insert_or_assign(route.name, std::move(copy));
  }
}

std::optional<RouteMatch> RouteTable::match(std::string_view path) const {
  if (path.empty() || path.front() != '/') return std::nullopt;
  std::string_view name = path.substr(1);
  while (true) {
    // The root's index is a page, not a catch-all: other paths than "/" go on to 404.
    if (name.empty() && path != "/") return std::nullopt;
    const auto found = routes_.find(name);
    if (found != routes_.end()) {
      return RouteMatch{found->second, name.empty() ? path : path.substr(1 + name.size())};
    }
    if (name.empty()) return std::nullopt;
    const std::size_t slash = name.rfind('/');
    name = name.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

}  // namespace godwit::gateway
