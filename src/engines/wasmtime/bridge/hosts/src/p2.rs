//! WASI 0.2 as a whole: the linker that every component of its kind is linked with.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::Result;

use crate::bindings::p2::wasi;
use crate::bindings::p2::wasi::http::types::{DnsErrorPayload, ErrorCode, TlsAlertReceivedPayload};
use crate::host::Host;

/// What C++ numbers as capability::OutboundFailure, in that order.
pub fn error_code(number: u8) -> ErrorCode {
    match number {
        0 => ErrorCode::HttpRequestDenied,
        1 => ErrorCode::DnsTimeout,
        2 => ErrorCode::DnsError(DnsErrorPayload { rcode: None, info_code: None }),
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
        15 => ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
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

/// All that a component may import of WASI 0.2, but for sockets.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    host: fn(&mut T) -> &mut Host,
) -> Result<()> {
    macro_rules! add {
        ($($interface:path),* $(,)?) => {{
            $({
                use $interface as interface;
                interface::add_to_linker::<T, HasSelf<Host>>(linker, host)?;
            })*
        }};
    }
    add!(
        wasi::io::error,
        wasi::io::poll,
        wasi::io::streams,
        wasi::clocks::monotonic_clock,
        wasi::clocks::wall_clock,
        wasi::random::random,
        wasi::random::insecure,
        wasi::random::insecure_seed,
        wasi::cli::environment,
        wasi::cli::stdin,
        wasi::cli::stdout,
        wasi::cli::stderr,
        wasi::cli::terminal_input,
        wasi::cli::terminal_output,
        wasi::cli::terminal_stdin,
        wasi::cli::terminal_stdout,
        wasi::cli::terminal_stderr,
        wasi::filesystem::types,
        wasi::filesystem::preopens,
        wasi::http::outgoing_handler,
        wasi::config::store,
    );
    let http = wasi::http::types::LinkOptions::default();
    wasi::http::types::add_to_linker::<T, HasSelf<Host>>(linker, &http, host)?;
    wasi::cli::exit::add_to_linker::<T, HasSelf<Host>>(linker, host)
}
