//! wasi:cli, wasi:clocks, wasi:random and wasi:config.

use wasmtime::component::Resource;
use wasmtime::{Error, Result};

use crate::bindings::p2::wasi::cli;
use crate::bindings::p2::wasi::clocks::{monotonic_clock, wall_clock};
use crate::bindings::p2::wasi::config::store;
use crate::bindings::p2::wasi::random;
use crate::call::{trap, Exit};
use crate::fields::{bytes_of, Entry};
use crate::host::Host;
use crate::preview1::{Function, DATA, MAX_DATA, RESULT};
use crate::streams::{InputStream, OutputStream, Pollable, STDERR, STDIN, STDOUT};

/// There is none: guests find that out by asking for it.
#[derive(Debug)]
pub struct Terminal;

pub const REALTIME: u64 = 0;
pub const MONOTONIC: u64 = 1;
const NANOSECONDS: u64 = 1_000_000_000;
/// The most random bytes of one call.
pub const MAX_RANDOM: u64 = 1 << 20;

impl Host {
    /// Arguments or environment: `sizes` and `get` of preview 1.
    fn texts(&mut self, sizes: Function, get: Function) -> Result<Vec<String>> {
        let failed = || trap("the arguments or the environment cannot be read");
        if self.preview1_now(sizes, &[RESULT, RESULT + 4])? != 0 {
            return Err(failed());
        }
        let count = self.preview1.u32_at(RESULT as usize) as usize;
        let bytes = self.preview1.u32_at(RESULT as usize + 4) as usize;
        let pointers = 4 * count;
        self.preview1.reserve(pointers + bytes);
        if self.preview1_now(get, &[DATA as u64, (DATA + pointers) as u64])? != 0 {
            return Err(failed());
        }
        let texts = self.preview1.data(pointers + bytes)[pointers..].split(|byte| *byte == 0);
        Ok(texts.take(count).map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }

    pub(crate) fn clock(&mut self, function: Function, clock: u64) -> Result<u64> {
        let arguments: &[u64] = match function {
            Function::ClockTimeGet => &[clock, 0, RESULT],
            _ => &[clock, RESULT],
        };
        match self.preview1_now(function, arguments)? {
            0 => Ok(self.preview1.u64_at(RESULT as usize)),
            _ => Err(trap("the clock cannot be read")),
        }
    }

    pub(crate) fn datetime(&mut self, function: Function) -> Result<wall_clock::Datetime> {
        let time = self.clock(function, REALTIME)?;
        let nanoseconds = (time % NANOSECONDS) as u32;
        Ok(wall_clock::Datetime { seconds: time / NANOSECONDS, nanoseconds })
    }

    pub(crate) fn now(&self) -> Result<u64> {
        let callbacks = self.callbacks()?;
        Ok((callbacks.functions.now)(callbacks.context))
    }

    pub(crate) async fn random(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > MAX_RANDOM {
            return Err(trap("more than 1 MiB of random bytes at once"));
        }
        let size = size as usize;
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let piece = (size - bytes.len()).min(MAX_DATA);
            self.preview1.reserve(piece);
            if self.preview1(Function::RandomGet, &[DATA as u64, piece as u64]).await? != 0 {
                return Err(trap("there are no random bytes"));
            }
            bytes.extend_from_slice(self.preview1.data(piece));
        }
        Ok(bytes)
    }

    pub(crate) fn random_u64(&mut self) -> Result<u64> {
        self.preview1.reserve(8);
        match self.preview1_now(Function::RandomGet, &[DATA as u64, 8])? {
            0 => Ok(self.preview1.u64_at(DATA)),
            _ => Err(trap("there are no random bytes")),
        }
    }
}

impl cli::environment::Host for Host {
    fn get_environment(&mut self) -> Result<Vec<(String, String)>> {
        let variables = self.texts(Function::EnvironSizesGet, Function::EnvironGet)?;
        let split = |text: String| match text.split_once('=') {
            Some((name, value)) => (name.to_string(), value.to_string()),
            None => (text, String::new()),
        };
        Ok(variables.into_iter().map(split).collect())
    }

    fn get_arguments(&mut self) -> Result<Vec<String>> {
        self.texts(Function::ArgsSizesGet, Function::ArgsGet)
    }

    fn initial_cwd(&mut self) -> Result<Option<String>> {
        Ok(None)
    }
}

impl cli::exit::Host for Host {
    fn exit(&mut self, status: std::result::Result<(), ()>) -> Result<()> {
        Err(Error::new(Exit(if status.is_ok() { 0 } else { 1 })))
    }

