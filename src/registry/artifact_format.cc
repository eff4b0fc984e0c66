#include "registry/artifact_format.h"

#include <cstddef>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/check.h"

namespace godwit::registry {
namespace {

constexpr std::array<char, 8> kMagic = {'g', 'o', 'd', 'w', 'i', 't', 'A', '\n'};
constexpr std::uint64_t kFormat = 1;

const unsigned char* raw(ByteSpan bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

}  // namespace

ArtifactTrailer make_trailer(const Digest& module, std::string_view fingerprint, ByteSpan code,
                             ByteSpan wasm) {
  return {.magic = kMagic,
          .format = kFormat,
          .code_bytes = code.size(),
          .wasm_bytes = wasm.size(),
          .module = module,
          .fingerprint = sha256(as_bytes(fingerprint))};
}

Digest artifact_hmac(const NodeKey& key, ByteSpan code, ByteSpan wasm,
                     const ArtifactTrailer& trailer) {
  const std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  const std::unique_ptr<EVP_MAC_CTX, FreeMac> context(EVP_MAC_CTX_new(mac.get()));
  char digest_name[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0),
      OSSL_PARAM_construct_end()};
  CHECK(EVP_MAC_init(context.get(), raw(key), key.size(), parameters) == 1);
  const ByteSpan described(reinterpret_cast<const std::byte*>(&trailer),
                           offsetof(ArtifactTrailer, hmac));
  for (const ByteSpan part : {code, wasm, described}) {
    CHECK(EVP_MAC_update(context.get(), raw(part), part.size()) == 1);
  }
  Digest hmac{};
  std::size_t size = 0;
  CHECK(EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(hmac.data()), &size,
                      hmac.size()) == 1);
  CHECK(size == hmac.size(), size);
  return hmac;
}

bool same_digest(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace godwit::registry
