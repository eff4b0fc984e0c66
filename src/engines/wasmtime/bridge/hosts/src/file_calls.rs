//! What files.rs makes of preview 1's functions: numbers, paths and buffers in and out of the scratch
//! memory.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime::Result;

use crate::bindings::p2::wasi::clocks::wall_clock::Datetime;
use crate::bindings::p2::wasi::filesystem::types::{
    DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode, NewTimestamp,
    OpenFlags, PathFlags,
};
use crate::files::{Descriptor, Fd, FileError, FileResult, FileStream};
use crate::host::Host;
use crate::preview1::{Errno, Function, DATA, MAX_DATA, RESULT};
use crate::streams::StreamResult;

/// Longest path, in bytes: what preview 1 accepts too (PATH_MAX).
pub const MAX_PATH_BYTES: usize = 4096;
pub const LISTING_BYTES: usize = 4096;
pub const DIRENT_BYTES: usize = 24;

pub const FOLLOW: u64 = 1;
pub const SET_ACCESSED: u64 = 1;
pub const SET_ACCESSED_NOW: u64 = 2;
pub const SET_MODIFIED: u64 = 4;
pub const SET_MODIFIED_NOW: u64 = 8;

pub const RIGHT_FD_READ: u64 = 1 << 1;
pub const RIGHT_FD_WRITE: u64 = 1 << 6;
/// All but reading and writing: those are asked for by themselves.
pub const OTHER_RIGHTS: u64 = ((1 << 28) - 1) & !(RIGHT_FD_READ | RIGHT_FD_WRITE | WRITING_RIGHTS);
/// Allocating, setting the size: of files that are open for writing.
pub const WRITING_RIGHTS: u64 = 1 << 8 | 1 << 22;

pub fn error_code(errno: Errno) -> ErrorCode {
    match errno {
        2 | 76 => ErrorCode::Access,
        6 => ErrorCode::WouldBlock,
        8 => ErrorCode::BadDescriptor,
        10 => ErrorCode::Busy,
        19 => ErrorCode::Quota,
        20 => ErrorCode::Exist,
        22 => ErrorCode::FileTooLarge,
        25 => ErrorCode::IllegalByteSequence,
        27 => ErrorCode::Interrupted,
        28 => ErrorCode::Invalid,
        31 => ErrorCode::IsDirectory,
        32 => ErrorCode::Loop,
        33 | 41 | 48 => ErrorCode::InsufficientMemory,
        34 => ErrorCode::TooManyLinks,
        37 => ErrorCode::NameTooLong,
        44 => ErrorCode::NoEntry,
        51 => ErrorCode::InsufficientSpace,
        52 | 58 => ErrorCode::Unsupported,
        54 => ErrorCode::NotDirectory,
        55 => ErrorCode::NotEmpty,
        60 => ErrorCode::NoSuchDevice,
        61 => ErrorCode::Overflow,
        63 => ErrorCode::NotPermitted,
        64 => ErrorCode::Pipe,
        69 => ErrorCode::ReadOnly,
        70 => ErrorCode::InvalidSeek,
        74 => ErrorCode::TextFileBusy,
        75 => ErrorCode::CrossDevice,
        _ => ErrorCode::Io,
    }
}

pub fn check(errno: Errno) -> FileResult<()> {
    match errno {
        0 => Ok(()),
        errno => Err(error_code(errno).into()),
    }
}

pub fn file_type(number: u8) -> DescriptorType {
    match number {
        1 => DescriptorType::BlockDevice,
        2 => DescriptorType::CharacterDevice,
        3 => DescriptorType::Directory,
        4 => DescriptorType::RegularFile,
        5 | 6 => DescriptorType::Socket,
        7 => DescriptorType::SymbolicLink,
        _ => DescriptorType::Unknown,
    }
}

pub fn follow(flags: PathFlags) -> u64 {
    if flags.contains(PathFlags::SYMLINK_FOLLOW) {
        FOLLOW
    } else {
        0
    }
}

pub fn datetime(nanoseconds: u64) -> Datetime {
    let second = 1_000_000_000;
    Datetime { seconds: nanoseconds / second, nanoseconds: (nanoseconds % second) as u32 }
}

