//! What every version of wasi:http has words of its own for: why a request that went out failed,
//! methods and schemes.

/// Defines `error_code`: what C++ numbers as capability::OutboundFailure, in that order, in the words
/// of a version of wasi:http.
macro_rules! define_error_code {
    ($types:path) => {
        pub fn error_code(number: u8) -> ErrorCode {
            use $types as types;
            match number {
                0 => ErrorCode::HttpRequestDenied,
                1 => ErrorCode::DnsTimeout,
                2 => ErrorCode::DnsError(types::DnsErrorPayload { rcode: None, info_code: None }),
                3 => ErrorCode::DestinationNotFound,
                4 => ErrorCode::DestinationUnavailable,
                5 => ErrorCode::DestinationIpProhibited,
                6 => ErrorCode::DestinationIpUnroutable,
                7 => ErrorCode::ConnectionRefused,
                8 => ErrorCode::ConnectionTerminated,
                9 => ErrorCode::ConnectionTimeout,
                10 => ErrorCode::ConnectionReadTimeout,
                11 => ErrorCode::ConnectionWriteTimeout,
                12 => ErrorCode::ConnectionLimitReached,
                13 => ErrorCode::TlsProtocolError,
                14 => ErrorCode::TlsCertificateError,
                15 => ErrorCode::TlsAlertReceived(types::TlsAlertReceivedPayload {
                    alert_id: None,
                    alert_message: None,
                }),
                16 => ErrorCode::HttpRequestLengthRequired,
                17 => ErrorCode::HttpRequestBodySize(None),
                18 => ErrorCode::HttpRequestMethodInvalid,
                19 => ErrorCode::HttpRequestUriInvalid,
                20 => ErrorCode::HttpRequestUriTooLong,
                21 => ErrorCode::HttpRequestHeaderSectionSize(None),
                22 => ErrorCode::HttpResponseIncomplete,
                23 => ErrorCode::HttpResponseHeaderSectionSize(None),
                24 => ErrorCode::HttpResponseBodySize(None),
                25 => ErrorCode::HttpResponseTrailerSectionSize(None),
                26 => ErrorCode::HttpResponseContentCoding(None),
                27 => ErrorCode::HttpResponseTimeout,
                28 => ErrorCode::HttpUpgradeFailed,
                29 => ErrorCode::HttpProtocolError,
                30 => ErrorCode::LoopDetected,
                31 => ErrorCode::ConfigurationError,
                _ => ErrorCode::InternalError(None),
            }
        }
    };
}
pub(crate) use define_error_code;

/// Defines `method_name`, `method_of`, `scheme_name` and `scheme_of` for the Method and Scheme that are
/// in scope.
macro_rules! define_names {
    () => {
        pub fn method_name(method: &Method) -> &str {
            match method {
                Method::Get => "GET",
                Method::Head => "HEAD",
                Method::Post => "POST",
                Method::Put => "PUT",
                Method::Delete => "DELETE",
                Method::Connect => "CONNECT",
                Method::Options => "OPTIONS",
                Method::Trace => "TRACE",
                Method::Patch => "PATCH",
                Method::Other(name) => name,
            }
        }

        pub fn method_of(name: &[u8]) -> Method {
            match name {
                b"GET" => Method::Get,
                b"HEAD" => Method::Head,
                b"POST" => Method::Post,
                b"PUT" => Method::Put,
                b"DELETE" => Method::Delete,
                b"CONNECT" => Method::Connect,
                b"OPTIONS" => Method::Options,
                b"TRACE" => Method::Trace,
                b"PATCH" => Method::Patch,
                other => Method::Other(crate::incoming::text_of(other)),
            }
        }

        pub fn scheme_name(scheme: &Scheme) -> &str {
            match scheme {
                Scheme::Http => "http",
                Scheme::Https => "https",
                Scheme::Other(name) => name,
            }
        }

        pub fn scheme_of(name: &[u8]) -> Scheme {
            match name {
                b"http" => Scheme::Http,
                b"https" => Scheme::Https,
                other => Scheme::Other(crate::incoming::text_of(other)),
            }
        }
    };
}
pub(crate) use define_names;