    fn exit_with_code(&mut self, code: u8) -> Result<()> {
        Err(Error::new(Exit(i32::from(code))))
    }
}

impl cli::stdin::Host for Host {
    fn get_stdin(&mut self) -> Result<Resource<InputStream>> {
        Ok(self.table.push(InputStream::Numbered(STDIN))?)
    }
}
impl cli::stdout::Host for Host {
    fn get_stdout(&mut self) -> Result<Resource<OutputStream>> {
        Ok(self.table.push(OutputStream::Numbered(STDOUT))?)
    }
}
impl cli::stderr::Host for Host {
    fn get_stderr(&mut self) -> Result<Resource<OutputStream>> {
        Ok(self.table.push(OutputStream::Numbered(STDERR))?)
    }
}

impl cli::terminal_input::Host for Host {}
impl cli::terminal_input::HostTerminalInput for Host {
    fn drop(&mut self, this: Resource<Terminal>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
impl cli::terminal_output::Host for Host {}
impl cli::terminal_output::HostTerminalOutput for Host {
    fn drop(&mut self, this: Resource<Terminal>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
impl cli::terminal_stdin::Host for Host {
    fn get_terminal_stdin(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}
impl cli::terminal_stdout::Host for Host {
    fn get_terminal_stdout(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}
impl cli::terminal_stderr::Host for Host {
    fn get_terminal_stderr(&mut self) -> Result<Option<Resource<Terminal>>> {
        Ok(None)
    }
}

impl monotonic_clock::Host for Host {
    fn now(&mut self) -> Result<u64> {
        Host::now(self)
    }

    fn resolution(&mut self) -> Result<u64> {
        self.clock(Function::ClockResGet, MONOTONIC)
    }

    fn subscribe_instant(&mut self, when: u64) -> Result<Resource<Pollable>> {
        Ok(self.table.push(Pollable::Until(when))?)
    }

    fn subscribe_duration(&mut self, when: u64) -> Result<Resource<Pollable>> {
        let deadline = Host::now(self)?.saturating_add(when);
        Ok(self.table.push(Pollable::Until(deadline))?)
    }
}

impl wall_clock::Host for Host {
    fn now(&mut self) -> Result<wall_clock::Datetime> {
        self.datetime(Function::ClockTimeGet)
    }

    fn resolution(&mut self) -> Result<wall_clock::Datetime> {
        self.datetime(Function::ClockResGet)
    }
}

impl random::random::Host for Host {
    async fn get_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random(len).await
    }

    fn get_random_u64(&mut self) -> Result<u64> {
        self.random_u64()
    }
}

impl random::insecure::Host for Host {
    async fn get_insecure_random_bytes(&mut self, len: u64) -> Result<Vec<u8>> {
        self.random(len).await
    }

    fn get_insecure_random_u64(&mut self) -> Result<u64> {
        self.random_u64()
    }
}

impl random::insecure_seed::Host for Host {
    fn insecure_seed(&mut self) -> Result<(u64, u64)> {
        Ok((self.random_u64()?, self.random_u64()?))
    }
}

impl Host {
    /// Name and value of what the operator configured, of that number.
    fn configured(&self, index: usize) -> Result<Option<Entry>> {
        let callbacks = self.callbacks()?;
        let mut field = crate::fields::empty_field();
        if !(callbacks.functions.configured)(callbacks.context, index, &mut field) {
            return Ok(None);
        }
        // SAFETY: C++ has just written the spans; they are valid for this call.
        let (name, value) = unsafe { (bytes_of(&field.name), bytes_of(&field.value)) };
        let name = String::from_utf8_lossy(name.unwrap_or_default()).into_owned();
        Ok(Some((name, value.unwrap_or_default().to_vec())))
    }
}

impl store::Host for Host {
    fn get(&mut self, key: String) -> Result<std::result::Result<Option<String>, store::Error>> {
        for index in 0.. {
            match self.configured(index)? {
                Some((name, value)) if name == key => {
                    return Ok(Ok(Some(String::from_utf8_lossy(&value).into_owned())));
                }
                Some(_) => {}
                None => break,
            }
        }
        Ok(Ok(None))
    }

    fn get_all(&mut self) -> Result<std::result::Result<Vec<(String, String)>, store::Error>> {
        let mut all = Vec::new();
        while let Some((name, value)) = self.configured(all.len())? {
            all.push((name, String::from_utf8_lossy(&value).into_owned()));
        }
        Ok(Ok(all))
    }
}
