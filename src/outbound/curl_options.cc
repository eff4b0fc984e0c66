#include "outbound/curl_options.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "outbound/call.h"
#include "outbound/pool.h"

namespace godwit::outbound {
namespace {

// The callbacks are noexcept: nothing may unwind through libcurl's C frames.

Call& call_of(void* data) { return *static_cast<Call*>(data); }

std::size_t header_callback(char* text, std::size_t size, std::size_t count, void* data) noexcept {
  return call_of(data).on_header({text, size * count}) ? size * count : 0;
}

std::size_t write_callback(char* text, std::size_t size, std::size_t count, void* data) noexcept {
  switch (call_of(data).on_body(as_bytes({text, size * count}))) {
    case Call::Answer::kGoOn: return size * count;
    case Call::Answer::kPause: return CURL_WRITEFUNC_PAUSE;
    default: return size * count + 1;  // not what was given: an error
  }
}

std::size_t read_callback(char* room, std::size_t size, std::size_t count, void* data) noexcept {
  const auto upload = call_of(data).on_upload({reinterpret_cast<std::byte*>(room), size * count});
  switch (upload.answer) {
    case Call::Answer::kGoOn: return upload.size;
    case Call::Answer::kPause: return CURL_READFUNC_PAUSE;
    default: return CURL_READFUNC_ABORT;
  }
}

int seek_callback(void* data, curl_off_t offset, int origin) noexcept {
  const bool begins = offset == 0 && origin == SEEK_SET;
  return begins && call_of(data).on_rewind() ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

curl_socket_t open_callback(void* data, curlsocktype, curl_sockaddr* address) noexcept {
  const int kind = address->socktype & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  const bool tcp = kind == SOCK_STREAM;
  if (!tcp || !call_of(data).on_socket_address(address->addr)) return CURL_SOCKET_BAD;
  return ::socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
}

int connected_callback(void* data, char* address, char*, int port, int) noexcept {
  return call_of(data).on_connected(address, port) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

int trailer_callback(curl_slist** list, void* data) noexcept {
  for (const std::string& line : call_of(data).request_trailers()) {
    curl_slist* const longer = ::curl_slist_append(*list, line.c_str());
    if (longer == nullptr) return CURL_TRAILERFUNC_ABORT;
    *list = longer;
  }
  return CURL_TRAILERFUNC_OK;
}

CURLcode tls_callback(CURL*, void* context, void* data) noexcept {
  // Without roots the empty store stays, and nobody is trusted.
  if (X509_STORE* const store = call_of(data).pool().trust_store()) {
    ::SSL_CTX_set_cert_store(static_cast<SSL_CTX*>(context), store);
  }
  return CURLE_OK;
}

std::string resolve_line(const Call& call, std::span<const IpAddress> addresses) {
  const manifest::Authority& target = call.request().target;
  std::string line = fmt::format("+{}:{}:", target.host, target.port);
  for (const IpAddress& address : addresses) {
    if (line.back() != ':') line += ',';
    line += address.is_v4() ? address.text() : fmt::format("[{}]", address.text());
  }
  return line;
}

}  // namespace

template <class Value>
void EasyHandle::set(CURLoption option, Value value) {
  const CURLcode code = ::curl_easy_setopt(easy_, option, value);  // NOLINT(*-vararg)
  if (code != CURLE_OK) refused_ = code;
}

bool EasyHandle::append(curl_slist*& list, const char* line) {
  curl_slist* const longer = ::curl_slist_append(list, line);
  if (longer == nullptr) return false;
  list = longer;
  return true;
}

std::unique_ptr<EasyHandle> EasyHandle::make(Call& call, const TransferPlan& plan) {
  std::unique_ptr<EasyHandle> handle(new EasyHandle);
  handle->easy_ = ::curl_easy_init();
  if (handle->easy_ == nullptr) return nullptr;
  handle->set_safety();
  handle->set_tls(call);
  handle->set_request(call, plan);
  handle->set_callbacks(call);
  if (handle->refused_ != CURLE_OK) return nullptr;
  return handle;
}

EasyHandle::~EasyHandle() {
  if (easy_ != nullptr) ::curl_easy_cleanup(easy_);
  ::curl_slist_free_all(fields_);
  ::curl_slist_free_all(resolve_);
}

CurlEnd EasyHandle::end(int code, CallStage stage) {
  long os_error = 0;
  ::curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
  return {.code = code,
          .os_error = static_cast<int>(os_error),
          .text = error_text_.data(),
          .stage = stage};
}

// What libcurl would do by itself, or because of its environment.
void EasyHandle::set_safety() {
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOPROXY, "*");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_NONE));
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  set(CURLOPT_HTTP_CONTENT_DECODING, 0L);
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_DNS_CACHE_TIMEOUT, 60L);
  set(CURLOPT_MAXAGE_CONN, 60L);
  set(CURLOPT_BUFFERSIZE, static_cast<long>(CURL_MAX_WRITE_SIZE));
  set(CURLOPT_UPLOAD_BUFFERSIZE, static_cast<long>(CURL_MAX_WRITE_SIZE));
  set(CURLOPT_ERRORBUFFER, error_text_.data());
}

