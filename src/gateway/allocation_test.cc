// In the steady state of a connection a request finds its function, and gets its arguments and
// environment, without allocating; and no memory that held a secret is given back as it is. Both
// are seen by replacing the allocator of this test program.
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <malloc.h>

#include "gateway/command_adapter.h"
#include "gateway/route_table.h"
#include "gateway/test_request.h"

namespace {

constexpr char kMarker[] = "hunter2-hunter2-hunter2";

bool watching = false;  // this thread's tests; gtest runs them one after the other
std::size_t allocations = 0;
std::size_t leaks = 0;  // memory with the marker in it that was freed

void* counted(std::size_t size) {
  if (watching) ++allocations;
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

void checked_free(void* memory) noexcept {
  if (watching && memory != nullptr &&
      ::memmem(memory, ::malloc_usable_size(memory), kMarker, sizeof kMarker - 1) != nullptr) {
    ++leaks;
  }
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void operator delete(void* memory) noexcept { checked_free(memory); }
void operator delete[](void* memory) noexcept { checked_free(memory); }
void operator delete(void* memory, std::size_t) noexcept { checked_free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { checked_free(memory); }

namespace godwit::gateway {
namespace {

class Watch final {
 public:
  Watch() {
    allocations = leaks = 0;
    watching = true;
  }
  ~Watch() { watching = false; }
};

std::vector<Route> routes() {
  std::vector<Route> all;
  for (int i = 0; i < 100; ++i) {
    all.emplace_back();
    all.back().name = "shop/f" + std::to_string(i);
  }
  all.emplace_back();
  all.back().name = "img";
  for (const char* text : {"/img/{id}/{rest...}", "GET example.com/tree/", "/tree"}) {
    all.back().patterns.push_back(*RoutePattern::parse(text));
  }
  return all;
}

TEST(GatewayAllocation, ARequestFindsItsFunctionWithoutAny) {
  const RouteTable table(routes());
  const ClientAddress client{.text = "192.0.2.1", .local_port = 80};
  const manifest::FunctionSpec spec{.name = "f"};
  RoutePath path;
  std::vector<PathParameter> parameters;
  CommandAdapter adapter;
  const auto serve = [&](const http::Request& request, std::string_view raw) {
    bool good = path.parse(raw).has_value();
    const auto match =
        table.match({.host = "Example.com:80", .method = request.method, .path = path});
    good = good && match;
    if (!good) return false;
    RouteTable::read_parameters(*match, path, parameters);
    return adapter
        .decode({.spec = spec,
                 .request = request,
                 .client = client,
                 .script_name = match->script_name,
                 .path_info = match->path_info,
                 .request_id = "0123",
                 .path_parameters = parameters})
        .has_value();
  };
  const test::ParsedRequest parsed("GET /x?a=1 HTTP/1.1\r\nHost: h\r\nAccept: x\r\n\r\n");
  for (const char* raw :
       {"/shop/f77", "/shop/f77/below/it", "/img/7/a/b", "/img/%37/a%20b/", "/tree", "/tree/x"}) {
    ASSERT_TRUE(serve(parsed.request(), raw)) << raw;  // warms up
    bool served = false;
    {
      const Watch watch;
      for (int i = 0; i < 10; ++i) served = serve(parsed.request(), raw);
    }
    EXPECT_TRUE(served);
    EXPECT_EQ(allocations, 0u) << raw;
  }
}

TEST(GatewayAllocation, NoMemoryThatHeldASecretIsGivenBack) {
  capability::Grants grants;
  grants.secrets.push_back({.name = "KEY", .value = std::make_shared<const Secret>(kMarker)});
  const manifest::FunctionSpec spec{.name = "f"};
  const ClientAddress client{.text = "192.0.2.1", .local_port = 80};
  // Each larger than the one before, so that the environment grows while the secret is in it.
  std::string fields;
  std::size_t grown = 0;
  auto adapter = std::make_unique<CommandAdapter>();
  for (int i = 0; i < 6; ++i) {
    fields += "X-" + std::to_string(i) + ": " + std::string(900, 'v') + "\r\n";
    const test::ParsedRequest parsed("GET /x HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n");
    const Watch watch;
    ASSERT_TRUE(adapter->decode({.spec = spec,
                                 .request = parsed.request(),
                                 .client = client,
                                 .script_name = "/x",
                                 .path_info = "",
                                 .request_id = "0123",
                                 .grants = &grants}));
    ASSERT_EQ(adapter->environment().value_of("KEY"), kMarker);
    grown += allocations;
    ASSERT_EQ(leaks, 0u);
  }
  EXPECT_GT(grown, 2u) << "this shows nothing";
  const Watch watch;
  adapter.reset();
  EXPECT_EQ(leaks, 0u);
}

TEST(GatewayAllocation, TheCheckSeesWhatIsLeftBehind) {
  const Watch watch;
  delete new std::string(kMarker);
  EXPECT_GT(leaks, 0u);
}

}  // namespace
}  // namespace godwit::gateway
