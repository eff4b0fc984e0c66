//! WASI preview 1's functions, called by the host for a component: the same C++ functions, with the
//! same checks, that a core module imports. What they would find in a guest's memory, they find in
//! a scratch memory of ours.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use wasmtime::{Result, ValRaw};

use crate::call::{trap, Binding, HostState, Step};
use crate::file_calls::FileCall;
use crate::host::{Held, Host};
use crate::streams::lock;

macro_rules! functions {
    ($($variant:ident $name:literal),* $(,)?) => {
        #[derive(Clone, Copy, Debug)]
        pub enum Function { $($variant),* }
        const NAMES: &[&str] = &[$($name),*];
    };
}

functions! {
    ArgsGet "args_get",
    ArgsSizesGet "args_sizes_get",
    ClockResGet "clock_res_get",
    ClockTimeGet "clock_time_get",
    EnvironGet "environ_get",
    EnvironSizesGet "environ_sizes_get",
    FdAdvise "fd_advise",
    FdClose "fd_close",
    FdDatasync "fd_datasync",
    FdFdstatGet "fd_fdstat_get",
    FdFilestatGet "fd_filestat_get",
    FdFilestatSetSize "fd_filestat_set_size",
    FdFilestatSetTimes "fd_filestat_set_times",
    FdPread "fd_pread",
    FdPrestatDirName "fd_prestat_dir_name",
    FdPrestatGet "fd_prestat_get",
    FdPwrite "fd_pwrite",
    FdReaddir "fd_readdir",
    FdSync "fd_sync",
    PathCreateDirectory "path_create_directory",
    PathFilestatGet "path_filestat_get",
    PathFilestatSetTimes "path_filestat_set_times",
    PathLink "path_link",
    PathOpen "path_open",
    PathReadlink "path_readlink",
    PathRemoveDirectory "path_remove_directory",
    PathRename "path_rename",
    PathSymlink "path_symlink",
    PathUnlinkFile "path_unlink_file",
    RandomGet "random_get",
}

const MODULE: &str = "wasi_snapshot_preview1";
/// The longest parameter list (path_open has nine).
const MAX_ARGUMENTS: usize = 16;

/// Which C++ function stands for which name: found once for a module.
#[derive(Debug)]
pub struct Table(Vec<Binding>);

impl Table {
    /// Nothing when a function is missing. `functions`: module, name and binding of each.
    pub fn new<'a>(functions: impl Iterator<Item = (&'a str, &'a str, Binding)>) -> Option<Table> {
        let known: HashMap<&str, Binding> = functions
            .filter(|(module, _, _)| *module == MODULE)
            .map(|(_, name, binding)| (name, binding))
            .collect();
        NAMES.iter().map(|name| known.get(name).copied()).collect::<Option<Vec<_>>>().map(Table)
    }
}

/// An errno of preview 1; 0 is success.
pub type Errno = u16;

/// Where results of fixed size are: in front of all else.
pub const RESULT: u64 = 0;
/// Where what a call reads or fills begins.
pub const DATA: usize = 256;
/// The most that one call moves.
pub const MAX_DATA: usize = 64 << 10;

#[derive(Default)]
pub struct Preview1 {
    table: Option<Arc<Table>>,
    state: Option<HostState>,
    scratch: Vec<u8>,
    /// Of WASI 0.3, which may begin several: C++ does one at a time, the first.
    operations: VecDeque<Operation>,
}

/// A call that waits, or waits for its turn.
pub struct Waiting {
    call: FileCall,
    scratch: Vec<u8>,
    ended: Option<Result<Errno>>,
    _held: Held,
}
pub type Operation = Arc<Mutex<Waiting>>;

/// What became of a call that was begun.
pub enum Begun {
    /// What it left is in the scratch memory.
    Ended(Errno),
    /// Host::poll_operation() tells when it has ended.
    Waits(Operation),
}

impl Preview1 {
    pub fn new(table: Arc<Table>, state: HostState) -> Preview1 {
        Preview1 { table: Some(table), state: Some(state), ..Preview1::default() }
    }

    /// Makes room for `size` bytes at DATA.
    pub fn reserve(&mut self, size: usize) {
        let size = DATA + size;
        if self.scratch.len() < size {
            self.scratch.resize(size, 0);
        }
    }

