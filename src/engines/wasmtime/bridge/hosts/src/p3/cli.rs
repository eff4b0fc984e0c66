//! wasi:cli, wasi:clocks and wasi:random 0.3.

use std::future::poll_fn;
use std::task::Poll;

use futures_channel::oneshot;
use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};
use wasmtime::{Error, Result};

use crate::bindings::p2::wasi::cli as old;
use crate::bindings::p3::wasi::cli::types::ErrorCode;
use crate::bindings::p3::wasi::cli::{
    self, environment, exit, stderr, stdin, stdout, terminal_input, terminal_output,
    terminal_stderr, terminal_stdin, terminal_stdout,
};
use crate::bindings::p3::wasi::clocks::{self, monotonic_clock, system_clock};
use crate::bindings::p3::wasi::random::{insecure, insecure_seed, random};
use crate::call::trap;
use crate::cli::{Terminal, MAX_RANDOM, MONOTONIC, REALTIME};
use crate::host::{Callbacks, Held, Host};
use crate::p3::streams::{End, Incoming, Outgoing};
use crate::p3::HasHost;
use crate::preview1::Function;
use crate::run::Run;
use crate::streams::{MAX_TRANSFER, STDERR, STDIN, STDOUT};

type Done = std::result::Result<(), ErrorCode>;

impl cli::types::Host for Host {}

impl environment::Host for Host {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        old::environment::Host::get_environment(self)
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        old::environment::Host::get_arguments(self)
    }

    fn get_initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(None)
    }
}

impl exit::Host for Host {
    fn exit(&mut self, status: std::result::Result<(), ()>) -> Result<()> {
        old::exit::Host::exit(self, status)
    }

    fn exit_with_code(&mut self, code: u8) -> Result<()> {
        old::exit::Host::exit_with_code(self, code)
    }
}

impl stdin::Host for Host {}
impl stdout::Host for Host {}
impl stderr::Host for Host {}

impl<T: Send + 'static> stdin::HostWithStore<T> for HasHost {
    fn read_via_stream(
        mut store: Access<'_, T, Self>,
    ) -> Result<(StreamReader<u8>, FutureReader<Done>)> {
        let host = store.get();
        let (callbacks, run) = (host.callbacks()?, host.run.clone());
        let (told, end) = oneshot::channel();
        let mut held = Held::nothing(&run);
        if !held.grow(MAX_TRANSFER) {
            return Err(trap("no memory is left for a stream"));
        }
        let end_told = Some(told);
        let incoming = Incoming {
            callbacks,
            run,
            stream: STDIN,
            _held: Some(held),
            _call: None,
            end: end_told,
        };
        let reader = StreamReader::new(&mut store, incoming)?;
        let done = FutureReader::new(&mut store, async move {
            Ok::<_, Error>(match end.await {
                Ok(false) => Err(ErrorCode::Io),
                Ok(true) | Err(oneshot::Canceled) => Ok(()),
            })
        })?;
        Ok((reader, done))
    }
}

fn write_via_stream<T: Send + 'static>(
    mut store: Access<'_, T, HasHost>,
    data: StreamReader<u8>,
    stream: u32,
) -> Result<FutureReader<Done>> {
    let host = store.get();
    let (told, end) = oneshot::channel();
    let outgoing = Outgoing::new(host.callbacks()?, &host.run, stream, None, told);
    data.pipe(&mut store, outgoing)?;
    FutureReader::new(&mut store, async move {
        Ok::<_, Error>(match end.await {
            Ok(End::Over(_)) => Ok(()),
            Ok(End::Closed | End::TooLong(_)) | Err(oneshot::Canceled) => Err(ErrorCode::Pipe),
        })
    })
}

impl<T: Send + 'static> stdout::HostWithStore<T> for HasHost {
    fn write_via_stream(
        store: Access<'_, T, Self>,
        data: StreamReader<u8>,
    ) -> Result<FutureReader<Done>> {
        write_via_stream(store, data, STDOUT)
    }
}

impl<T: Send + 'static> stderr::HostWithStore<T> for HasHost {
    fn write_via_stream(
        store: Access<'_, T, Self>,
        data: StreamReader<u8>,
    ) -> Result<FutureReader<Done>> {
        write_via_stream(store, data, STDERR)
    }
}

impl terminal_input::Host for Host {}
impl terminal_input::HostTerminalInput for Host {
    fn drop(&mut self, this: Resource<Terminal>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
impl terminal_output::Host for Host {}
impl terminal_output::HostTerminalOutput for Host {
    fn drop(&mut self, this: Resource<Terminal>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
impl terminal_stdin::Host for Host {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}
impl terminal_stdout::Host for Host {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}
impl terminal_stderr::Host for Host {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl clocks::types::Host for Host {}

impl monotonic_clock::Host for Host {
    fn now(&mut self) -> Result<u64> {
        Host::now(self)
    }

    fn get_resolution(&mut self) -> Result<u64> {
        self.clock(Function::ClockResGet, MONOTONIC)
    }
}

impl Callbacks {
    async fn sleep_until(&self, run: &Run, deadline: u64) {
        poll_fn(|context| {
            if (self.functions.now)(self.context) >= deadline {
                return Poll::Ready(());
            }
            (self.functions.wait_until)(self.context, deadline);
            run.wait(context);
            Poll::Pending
        })
        .await;
    }
}

impl<T: Send + 'static> monotonic_clock::HostWithStore<T> for HasHost {
    async fn wait_until(store: &Accessor<T, Self>, when: u64) -> Result<()> {
        let (callbacks, run) = store.with(|mut access| {
            let host = access.get();
            Ok::<_, Error>((host.callbacks()?, host.run.clone()))
        })?;
        callbacks.sleep_until(&run, when).await;
        Ok(())
    }

    async fn wait_for(store: &Accessor<T, Self>, how_long: u64) -> Result<()> {
        let deadline = store.with(|mut access| access.get().now())?.saturating_add(how_long);
        <Self as monotonic_clock::HostWithStore<T>>::wait_until(store, deadline).await
    }
}

impl Host {
    fn instant(&mut self, function: Function) -> Result<system_clock::Instant> {
        let time = self.datetime(function)?;
        let seconds = i64::try_from(time.seconds).unwrap_or(i64::MAX);
        Ok(system_clock::Instant { seconds, nanoseconds: time.nanoseconds })
    }
}

impl system_clock::Host for Host {
    fn now(&mut self) -> Result<system_clock::Instant> {
        self.instant(Function::ClockTimeGet)
    }

    fn get_resolution(&mut self) -> Result<u64> {
        self.clock(Function::ClockResGet, REALTIME)
    }
}

impl random::Host for Host {
    async fn get_random_bytes(&mut self, max_len: u64) -> Result<Vec<u8>> {
        self.random(max_len.min(MAX_RANDOM)).await
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        self.random_u64()
    }
}

impl insecure::Host for Host {
    async fn get_insecure_random_bytes(&mut self, max_len: u64) -> Result<Vec<u8>> {
        self.random(max_len.min(MAX_RANDOM)).await
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        self.random_u64()
    }
}

impl insecure_seed::Host for Host {
    fn get_insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.random_u64()?, self.random_u64()?))
    }
}
