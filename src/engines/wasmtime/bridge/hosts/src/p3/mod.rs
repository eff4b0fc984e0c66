//! WASI 0.3: its functions, streams and futures wait beside one another, in the event loop of a
//! store. What waits for C++ registers its waker with the Run, and looks again when the instance is
//! resumed; there is no task or channel for what does not wait.

use wasmtime::component::{HasData, Linker};
use wasmtime::Result;

use crate::bindings::p3::Guest;
use crate::host::Host;

pub mod body;
mod cli;
mod file_streams;
pub mod files;
pub mod handler;
pub mod http;
mod outbound;
mod streams;

/// How the interfaces get at the Host of a store.
pub struct HasHost;

impl HasData for HasHost {
    type Data<'a> = &'a mut Host;
}

/// All that a component may import of WASI 0.3, but for sockets.
pub fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    host: fn(&mut T) -> &mut Host,
) -> Result<()> {
    Guest::add_to_linker::<T, HasHost>(linker, host)
}
