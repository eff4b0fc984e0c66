// TrustRoots: the certificates that an https server's own must lead to. Read once, before the
// process gives up files; shared by all workers.
//
//   auto roots = TrustRoots::of_system();      // the distribution's, or $SSL_CERT_FILE
//
// Immutable; safe from any thread.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/error.h"

struct x509_st;
struct x509_store_st;

namespace godwit::outbound {

class TrustRoots final {
 public:
  // Errors: kFileUnreadable, naming what was tried.
  static Result<std::shared_ptr<const TrustRoots>> of_system();
  // Certificates in PEM, one after another. What is none is passed over.
  static std::shared_ptr<const TrustRoots> of_pem(std::string_view text);

  std::size_t size() const { return certificates_.size(); }
  // A new store of them. The caller frees it (X509_STORE_free).
  x509_store_st* make_store() const;

 private:
  struct Free {
    void operator()(x509_st* certificate) const;
  };
  std::vector<std::unique_ptr<x509_st, Free>> certificates_;
};

}  // namespace godwit::outbound