/// The time and preview 1's flag for it.
pub fn timestamp(time: NewTimestamp, set: u64, now: u64) -> FileResult<(u64, u64)> {
    Ok(match time {
        NewTimestamp::NoChange => (0, 0),
        NewTimestamp::Now => (0, now),
        NewTimestamp::Timestamp(time) => {
            let nanoseconds = time
                .seconds
                .checked_mul(1_000_000_000)
                .and_then(|seconds| seconds.checked_add(u64::from(time.nanoseconds)));
            (nanoseconds.ok_or(ErrorCode::Overflow)?, set)
        }
    })
}

/// preview 1's filestat.
pub struct FileStat {
    pub device: u64,
    pub inode: u64,
    pub kind: DescriptorType,
    pub links: u64,
    pub size: u64,
    pub accessed: u64,
    pub modified: u64,
    pub changed: u64,
}

impl FileStat {
    pub(crate) fn stat(&self) -> DescriptorStat {
        DescriptorStat {
            type_: self.kind,
            link_count: self.links,
            size: self.size,
            data_access_timestamp: Some(datetime(self.accessed)),
            data_modification_timestamp: Some(datetime(self.modified)),
            status_change_timestamp: Some(datetime(self.changed)),
        }
    }
}

impl Host {
    pub(crate) fn fd(&self, descriptor: &Resource<Descriptor>) -> FileResult<u64> {
        Ok(u64::from(self.table.get(descriptor)?.fd.number))
    }

