// RouteTable: which function answers a path. Immutable once built; one copy per worker, so that
// looking up and holding an entry touches no memory that other workers write.
//
//   auto match = table.match("/shop/cart/7");    // function "shop/cart", PATH_INFO "/7"
//
// A function NAME answers /NAME and everything below it; the root's index answers "/" alone; the
// longest name wins. Matching compares decoded paths segment by segment.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "runtime/function.h"

namespace godwit::gateway {

// A function that answers, or the reason why it can't (503 with that code).
struct Route {
  std::string name;                                   // "shop/cart"; empty: the root's index
  std::string script_name;                            // "/shop/cart"; empty for the root's index
  std::shared_ptr<const runtime::Function> function;  // null: unavailable
  std::optional<Error> unavailable;
};

struct RouteMatch {
  std::shared_ptr<const Route> route;
  std::string_view path_info;  // of the path given; empty or beginning with '/'
};

class RouteTable final {
 public:
  explicit RouteTable(const std::vector<Route>& routes);

  // `path` is decoded and begins with '/'. Nothing when no function is served there.
  std::optional<RouteMatch> match(std::string_view path) const;

  // By name.
  const std::map<std::string, std::shared_ptr<const Route>, std::less<>>& routes() const {
    return routes_;
  }
  std::size_t available() const { return available_; }

 private:
  std::map<std::string, std::shared_ptr<const Route>, std::less<>> routes_;
  std::size_t available_ = 0;
};

}  // namespace godwit::gateway
