#include "load_options.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <arpa/inet.h>

namespace godwit::bench {
namespace {

template <class Number>
bool read(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= Number(0);
}

// http://ADDRESS:PORT/PATH, the address in numbers.
bool read_url(std::string_view url, LoadOptions& options) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return false;
  url.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(url.find('/'), url.size());
  const std::string authority(url.substr(0, slash));
  const std::string path = slash == url.size() ? "/" : std::string(url.substr(slash));
  const std::size_t colon = authority.find(':');
  std::uint16_t port = 0;
  if (colon == std::string::npos || !read(std::string_view(authority).substr(colon + 1), port)) {
    return false;
  }
  options.address.sin_family = AF_INET;
  options.address.sin_port = htons(port);
  options.request = "GET " + path + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
  return ::inet_pton(AF_INET, authority.substr(0, colon).c_str(), &options.address.sin_addr) == 1;
}

bool read_phase(std::string_view text, LoadOptions& options) {
  const std::size_t colon = text.find(':');
  PhaseOptions phase;
  if (colon == std::string_view::npos || !read(text.substr(0, colon), phase.rate) ||
      !read(text.substr(colon + 1), phase.seconds) || phase.seconds <= 0) {
    return false;
  }
  options.phases.push_back(phase);
  return true;
}

bool read_option(std::string_view name, std::string_view value, LoadOptions& options) {
  double milliseconds = 0;
  if (name == "--phase") return read_phase(value, options);
  if (name == "--connections") return read(value, options.connections_max);
  if (name == "--closed") return read(value, options.closed);
  if (name == "--seed") return read(value, options.seed);
  if (name == "--arrivals") {
    options.poisson = value == "poisson";
    return options.poisson || value == "constant";
  }
  if (!read(value, milliseconds)) return false;
  const auto time = static_cast<Nanoseconds>(milliseconds * 1e6);
  if (name == "--good-ms") options.good = time;
  if (name == "--wait-ms") options.wait = time;
  if (name == "--patience-ms") options.patience = time;
  if (name == "--pause-ms") options.pause = time;
  return name == "--good-ms" || name == "--wait-ms" || name == "--patience-ms" ||
         name == "--pause-ms";
}

}  // namespace

std::optional<LoadOptions> read_options(int argc, char** argv) {
  LoadOptions options;
  if (argc < 2 || argc % 2 != 0 || !read_url(argv[1], options)) return std::nullopt;
  for (int i = 2; i < argc; i += 2) {
    if (!read_option(argv[i], argv[i + 1], options)) return std::nullopt;
  }
  options.connections_max = std::max({options.connections_max, options.closed, std::size_t{1}});
  if (options.phases.empty()) return std::nullopt;
  return options;
}

}  // namespace godwit::bench
