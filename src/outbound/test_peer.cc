#include "outbound/test_peer.h"

#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"

namespace godwit::outbound {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = ::X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  CHECK(extension != nullptr, value);
  ::X509_add_ext(certificate, extension, -1);
  ::X509_EXTENSION_free(extension);
}

X509* make_certificate(const std::string& name, EVP_PKEY* key, bool expired) {
  static std::atomic<long> serial{1};
  X509* const certificate = ::X509_new();
  ::X509_set_version(certificate, X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), ++serial);
  ::X509_gmtime_adj(::X509_getm_notBefore(certificate), -86400L * 2);
  ::X509_gmtime_adj(::X509_getm_notAfter(certificate), expired ? -86400L : 86400L);
  ::X509_set_pubkey(certificate, key);
  X509_NAME* const subject = ::X509_get_subject_name(certificate);
  ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return certificate;
}

std::string pem_of(X509* certificate) {
  BIO* const bio = ::BIO_new(::BIO_s_mem());
  ::PEM_write_bio_X509(bio, certificate);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  ::BIO_free(bio);
  return pem;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void* http2) {
  static constexpr unsigned char kBoth[] = "\x02h2\x08http/1.1";
  const unsigned char* const ours = http2 != nullptr ? kBoth : kBoth + 3;
  const unsigned ours_size = http2 != nullptr ? 12 : 9;
  unsigned char* found = nullptr;
  const int result = ::SSL_select_next_proto(&found, size, ours, ours_size, offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

}  // namespace

TestConnection::TestConnection(Fd socket, ssl_ctx_st* tls) : socket_(std::move(socket)) {
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  if (tls == nullptr) return;
  tls_ = ::SSL_new(tls);
  ::SSL_set_fd(tls_, socket_.get());
  ready_ = ::SSL_accept(tls_) == 1;
}

TestConnection::~TestConnection() {
  if (tls_ == nullptr) return;
  if (ready_) ::SSL_shutdown(tls_);
  ::SSL_free(tls_);
}

bool TestConnection::fill() {
  std::string bytes(kReadBytes, '\0');
  const auto got = tls_ != nullptr
                       ? ::SSL_read(tls_, bytes.data(), static_cast<int>(bytes.size()))
                       : static_cast<int>(::recv(socket_.get(), bytes.data(), bytes.size(), 0));
  if (got <= 0) return false;
  buffer_.append(bytes, 0, static_cast<std::size_t>(got));
  return true;
}

std::string TestConnection::read_head() {
  while (true) {
    const std::size_t end = buffer_.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::string head = buffer_.substr(0, end + 4);
      buffer_.erase(0, end + 4);
      return head;
    }
    if (!fill()) return {};
  }
}

std::string TestConnection::read_bytes(std::size_t count) {
  while (buffer_.size() < count && fill()) {
  }
  std::string bytes = buffer_.substr(0, count);
  buffer_.erase(0, bytes.size());
  return bytes;
}

std::string TestConnection::read_chunked() {
  while (true) {
    const std::size_t last = buffer_.starts_with("0\r\n") ? 0 : buffer_.find("\r\n0\r\n");
    const std::size_t end = last == std::string::npos ? last : buffer_.find("\r\n\r\n", last);
    if (end != std::string::npos) return std::exchange(buffer_, {}).substr(0, end + 4);
    if (!fill()) return {};
  }
}

void TestConnection::read_to_end() {
  do {
    buffer_.clear();
  } while (fill());
}

bool TestConnection::write(std::string_view text) {
  while (!text.empty()) {
    const auto sent =
        tls_ != nullptr
            ? ::SSL_write(tls_, text.data(), static_cast<int>(text.size()))
            : static_cast<int>(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL));
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void TestConnection::reset() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  socket_.reset();
}

TestPeer::TestPeer(Script script, ssl_ctx_st* tls) : script_(std::move(script)), tls_(tls) {
  listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const plain = reinterpret_cast<sockaddr*>(&address);
  CHECK(::bind(listener_.get(), plain, sizeof(address)) == 0);
  CHECK(::listen(listener_.get(), 64) == 0);
  socklen_t size = sizeof(address);
  ::getsockname(listener_.get(), plain, &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { run(); });
}

TestPeer::~TestPeer() {
  stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
}

std::string TestPeer::url(std::string_view scheme, std::string_view host) const {
  return std::string(scheme) + "://" + std::string(host) + ":" + std::to_string(port_);
}

void TestPeer::run() {
  while (!stopping_) {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.valid()) return;
    ++connections_;
    threads_.emplace_back([this, held = std::make_shared<Fd>(std::move(socket))] {
      TestConnection connection(std::move(*held), tls_);
      if (connection.ready()) script_(connection);
    });
  }
}

TestTls::TestTls(const std::string& name, Flaw flaw, bool http2) {
  EVP_PKEY* const root_key = ::EVP_EC_gen("P-256");
  X509* const root = make_certificate("Test root", root_key, false);
  ::X509_set_issuer_name(root, ::X509_get_subject_name(root));
  add_extension(root, root, NID_basic_constraints, "critical,CA:TRUE");
  ::X509_sign(root, root_key, ::EVP_sha256());
  root_pem_ = pem_of(root);

  EVP_PKEY* const key = ::EVP_EC_gen("P-256");
  X509* const certificate = make_certificate("Test server", key, flaw == Flaw::kExpired);
  const bool self = flaw == Flaw::kSelfSigned;
  ::X509_set_issuer_name(certificate, ::X509_get_subject_name(self ? certificate : root));
  add_extension(certificate, self ? certificate : root, NID_subject_alt_name,
                flaw == Flaw::kOtherName ? "DNS:other.test" : "DNS:" + name + ",IP:127.0.0.1");
  ::X509_sign(certificate, self ? key : root_key, ::EVP_sha256());

  context_ = ::SSL_CTX_new(::TLS_server_method());
  CHECK(::SSL_CTX_use_certificate(context_, certificate) == 1);
  CHECK(::SSL_CTX_use_PrivateKey(context_, key) == 1);
  static char offers_http2 = 0;
  ::SSL_CTX_set_alpn_select_cb(context_, &choose_protocol, http2 ? &offers_http2 : nullptr);
  ::X509_free(certificate);
  ::X509_free(root);
  ::EVP_PKEY_free(key);
  ::EVP_PKEY_free(root_key);
}

TestTls::~TestTls() { ::SSL_CTX_free(context_); }

}  // namespace godwit::outbound