    /// Puts `bytes` at DATA + `offset`, for which there is room.
    pub fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.scratch[DATA + offset..DATA + offset + bytes.len()].copy_from_slice(bytes);
    }

    pub fn data(&self, size: usize) -> &[u8] {
        &self.scratch[DATA..DATA + size]
    }

    pub fn u32_at(&self, offset: usize) -> u32 {
        let bytes = &self.scratch[offset..offset + 4];
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    pub fn u64_at(&self, offset: usize) -> u64 {
        u64::from(self.u32_at(offset)) | u64::from(self.u32_at(offset + 4)) << 32
    }

    /// One attempt; None when it is pending.
    fn attempt(&mut self, function: Function, arguments: &[u64]) -> Result<Option<Errno>> {
        let (Some(table), Some(state)) = (&self.table, self.state) else {
            return Err(trap("the run has no host state"));
        };
        if self.scratch.is_empty() {
            self.scratch.resize(DATA, 0);
        }
        let mut values = [ValRaw::u64(0); MAX_ARGUMENTS];
        for (place, argument) in values.iter_mut().zip(arguments) {
            *place = ValRaw::u64(*argument);
        }
        let memory = (self.scratch.as_mut_ptr(), self.scratch.len());
        let binding = table.0[function as usize];
        match binding.invoke(state, values.as_mut_ptr().cast(), arguments.len(), memory)? {
            Step::Done => Ok(Some(values[0].get_u32() as Errno)),
            Step::Pending => Ok(None),
        }
    }
}

impl Host {
    /// Calls a function that may wait. It finds what its arguments point to in the scratch memory,
    /// which nobody else uses meanwhile.
    pub(crate) async fn preview1(
        &mut self,
        function: Function,
        arguments: &[u64],
    ) -> Result<Errno> {
        while self.work_off_operations() {
            self.wait().await;
        }
        loop {
            if let Some(errno) = self.preview1.attempt(function, arguments)? {
                return Ok(errno);
            }
            self.wait().await;
        }
    }

    /// Calls a function that never waits. It is refused once when the slice's share of host work is
    /// used up; then there is a new one.
    pub(crate) fn preview1_now(&mut self, function: Function, arguments: &[u64]) -> Result<Errno> {
        for _ in 0..2 {
            if let Some(errno) = self.preview1.attempt(function, arguments)? {
                return Ok(errno);
            }
        }
        Err(trap("a host function that may not wait was pending"))
    }

    /// Begins a call whose arguments have just been laid out in the scratch memory.
    pub(crate) fn begin(&mut self, call: FileCall) -> Result<Begun> {
        self.close_dropped()?;
        if !self.work_off_operations() {
            if let Some(errno) = self.preview1.attempt(call.function, call.arguments())? {
                return Ok(Begun::Ended(errno));
            }
        }
        let mut held = Held::nothing(&self.run);
        if !held.grow(OPERATION_BYTES + self.preview1.scratch.len()) {
            return Err(trap("no memory is left for an operation on files"));
        }
        let scratch = std::mem::take(&mut self.preview1.scratch);
        let waiting = Waiting { call, scratch, ended: None, _held: held };
        let operation = Arc::new(Mutex::new(waiting));
        self.preview1.operations.push_back(operation.clone());
        Ok(Begun::Waits(operation))
    }

    /// Ready once; what it left is in the scratch memory then.
    pub(crate) fn poll_operation(
        &mut self,
        operation: &Operation,
        context: &Context<'_>,
    ) -> Poll<Result<Errno>> {
        self.work_off_operations();
        let mut waiting = lock(operation);
        match waiting.ended.take() {
            Some(ended) => {
                self.preview1.scratch = std::mem::take(&mut waiting.scratch);
                Poll::Ready(ended)
            }
            None => {
                self.run.wait(context);
                Poll::Pending
            }
        }
    }

    /// Closes descriptors that nobody holds any more: not while a call waits that may be of one.
    pub(crate) fn close_dropped(&mut self) -> Result<()> {
        while self.preview1.operations.is_empty() {
            let Some(number) = self.run.dropped_descriptor() else { break };
            self.preview1_now(Function::FdClose, &[u64::from(number)])?;
        }
        Ok(())
    }

    /// True while one is left: the instance is woken when that has ended.
    fn work_off_operations(&mut self) -> bool {
        while let Some(operation) = self.preview1.operations.front().cloned() {
            let mut waiting = lock(&operation);
            let call = waiting.call;
            std::mem::swap(&mut self.preview1.scratch, &mut waiting.scratch);
            let attempt = self.preview1.attempt(call.function, call.arguments());
            std::mem::swap(&mut self.preview1.scratch, &mut waiting.scratch);
            match attempt.transpose() {
                None => return true,
                Some(ended) => waiting.ended = Some(ended),
            }
            self.preview1.operations.pop_front();
        }
        false
    }
}

/// What the host takes for one that waits, besides its scratch memory.
const OPERATION_BYTES: usize = 1024;
