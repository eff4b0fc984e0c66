//! wasi:filesystem, over preview 1's functions: a descriptor is one of preview 1's, so paths,
//! rights, quotas and waiting for disks are the same code for components and core modules.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime::Result;

use crate::bindings::p2::wasi::filesystem::preopens;
pub use crate::bindings::p2::wasi::filesystem::types::ErrorCode;
use crate::bindings::p2::wasi::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, HostDescriptor,
    HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use crate::file_calls::{check, At, FileCall, FileStat};
use crate::host::{Held, Host};
use crate::preview1::{Function, DATA, RESULT};
use crate::run::Run;
use crate::streams::{InputStream, IoError, OutputStream, StreamError, StreamResult, MAX_TRANSFER};

/// A descriptor of preview 1, closed when nobody holds it any more.
pub struct Fd {
    pub number: u32,
    /// Nothing for a granted folder: it stays open.
    owner: Option<Arc<Run>>,
}

impl Fd {
    pub fn granted(number: u32) -> Arc<Fd> {
        Arc::new(Fd { number, owner: None })
    }

    pub fn opened(number: u32, run: &Arc<Run>) -> Arc<Fd> {
        Arc::new(Fd { number, owner: Some(run.clone()) })
    }
}

impl std::fmt::Debug for Fd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "descriptor {}", self.number)
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        if let Some(run) = &self.owner {
            run.drop_descriptor(self.number);
        }
    }
}

#[derive(Debug)]
pub struct Descriptor {
    pub(crate) fd: Arc<Fd>,
    /// What it was opened for.
    pub(crate) flags: DescriptorFlags,
}

impl Descriptor {
    pub fn new(fd: Arc<Fd>, flags: DescriptorFlags) -> Descriptor {
        Descriptor { fd, flags }
    }
}

/// A file that is read or written from a position on.
#[derive(Clone, Debug)]
pub struct FileStream {
    pub fd: Arc<Fd>,
    pub offset: u64,
    pub(crate) append: bool,
}

/// Entries of one preview 1 call, as strings of their own.
const LISTING_HELD_BYTES: usize = 12 << 10;

/// Where a listing of a folder stands.
pub struct Listing {
    _held: Held,
    fd: Arc<Fd>,
    cookie: u64,
    entries: std::collections::VecDeque<DirectoryEntry>,
    over: bool,
}

/// How a function on files fails.
#[derive(Debug)]
pub enum FileError {
    Code(ErrorCode),
    Trap(wasmtime::Error),
}

impl From<wasmtime::Error> for FileError {
    fn from(error: wasmtime::Error) -> FileError {
        FileError::Trap(error)
    }
}
impl From<wasmtime::component::ResourceTableError> for FileError {
    fn from(error: wasmtime::component::ResourceTableError) -> FileError {
        FileError::Trap(error.into())
    }
}
impl From<ErrorCode> for FileError {
    fn from(code: ErrorCode) -> FileError {
        FileError::Code(code)
    }
}
impl From<FileError> for StreamError {
    fn from(error: FileError) -> StreamError {
        match error {
            FileError::Trap(error) => StreamError::Trap(error),
            FileError::Code(code) => StreamError::Failed(IoError {
                text: format!("{code:?}"),
                file: Some(code),
                ..IoError::default()
            }),
        }
    }
}

pub type FileResult<T> = std::result::Result<T, FileError>;

