#include "outbound/trust_roots.h"

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/check.h"

namespace godwit::outbound {
namespace {

// Debian and its kin, Fedora and its kin, SUSE, Alpine.
constexpr std::array kBundles = {"/etc/ssl/certs/ca-certificates.crt",
                                 "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                 "/etc/ssl/cert.pem"};

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

void TrustRoots::Free::operator()(x509_st* certificate) const { ::X509_free(certificate); }

std::shared_ptr<const TrustRoots> TrustRoots::of_pem(std::string_view text) {
  auto roots = std::make_shared<TrustRoots>();
  BIO* const bio = ::BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  CHECK(bio != nullptr);
  while (X509* const certificate = ::PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    roots->certificates_.emplace_back(certificate);
  }
  ::BIO_free(bio);
  ::ERR_clear_error();  // the end of the text is one
  return roots;
}

Result<std::shared_ptr<const TrustRoots>> TrustRoots::of_system() {
  // Before there are threads: the operator's own environment.
  const char* const chosen = std::getenv("SSL_CERT_FILE");  // NOLINT(concurrency-mt-unsafe)
  std::vector<std::string> paths;
  if (chosen != nullptr && *chosen != '\0') {
    paths.emplace_back(chosen);
  } else {
    paths.assign(kBundles.begin(), kBundles.end());
  }
  for (const std::string& path : paths) {
    auto roots = of_pem(read_file(path));
    if (roots->size() > 0) return roots;
  }
  return fail(ErrorCode::kFileUnreadable,
              fmt::format("no root certificates in {}{}", paths.front(),
                          paths.size() > 1 ? " or the other usual places" : ""),
              "Install the package ca-certificates, or name a file in SSL_CERT_FILE.");
}

x509_store_st* TrustRoots::make_store() const {
  X509_STORE* const store = ::X509_STORE_new();
  CHECK(store != nullptr);
  for (const auto& certificate : certificates_) ::X509_STORE_add_cert(store, certificate.get());
  return store;
}

}  // namespace godwit::outbound
