// An entry of allowed-outbound-hosts and the authority of a guest's request, over any bytes: what
// is read has one spelling, which reads as the same again, and none that another reader would take
// for another host.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "manifest/outbound_host.h"

namespace {

using namespace godwit;

void check_authority(std::string_view scheme, const manifest::Authority& authority) {
  const std::string text = authority.text(scheme);
  const auto again = manifest::parse_authority(scheme, text);
  CHECK(again && *again == authority, text);
  CHECK(authority.port != 0, text);
  for (const char c : authority.host) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                       c == '.' || c == ':';
    CHECK(plain, text);
  }
  CHECK(!authority.host.empty() && authority.host.back() != '.', text);
  const std::size_t last = authority.host.rfind('.') + 1;
  CHECK(authority.address ||
            authority.host.find_first_not_of("0123456789", last) != std::string::npos,
        text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string_view scheme : {"http", "https"}) {
    const auto authority = manifest::parse_authority(scheme, text);
    if (authority) {
      check_authority(scheme, *authority);
    } else {
      CHECK(!authority.error().empty());
    }
  }
  const auto host = manifest::parse_outbound_host(text);
  if (!host) {
    CHECK(host.error().code == ErrorCode::kConfigBadValue && !host.error().hint.empty());
    return 0;
  }
  check_authority(host->scheme, host->authority);
  const auto again = manifest::parse_outbound_host(host->text());
  CHECK(again && *again == *host, host->text());
  CHECK(host->covers(*host));
  CHECK(host->allows(host->scheme, host->authority) != host->subdomains);
  return 0;
}