/// What identifies a file, mixed: the numbers themselves are none of the guest's business.
pub(crate) fn hash(device: u64, inode: u64) -> (u64, u64) {
    let mix = |value: u64| {
        let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    };
    let lower = mix(device.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ inode;
    (mix(lower), mix(lower.wrapping_add(inode)))
}

impl types::Host for Host {
    fn convert_error_code(&mut self, error: FileError) -> Result<ErrorCode> {
        match error {
            FileError::Code(code) => Ok(code),
            FileError::Trap(error) => Err(error),
        }
    }

    fn filesystem_error_code(&mut self, error: Resource<IoError>) -> Result<Option<ErrorCode>> {
        Ok(self.table.get(&error)?.file)
    }
}

impl Host {
    /// Makes a call, however long it waits.
    async fn call(&mut self, call: FileCall) -> FileResult<()> {
        check(self.preview1(call.function, call.arguments()).await?)
    }

    pub(crate) async fn file_read(
        &mut self,
        fd: u32,
        offset: u64,
        size: usize,
    ) -> FileResult<Vec<u8>> {
        let call = self.read_call(fd, offset, size);
        self.call(call).await?;
        Ok(self.bytes_read())
    }

    /// How much was written.
    async fn write_at(&mut self, fd: u32, offset: u64, bytes: &[u8]) -> FileResult<usize> {
        let call = self.write_call(fd, offset, bytes);
        self.call(call).await?;
        Ok(self.size_written())
    }

    pub(crate) async fn file_write(
        &mut self,
        file: &FileStream,
        bytes: &[u8],
    ) -> StreamResult<usize> {
        let offset = match file.append {
            true => self.file_stat(file.fd.number).await?.size,
            false => file.offset,
        };
        let written = self.write_at(file.fd.number, offset, bytes).await?;
        if written == 0 && !bytes.is_empty() {
            return Err(FileError::Code(ErrorCode::Io).into());
        }
        Ok(written)
    }

    async fn file_stat(&mut self, fd: u32) -> FileResult<FileStat> {
        let call = self.stat_call(fd);
        self.call(call).await?;
        Ok(self.stat_found())
    }

    async fn path_stat(
        &mut self,
        descriptor: &Resource<Descriptor>,
        flags: PathFlags,
        path: &str,
    ) -> FileResult<FileStat> {
        let call = self.path_stat_call(descriptor, at(flags, path))?;
        self.call(call).await?;
        Ok(self.stat_found())
    }

    async fn at_path(
        &mut self,
        function: Function,
        descriptor: &Resource<Descriptor>,
        path: &str,
    ) -> FileResult<()> {
        let call = self.at_path_call(function, descriptor, path)?;
        self.call(call).await
    }

    /// The folders that the operator granted.
    pub(crate) fn preopens(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        let mut folders = Vec::new();
        for number in 3.. {
            if self.preview1_now(Function::FdPrestatGet, &[number, RESULT])? != 0 {
                break;
            }
            let size = self.preview1.u32_at(RESULT as usize + 4) as usize;
            self.preview1.reserve(size);
            let arguments = [number, DATA as u64, size as u64];
            if self.preview1_now(Function::FdPrestatDirName, &arguments)? != 0 {
                break;
            }
            let name = String::from_utf8_lossy(self.preview1.data(size)).into_owned();
            let fd = Fd::granted(number as u32);
            let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
            folders.push((self.table.push(Descriptor::new(fd, flags))?, name));
        }
        Ok(folders)
    }
}

fn at(flags: PathFlags, path: &str) -> At<'_> {
    At { follow: flags.contains(PathFlags::SYMLINK_FOLLOW), path }
}

impl preopens::Host for Host {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        self.preopens()
    }
}

