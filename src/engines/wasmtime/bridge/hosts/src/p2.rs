//! WASI 0.2 as a whole: the linker that every component of its kind is linked with.

use wasmtime::component::{HasSelf, Linker};
use wasmtime::Result;

use crate::bindings::p2::wasi;
use crate::bindings::p2::wasi::http::types::{ErrorCode, Method, Scheme};
use crate::host::Host;
use crate::words::{define_error_code, define_names};

define_error_code!(crate::bindings::p2::wasi::http::types);
define_names!();

/// As capability::OutboundFailure numbers it.
pub const HTTP_PROTOCOL_ERROR: u8 = 29;

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