    /// Closes a descriptor that nobody holds any more.
    pub(crate) fn release(&mut self, fd: Arc<Fd>) -> Result<()> {
        match Arc::into_inner(fd) {
            Some(fd) if fd.owned => {
                self.preview1_now(Function::FdClose, &[u64::from(fd.number)]).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// Puts paths where preview 1's functions find them; for each its address and size.
    pub(crate) fn paths<const N: usize>(
        &mut self,
        paths: [&str; N],
    ) -> FileResult<[(u64, u64); N]> {
        if paths.iter().any(|path| path.len() > MAX_PATH_BYTES) {
            return Err(ErrorCode::NameTooLong.into());
        }
        self.preview1.reserve(paths.iter().map(|path| path.len()).sum());
        let mut offset = 0;
        Ok(paths.map(|path| {
            self.preview1.put(offset, path.as_bytes());
            let address = (DATA + offset) as u64;
            offset += path.len();
            (address, path.len() as u64)
        }))
    }

    /// An iovec of preview 1 in front of the data, which are at DATA + 8.
    pub(crate) fn iovec(&mut self, size: usize) {
        self.preview1.reserve(8 + size);
        let mut iovec = [0; 8];
        iovec[..4].copy_from_slice(&((DATA + 8) as u32).to_le_bytes());
        iovec[4..].copy_from_slice(&(size as u32).to_le_bytes());
        self.preview1.put(0, &iovec);
    }

    pub(crate) async fn file_read(
        &mut self,
        fd: u32,
        offset: u64,
        size: usize,
    ) -> FileResult<Vec<u8>> {
        let size = size.min(MAX_DATA);
        self.iovec(size);
        let arguments = [u64::from(fd), DATA as u64, 1, offset, RESULT];
        check(self.preview1(Function::FdPread, &arguments).await?)?;
        let read = (self.preview1.u32_at(RESULT as usize) as usize).min(size);
        Ok(self.preview1.data(8 + read)[8..].to_vec())
    }

    /// How much was written.
    pub(crate) async fn write_at(
        &mut self,
        fd: u32,
        offset: u64,
        bytes: &[u8],
    ) -> FileResult<usize> {
        let bytes = &bytes[..bytes.len().min(MAX_DATA)];
        self.iovec(bytes.len());
        self.preview1.put(8, bytes);
        let arguments = [u64::from(fd), DATA as u64, 1, offset, RESULT];
        check(self.preview1(Function::FdPwrite, &arguments).await?)?;
        Ok(self.preview1.u32_at(RESULT as usize) as usize)
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

    pub(crate) fn read_stat(&self) -> FileStat {
        let at = |offset: usize| self.preview1.u64_at(RESULT as usize + offset);
        FileStat {
            device: at(0),
            inode: at(8),
            kind: file_type(at(16) as u8),
            links: at(24),
            size: at(32),
            accessed: at(40),
            modified: at(48),
            changed: at(56),
        }
    }

    pub(crate) async fn file_stat(&mut self, fd: u32) -> FileResult<FileStat> {
        check(self.preview1(Function::FdFilestatGet, &[u64::from(fd), RESULT]).await?)?;
        Ok(self.read_stat())
    }

    pub(crate) async fn path_stat(
        &mut self,
        descriptor: &Resource<Descriptor>,
        flags: PathFlags,
        path: &str,
    ) -> FileResult<FileStat> {
        let fd = self.fd(descriptor)?;
        let [(address, size)] = self.paths([path])?;
        let arguments = [fd, follow(flags), address, size, RESULT];
        check(self.preview1(Function::PathFilestatGet, &arguments).await?)?;
        Ok(self.read_stat())
    }

    /// A function of a descriptor and a path.
    pub(crate) async fn at_path(
        &mut self,
        function: Function,
        descriptor: &Resource<Descriptor>,
        path: &str,
    ) -> FileResult<()> {
        let fd = self.fd(descriptor)?;
        let [(address, size)] = self.paths([path])?;
        check(self.preview1(function, &[fd, address, size]).await?)
    }

    pub(crate) async fn open(
        &mut self,
        descriptor: &Resource<Descriptor>,
        path_flags: PathFlags,
        path: &str,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FileResult<u32> {
        let fd = self.fd(descriptor)?;
        let [(address, size)] = self.paths([path])?;
        let mut rights = OTHER_RIGHTS;
        if flags.contains(DescriptorFlags::READ) {
            rights |= RIGHT_FD_READ;
        }
        if flags.contains(DescriptorFlags::WRITE) {
            rights |= RIGHT_FD_WRITE | WRITING_RIGHTS;
        }
        let sync = [
            (DescriptorFlags::DATA_INTEGRITY_SYNC, 1 << 1),
            (DescriptorFlags::REQUESTED_WRITE_SYNC, 1 << 3),
            (DescriptorFlags::FILE_INTEGRITY_SYNC, 1 << 4),
        ];
        let fd_flags = sync.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, bit)| bit);
        let opening = [
            (OpenFlags::CREATE, 1),
            (OpenFlags::DIRECTORY, 1 << 1),
            (OpenFlags::EXCLUSIVE, 1 << 2),
            (OpenFlags::TRUNCATE, 1 << 3),
        ];
        let open_bits =
            opening.iter().filter(|(flag, _)| open_flags.contains(*flag)).map(|(_, b)| b);
        let arguments = [
            fd,
            follow(path_flags),
            address,
            size,
            open_bits.sum(),
            rights,
            (1 << 28) - 1,
            fd_flags.sum(),
            RESULT,
        ];
        check(self.preview1(Function::PathOpen, &arguments).await?)?;
        Ok(self.preview1.u32_at(RESULT as usize))
    }

    /// The next entries of a folder; none at its end.
    pub(crate) async fn read_entries(
        &mut self,
        fd: u32,
        cookie: u64,
    ) -> FileResult<(Vec<Entry>, bool)> {
        self.preview1.reserve(LISTING_BYTES);
        let arguments = [u64::from(fd), DATA as u64, LISTING_BYTES as u64, cookie, RESULT];
        check(self.preview1(Function::FdReaddir, &arguments).await?)?;
        let used = (self.preview1.u32_at(RESULT as usize) as usize).min(LISTING_BYTES);
        let mut entries = Vec::new();
        let mut offset = 0;
        while offset + DIRENT_BYTES <= used {
            let at = DATA + offset;
            let name_size = self.preview1.u32_at(at + 16) as usize;
            let end = offset + DIRENT_BYTES + name_size;
            if end > used {
                break; // cut: read again from the entry before
            }
            let data = self.preview1.data(used);
            let name = String::from_utf8_lossy(&data[offset + DIRENT_BYTES..end]).into_owned();
            let type_ = file_type(data[offset + 20]);
            let next = self.preview1.u64_at(at);
            entries.push(Entry { next, entry: DirectoryEntry { type_, name } });
            offset = end;
        }
        Ok((entries, used < LISTING_BYTES))
    }
}

pub struct Entry {
    pub next: u64,
    pub entry: DirectoryEntry,
}
