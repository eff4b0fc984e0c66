#include "outbound/failure.h"

#include <cerrno>

#include <curl/curl.h>

namespace godwit::outbound {
namespace {

using capability::OutboundFailure;

OutboundFailure of_connecting(int os_error) {
  switch (os_error) {
    case ECONNREFUSED: return OutboundFailure::kConnectionRefused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT: return OutboundFailure::kDestinationIpUnroutable;
    case ETIMEDOUT: return OutboundFailure::kConnectionTimeout;
    case EMFILE:
    case ENFILE:
    case EAGAIN: return OutboundFailure::kConnectionLimitReached;
    default: return OutboundFailure::kDestinationUnavailable;
  }
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace

capability::OutboundFailure failure_of(const CurlEnd& end) {
  switch (end.code) {
    case CURLE_COULDNT_RESOLVE_HOST: return OutboundFailure::kDnsError;
    case CURLE_COULDNT_CONNECT: return of_connecting(end.os_error);
    case CURLE_OPERATION_TIMEDOUT: return OutboundFailure::kConnectionTimeout;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return OutboundFailure::kTlsCertificateError;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
      if (contains(end.text, " alert ")) return OutboundFailure::kTlsAlertReceived;
      // A signature that is not the issuer's is told by the library that found it.
      return contains(end.text, "asn1") || contains(end.text, "certificate")
                 ? OutboundFailure::kTlsCertificateError
                 : OutboundFailure::kTlsProtocolError;
    case CURLE_PARTIAL_FILE: return OutboundFailure::kHttpResponseIncomplete;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND: return OutboundFailure::kConnectionTerminated;
    case CURLE_RECV_ERROR:
      // Also said of chunks that are none.
      return contains(end.text, "chunk") || contains(end.text, "Malformed encoding")
                 ? OutboundFailure::kHttpProtocolError
                 : OutboundFailure::kConnectionTerminated;
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return end.stage == CallStage::kBody ? OutboundFailure::kHttpResponseIncomplete
                                           : OutboundFailure::kHttpProtocolError;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING: return OutboundFailure::kHttpProtocolError;
    case CURLE_OUT_OF_MEMORY:
      // What libcurl says of a line that outgrows its own bound; memory itself never ends so.
      return end.stage == CallStage::kRequest ? OutboundFailure::kHttpResponseHeaderSectionSize
                                              : OutboundFailure::kInternalError;
    case CURLE_FILESIZE_EXCEEDED: return OutboundFailure::kHttpResponseBodySize;
    case CURLE_URL_MALFORMAT: return OutboundFailure::kHttpRequestUriInvalid;
    default: return OutboundFailure::kInternalError;
  }
}

}  // namespace godwit::outbound
