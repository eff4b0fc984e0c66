// What open_loop was asked to do.
//
//   const std::optional<LoadOptions> options = read_options(argc, argv);
//   if (!options) std::fputs(kUsage, stderr);
//
// Values. Times are in nanoseconds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace godwit::bench {

using Nanoseconds = std::int64_t;
inline constexpr Nanoseconds kSecond = 1'000'000'000;

struct PhaseOptions {
  double rate = 0;
  double seconds = 0;
};

struct LoadOptions {
  sockaddr_in address{};
  std::string request;
  std::vector<PhaseOptions> phases;
  std::size_t connections_max = 100;
  std::size_t closed = 0;  // so many in a closed loop; 0: an open one
  bool poisson = true;
  Nanoseconds patience = 10 * kSecond;  // a client who has waited so long goes away
  Nanoseconds wait = 10 * kSecond;      // the same, before there was a connection for the request
  Nanoseconds good = kSecond;           // answered within this counts as good
  // Between two looks at the clock and the sockets: what a generator on the server's machine does
  // not use is the server's. Latencies are that much coarser.
  Nanoseconds pause = 0;
  std::uint64_t seed = 1;
};

inline constexpr const char* kUsage =
    "usage: open_loop http://ADDRESS:PORT/PATH --phase RATE:SECONDS [--phase …]\n"
    "       [--connections MAX] [--arrivals poisson|constant] [--closed N]\n"
    "       [--patience-ms MS] [--wait-ms MS] [--good-ms MS] [--pause-ms MS]\n"
    "       [--seed N]\n";

// Nothing when the command line is wrong.
std::optional<LoadOptions> read_options(int argc, char** argv);

}  // namespace godwit::bench