void EasyHandle::set_tls(Call& call) {
  const std::string& scheme = call.request().scheme;
  set(CURLOPT_PROTOCOLS_STR, scheme.c_str());
  set(CURLOPT_REDIR_PROTOCOLS_STR, scheme.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  if (scheme != "https") return;
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // The roots come from memory (TrustRoots): no file is opened.
  set(CURLOPT_CAINFO, static_cast<char*>(nullptr));
  set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
  set(CURLOPT_SSL_CTX_FUNCTION, &tls_callback);
  set(CURLOPT_SSL_CTX_DATA, &call);
}

void EasyHandle::set_request(Call& call, const TransferPlan& plan) {
  const CheckedRequest& request = call.request();
  // Call has the deadline; from this libcurl knows when to try the next address.
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(
          std::chrono::ceil<std::chrono::milliseconds>(request.connect_timeout).count()));
  set(CURLOPT_URL, request.url.c_str());
  if (!request.target.address) {
    if (!append(resolve_, resolve_line(call, plan.addresses).c_str())) {
      refused_ = CURLE_OUT_OF_MEMORY;
    }
    set(CURLOPT_RESOLVE, resolve_);
  }
  bool all = true;
  for (const std::string& field : request.fields) all &= append(fields_, field.c_str());
  // What libcurl would add by itself goes, unless the guest has said it.
  if (std::none_of(request.fields.begin(), request.fields.end(), [](const std::string& field) {
        return field.size() > 6 && (field[6] == ':' || field[6] == ';') &&
               ::curl_strnequal(field.c_str(), "accept", 6) != 0;
      })) {
    all &= append(fields_, "Accept:");
  }
  all &= append(fields_, "Expect:");
  const bool has_body = !plan.length || *plan.length > 0;
  if (!has_body && request.expects_body()) all &= append(fields_, "Content-Length: 0");
  if (!all) refused_ = CURLE_OUT_OF_MEMORY;
  set(CURLOPT_HTTPHEADER, fields_);
  if (request.is_head()) {
    set(CURLOPT_NOBODY, 1L);
  } else if (!has_body) {
    set(CURLOPT_HTTPGET, 1L);
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    set(CURLOPT_INFILESIZE_LARGE, plan.length ? static_cast<curl_off_t>(*plan.length) : -1);
  }
}

void EasyHandle::set_callbacks(Call& call) {
  set(CURLOPT_PRIVATE, &call);
  set(CURLOPT_HEADERFUNCTION, &header_callback);
  set(CURLOPT_HEADERDATA, &call);
  set(CURLOPT_WRITEFUNCTION, &write_callback);
  set(CURLOPT_WRITEDATA, &call);
  set(CURLOPT_READFUNCTION, &read_callback);
  set(CURLOPT_READDATA, &call);
  set(CURLOPT_SEEKFUNCTION, &seek_callback);
  set(CURLOPT_SEEKDATA, &call);
  set(CURLOPT_OPENSOCKETFUNCTION, &open_callback);
  set(CURLOPT_OPENSOCKETDATA, &call);
  set(CURLOPT_PREREQFUNCTION, &connected_callback);
  set(CURLOPT_PREREQDATA, &call);
  // Called when a body in chunks has ended: whether there are trailers is known only then.
  set(CURLOPT_TRAILERFUNCTION, &trailer_callback);
  set(CURLOPT_TRAILERDATA, &call);
}

}  // namespace godwit::outbound
