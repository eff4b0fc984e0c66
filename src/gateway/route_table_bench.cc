// What finding a request's function costs: a folder of functions, patterns with wildcards, paths
// that nothing is served at.
#include <cstddef>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "gateway/route_table.h"

namespace {

using namespace godwit::gateway;

std::vector<Route> folder(int functions) {
  std::vector<Route> routes(static_cast<std::size_t>(functions));
  for (std::size_t i = 0; i < routes.size(); ++i) {
    routes[i].name = "shop/function-" + std::to_string(i);
  }
  return routes;
}

void look_up(benchmark::State& state, const RouteTable& table, std::string_view raw) {
  RoutePath path;
  std::vector<PathParameter> parameters;
  for (auto _ : state) {
    if (!path.parse(raw)) state.SkipWithError("the path is refused");
    auto match = table.match({.host = "example.com:8080", .method = "GET", .path = path});
    if (match && match->action == RouteMatch::Action::kServe) {
      RouteTable::read_parameters(*match, path, parameters);
    }
    benchmark::DoNotOptimize(match);
  }
}

void folder_function(benchmark::State& state) {
  look_up(state, RouteTable(folder(static_cast<int>(state.range(0)))), "/shop/function-7");
}
BENCHMARK(folder_function)->Arg(10)->Arg(100)->Arg(10'000);

void below_a_folder_function(benchmark::State& state) {
  look_up(state, RouteTable(folder(static_cast<int>(state.range(0)))), "/shop/function-7/a/b/c");
}
BENCHMARK(below_a_folder_function)->Arg(10)->Arg(10'000);

void no_function(benchmark::State& state) {
  look_up(state, RouteTable(folder(static_cast<int>(state.range(0)))), "/shop/nothing");
}
BENCHMARK(no_function)->Arg(10)->Arg(10'000);

void pattern(benchmark::State& state) {
  std::vector<Route> routes = folder(10);
  Route& route = routes.emplace_back();
  route.name = "img";
  for (const char* text : {"GET /img/{id}/{size}/", "example.com/thumb/{rest...}"}) {
    route.patterns.push_back(*RoutePattern::parse(text));
  }
  look_up(state, RouteTable(routes), "/img/12345/large/a%20b");
}
BENCHMARK(pattern);

void build(benchmark::State& state) {
  const std::vector<Route> routes = folder(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(RouteTable(routes));
}
BENCHMARK(build)->Arg(10'000)->Unit(benchmark::kMillisecond);

void copy_for_a_worker(benchmark::State& state) {
  const RouteTable table(folder(static_cast<int>(state.range(0))));
  for (auto _ : state) benchmark::DoNotOptimize(RouteTable(table));
}
BENCHMARK(copy_for_a_worker)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
