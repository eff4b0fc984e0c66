//! Why a request that went out failed, in the words of each version of wasi:http.

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
