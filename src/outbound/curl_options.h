// EasyHandle: libcurl's handle of one call, with everything set that must never be left to a
// default. Private to src/outbound.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>

#include <curl/curl.h>

#include "base/ip_address.h"
#include "outbound/failure.h"

namespace godwit::outbound {

class Call;

struct TransferPlan {
  std::optional<std::uint64_t> length;  // of the request's body; nothing: in chunks
  std::span<const IpAddress> addresses;
};

class EasyHandle final {
 public:
  // Null when libcurl refuses an option.
  static std::unique_ptr<EasyHandle> make(Call& call, const TransferPlan& plan);
  ~EasyHandle();
  EasyHandle(const EasyHandle&) = delete;
  EasyHandle& operator=(const EasyHandle&) = delete;

  CURL* get() { return easy_; }
  // How it ended, as failure_of() takes it. Refers to this.
  CurlEnd end(int code, CallStage stage);

 private:
  EasyHandle() = default;
  template <class Value>
  void set(CURLoption option, Value value);
  bool append(curl_slist*& list, const char* line);
  void set_safety();
  void set_tls(Call& call);
  void set_request(Call& call, const TransferPlan& plan);
  void set_callbacks(Call& call);

  CURL* easy_ = nullptr;
  curl_slist* fields_ = nullptr;
  curl_slist* resolve_ = nullptr;
  CURLcode refused_ = CURLE_OK;
  std::array<char, CURL_ERROR_SIZE> error_text_{};
};

}  // namespace godwit::outbound
