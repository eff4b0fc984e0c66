// Outbound HTTP by a process that has given up everything else: all that libcurl, OpenSSL and the
// resolver do must pass the filters, and nothing besides.
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/confine_server.h"
#include "confinement/landlock.h"
#include "outbound/test_peer.h"
#include "outbound/test_world.h"

namespace godwit::cli {
namespace {

constexpr int kNotConfined = 99;

int in_child(const std::function<int()>& act) {
  const pid_t child = ::fork();
  CHECK(child >= 0);
  if (child == 0) ::_exit(act());
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

// As `serve` does it, without files.
bool confine(const std::vector<std::uint16_t>& ports) {
  auto confined = ServerConfinement::apply(ConfinementMode::kBestEffort, process_roots(), ports);
  return confined && confined->settle();
}

void say_hi(outbound::TestConnection& connection) {
  while (!connection.read_head().empty()) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
  }
}

int connect_to(std::uint16_t port) {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return errno;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* const plain = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(socket.get(), plain, sizeof(address)) == 0 ? 0 : errno;
}

TEST(ConfinedOutbound, RequestsGoOut) {
  const outbound::TestTls tls("api.test");
  outbound::TestPeer plain(say_hi);
  outbound::TestPeer secure(say_hi, tls.context());
  outbound::global_setup();
  EXPECT_EQ(in_child([&] {
              if (!confine({plain.port(), secure.port()})) return kNotConfined;
              outbound::TestWorld world({plain.url(), secure.url("https", "api.test"),
                                         secure.url("https"), plain.url("http", "localhost")},
                                        tls.root_pem());
              world.names->answer("api.test", "127.0.0.1");
              if (world.fetch(outbound::get(plain.url())).body != "hi") return 1;
              if (world.fetch(outbound::get(plain.url("http", "localhost"))).body != "hi") return 2;
              const std::string url = secure.url("https", "api.test");
              if (world.fetch(outbound::get(url, "POST"), "text").body != "hi") return 3;
              return 0;
            }),
            0);
}

TEST(ConfinedOutbound, TheSystemResolvesNames) {
  EXPECT_EQ(in_child([] {
              if (!confine({443})) return kNotConfined;
              const auto found = outbound::resolve_by_system("localhost");
              return found.addresses.empty() ? 1 : 0;
            }),
            0);
}

TEST(ConfinedOutbound, NoOtherPortIsReached) {
  if (confinement::landlock_abi() < 4) GTEST_SKIP() << "this kernel's Landlock does not know TCP";
  outbound::TestPeer peer(say_hi);
  EXPECT_EQ(
      in_child([&] { return confine({peer.port()}) ? connect_to(peer.port()) : kNotConfined; }), 0);
  EXPECT_EQ(in_child([&] { return confine({443}) ? connect_to(peer.port()) : kNotConfined; }),
            EACCES);
  EXPECT_EQ(in_child([&] { return confine({}) ? connect_to(peer.port()) : kNotConfined; }), EPERM);
}

TEST(ConfinedOutbound, AReloadThatNeedsAnotherPortNeedsARestart) {
  EXPECT_EQ(in_child([] {
              auto confined = ServerConfinement::apply(ConfinementMode::kBestEffort, {}, {443});
              if (!confined) return kNotConfined;
              const auto host = [](const char* text) {
                return std::vector{*manifest::parse_outbound_host(text)};
              };
              if (!confined->check_outbound(host("https://other.test"))) return 1;
              const auto refused = confined->check_outbound(host("http://other.test:8080"));
              if (refused || refused.error().code != ErrorCode::kRestartNeeded) return 2;
              return refused.error().detail.find("port 8080") == std::string::npos ? 3 : 0;
            }),
            0);
}

}  // namespace
}  // namespace godwit::cli