impl HostDescriptor for Host {
    fn read_via_stream(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> FileResult<Resource<InputStream>> {
        let descriptor = self.table.get(&this)?;
        if !descriptor.flags.contains(DescriptorFlags::READ) {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let file = FileStream { fd: descriptor.fd.clone(), offset, append: false };
        Ok(self.table.push(InputStream::File(file))?)
    }

    fn write_via_stream(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> FileResult<Resource<OutputStream>> {
        let descriptor = self.table.get(&this)?;
        if !descriptor.flags.contains(DescriptorFlags::WRITE) {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let file = FileStream { fd: descriptor.fd.clone(), offset, append: false };
        Ok(self.table.push(OutputStream::File(file))?)
    }

    fn append_via_stream(
        &mut self,
        this: Resource<Descriptor>,
    ) -> FileResult<Resource<OutputStream>> {
        let descriptor = self.table.get(&this)?;
        if !descriptor.flags.contains(DescriptorFlags::WRITE) {
            return Err(ErrorCode::BadDescriptor.into());
        }
        let file = FileStream { fd: descriptor.fd.clone(), offset: 0, append: true };
        Ok(self.table.push(OutputStream::File(file))?)
    }

    async fn advise(
        &mut self,
        this: Resource<Descriptor>,
        offset: u64,
        length: u64,
        advice: Advice,
    ) -> FileResult<()> {
        let call = self.advise_call(&this, offset, length, advice)?;
        self.call(call).await
    }

    async fn sync_data(&mut self, this: Resource<Descriptor>) -> FileResult<()> {
        let fd = self.fd(&this)?;
        self.call(FileCall::new(Function::FdDatasync, [fd])).await
    }

    fn get_flags(&mut self, this: Resource<Descriptor>) -> FileResult<DescriptorFlags> {
        Ok(self.table.get(&this)?.flags)
    }

    async fn get_type(&mut self, this: Resource<Descriptor>) -> FileResult<DescriptorType> {
        let fd = self.fd(&this)? as u32;
        Ok(self.file_stat(fd).await?.kind)
    }

    async fn set_size(&mut self, this: Resource<Descriptor>, size: u64) -> FileResult<()> {
        let fd = self.fd(&this)?;
        self.call(FileCall::new(Function::FdFilestatSetSize, [fd, size])).await
    }

    async fn set_times(
        &mut self,
        this: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FileResult<()> {
        let call = self.times_call(&this, accessed, modified)?;
        self.call(call).await
    }

    async fn read(
        &mut self,
        this: Resource<Descriptor>,
        length: u64,
        offset: u64,
    ) -> FileResult<(Vec<u8>, bool)> {
        let fd = self.fd(&this)? as u32;
        let size = usize::try_from(length).unwrap_or(usize::MAX).min(MAX_TRANSFER);
        let bytes = self.file_read(fd, offset, size).await?;
        let is_end = bytes.is_empty() && size > 0;
        Ok((bytes, is_end))
    }

    async fn write(
        &mut self,
        this: Resource<Descriptor>,
        buffer: Vec<u8>,
        offset: u64,
    ) -> FileResult<u64> {
        let fd = self.fd(&this)? as u32;
        Ok(self.write_at(fd, offset, &buffer).await? as u64)
    }

    async fn read_directory(
        &mut self,
        this: Resource<Descriptor>,
    ) -> FileResult<Resource<Listing>> {
        let fd = self.table.get(&this)?.fd.clone();
        if self.file_stat(fd.number).await?.kind != DescriptorType::Directory {
            return Err(ErrorCode::NotDirectory.into());
        }
        let mut held = Held::nothing(&self.run);
        if !held.grow(LISTING_HELD_BYTES) {
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let listing =
            Listing { _held: held, fd, cookie: 0, entries: Default::default(), over: false };
        Ok(self.table.push(listing)?)
    }

    async fn sync(&mut self, this: Resource<Descriptor>) -> FileResult<()> {
        let fd = self.fd(&this)?;
        self.call(FileCall::new(Function::FdSync, [fd])).await
    }

    async fn create_directory_at(
        &mut self,
        this: Resource<Descriptor>,
        path: String,
    ) -> FileResult<()> {
        self.at_path(Function::PathCreateDirectory, &this, &path).await
    }

    async fn stat(&mut self, this: Resource<Descriptor>) -> FileResult<DescriptorStat> {
        let fd = self.fd(&this)? as u32;
        Ok(self.file_stat(fd).await?.stat())
    }

    async fn stat_at(
        &mut self,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FileResult<DescriptorStat> {
        Ok(self.path_stat(&this, path_flags, &path).await?.stat())
    }

    async fn set_times_at(
        &mut self,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FileResult<()> {
        let call = self.path_times_call(&this, at(path_flags, &path), accessed, modified)?;
        self.call(call).await
    }

    async fn link_at(
        &mut self,
        this: Resource<Descriptor>,
        old_path_flags: PathFlags,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> FileResult<()> {
        let at = at(old_path_flags, &old_path);
        let call = self.link_call(&this, at, &new_descriptor, &new_path)?;
        self.call(call).await
    }

    async fn open_at(
        &mut self,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FileResult<Resource<Descriptor>> {
        let call = self.open_call(&this, at(path_flags, &path), open_flags, flags)?;
        self.call(call).await?;
        let descriptor = self.opened(flags);
        Ok(self.table.push(descriptor)?)
    }

    async fn readlink_at(
        &mut self,
        this: Resource<Descriptor>,
        path: String,
    ) -> FileResult<String> {
        let call = self.readlink_call(&this, &path)?;
        self.call(call).await?;
        self.link_target(path.len())
    }

    async fn remove_directory_at(
        &mut self,
        this: Resource<Descriptor>,
        path: String,
    ) -> FileResult<()> {
        self.at_path(Function::PathRemoveDirectory, &this, &path).await
    }

    async fn rename_at(
        &mut self,
        this: Resource<Descriptor>,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> FileResult<()> {
        let call = self.rename_call(&this, &old_path, &new_descriptor, &new_path)?;
        self.call(call).await
    }

    async fn symlink_at(
        &mut self,
        this: Resource<Descriptor>,
        old_path: String,
        new_path: String,
    ) -> FileResult<()> {
        let call = self.symlink_call(&this, &old_path, &new_path)?;
        self.call(call).await
    }

    async fn unlink_file_at(&mut self, this: Resource<Descriptor>, path: String) -> FileResult<()> {
        self.at_path(Function::PathUnlinkFile, &this, &path).await
    }

    async fn is_same_object(
        &mut self,
        this: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> Result<bool> {
        let mut ids = [(0, 0); 2];
        for (id, descriptor) in ids.iter_mut().zip([&this, &other]) {
            let fd = self.table.get(descriptor)?.fd.number;
            match self.file_stat(fd).await {
                Ok(stat) => *id = (stat.device, stat.inode),
                Err(FileError::Trap(error)) => return Err(error),
                Err(FileError::Code(_)) => return Ok(false),
            }
        }
        Ok(ids[0] == ids[1])
    }

    async fn metadata_hash(&mut self, this: Resource<Descriptor>) -> FileResult<MetadataHashValue> {
        let fd = self.fd(&this)? as u32;
        let stat = self.file_stat(fd).await?;
        let (lower, upper) = hash(stat.device, stat.inode);
        Ok(MetadataHashValue { lower, upper })
    }

    async fn metadata_hash_at(
        &mut self,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FileResult<MetadataHashValue> {
        let stat = self.path_stat(&this, path_flags, &path).await?;
        let (lower, upper) = hash(stat.device, stat.inode);
        Ok(MetadataHashValue { lower, upper })
    }

    fn drop(&mut self, this: Resource<Descriptor>) -> Result<()> {
        self.table.delete(this)?;
        self.close_dropped()
    }
}

impl HostDirectoryEntryStream for Host {
    async fn read_directory_entry(
        &mut self,
        this: Resource<Listing>,
    ) -> FileResult<Option<DirectoryEntry>> {
        loop {
            let listing = self.table.get_mut(&this)?;
            if let Some(entry) = listing.entries.pop_front() {
                return Ok(Some(entry));
            }
            if listing.over {
                return Ok(None);
            }
            let (fd, cookie) = (listing.fd.number, listing.cookie);
            let call = self.entries_call(fd, cookie);
            self.call(call).await?;
            let (entries, next) = self.entries_found(cookie);
            let listing = self.table.get_mut(&this)?;
            listing.over = next.is_none();
            listing.cookie = next.unwrap_or(cookie);
            listing.entries = entries.into();
        }
    }

    fn drop(&mut self, this: Resource<Listing>) -> Result<()> {
        self.table.delete(this)?;
        self.close_dropped()
    }
}
