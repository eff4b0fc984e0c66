//! What files.rs makes of preview 1's functions: numbers, paths and buffers in and out of the scratch
//! memory.

use wasmtime::component::Resource;

use crate::bindings::p2::wasi::clocks::wall_clock::Datetime;
use crate::bindings::p2::wasi::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    NewTimestamp, OpenFlags,
};
use crate::files::{Descriptor, Fd, FileResult};
use crate::host::Host;
use crate::preview1::{Errno, Function, DATA, MAX_DATA, RESULT};

/// Longest path, in bytes: what preview 1 accepts too (PATH_MAX).
pub const MAX_PATH_BYTES: usize = 4096;
pub const LISTING_BYTES: usize = 4096;
pub const DIRENT_BYTES: usize = 24;

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

/// A call of preview 1 that stands in for one of wasi:filesystem: what it points to is in the scratch
/// memory.
#[derive(Clone, Copy)]
pub struct FileCall {
    pub function: Function,
    arguments: [u64; MAX_ARGUMENTS],
    count: usize,
}

/// path_open has so many.
const MAX_ARGUMENTS: usize = 9;

impl FileCall {
    pub fn new<const N: usize>(function: Function, given: [u64; N]) -> FileCall {
        let mut arguments = [0; MAX_ARGUMENTS];
        arguments[..N].copy_from_slice(&given);
        FileCall { function, arguments, count: N }
    }

    pub fn arguments(&self) -> &[u64] {
        &self.arguments[..self.count]
    }
}

/// How a path that may end in a link is taken, and the path.
pub struct At<'a> {
    pub follow: bool,
    pub path: &'a str,
}

/// The calls, with their arguments laid out, and what they left.
impl Host {
    pub(crate) fn fd(&self, descriptor: &Resource<Descriptor>) -> FileResult<u64> {
        Ok(u64::from(self.table.get(descriptor)?.fd.number))
    }

    /// Puts paths where preview 1's functions find them; for each its address and size.
    fn paths<const N: usize>(&mut self, paths: [&str; N]) -> FileResult<[(u64, u64); N]> {
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
    fn iovec(&mut self, size: usize) {
        self.preview1.reserve(8 + size);
        let mut iovec = [0; 8];
        iovec[..4].copy_from_slice(&((DATA + 8) as u32).to_le_bytes());
        iovec[4..].copy_from_slice(&(size as u32).to_le_bytes());
        self.preview1.put(0, &iovec);
    }

    pub(crate) fn read_call(&mut self, fd: u32, offset: u64, size: usize) -> FileCall {
        self.iovec(size.min(MAX_DATA));
        FileCall::new(Function::FdPread, [u64::from(fd), DATA as u64, 1, offset, RESULT])
    }

    pub(crate) fn bytes_read(&self) -> Vec<u8> {
        let read = (self.preview1.u32_at(RESULT as usize) as usize).min(MAX_DATA);
        self.preview1.data(8 + read)[8..].to_vec()
    }

    /// Of as many bytes as one call moves.
    pub(crate) fn write_call(&mut self, fd: u32, offset: u64, bytes: &[u8]) -> FileCall {
        let bytes = &bytes[..bytes.len().min(MAX_DATA)];
        self.iovec(bytes.len());
        self.preview1.put(8, bytes);
        FileCall::new(Function::FdPwrite, [u64::from(fd), DATA as u64, 1, offset, RESULT])
    }

    pub(crate) fn size_written(&self) -> usize {
        self.preview1.u32_at(RESULT as usize) as usize
    }

    pub(crate) fn stat_call(&self, fd: u32) -> FileCall {
        FileCall::new(Function::FdFilestatGet, [u64::from(fd), RESULT])
    }

    pub(crate) fn path_stat_call(
        &mut self,
        descriptor: &Resource<Descriptor>,
        at: At<'_>,
    ) -> FileResult<FileCall> {
        let fd = self.fd(descriptor)?;
        let [(address, size)] = self.paths([at.path])?;
        let arguments = [fd, u64::from(at.follow), address, size, RESULT];
        Ok(FileCall::new(Function::PathFilestatGet, arguments))
    }

    pub(crate) fn stat_found(&self) -> FileStat {
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

    /// A function of a descriptor and a path.
    pub(crate) fn at_path_call(
        &mut self,
        function: Function,
        descriptor: &Resource<Descriptor>,
        path: &str,
    ) -> FileResult<FileCall> {
        let fd = self.fd(descriptor)?;
        let [(address, size)] = self.paths([path])?;
        Ok(FileCall::new(function, [fd, address, size]))
    }

    pub(crate) fn advise_call(
        &self,
        descriptor: &Resource<Descriptor>,
        offset: u64,
        length: u64,
        advice: Advice,
    ) -> FileResult<FileCall> {
        let advice = match advice {
            Advice::Normal => 0,
            Advice::Sequential => 1,
            Advice::Random => 2,
            Advice::WillNeed => 3,
            Advice::DontNeed => 4,
            Advice::NoReuse => 5,
        };
        Ok(FileCall::new(Function::FdAdvise, [self.fd(descriptor)?, offset, length, advice]))
    }

    pub(crate) fn times_call(
        &self,
        descriptor: &Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FileResult<FileCall> {
        let (accessed, first) = timestamp(accessed, SET_ACCESSED, SET_ACCESSED_NOW)?;
        let (modified, second) = timestamp(modified, SET_MODIFIED, SET_MODIFIED_NOW)?;
        let arguments = [self.fd(descriptor)?, accessed, modified, first | second];
        Ok(FileCall::new(Function::FdFilestatSetTimes, arguments))
    }

    pub(crate) fn path_times_call(
        &mut self,
        descriptor: &Resource<Descriptor>,
        at: At<'_>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FileResult<FileCall> {
        let (accessed, first) = timestamp(accessed, SET_ACCESSED, SET_ACCESSED_NOW)?;
        let (modified, second) = timestamp(modified, SET_MODIFIED, SET_MODIFIED_NOW)?;
        let fd = self.fd(descriptor)?;
        let [(address, size)] = self.paths([at.path])?;
        let times = first | second;
        let arguments = [fd, u64::from(at.follow), address, size, accessed, modified, times];
        Ok(FileCall::new(Function::PathFilestatSetTimes, arguments))
    }

    pub(crate) fn link_call(
        &mut self,
        descriptor: &Resource<Descriptor>,
        at: At<'_>,
        new_descriptor: &Resource<Descriptor>,
        new_path: &str,
    ) -> FileResult<FileCall> {
        let (old_fd, new_fd) = (self.fd(descriptor)?, self.fd(new_descriptor)?);
        let [old, new] = self.paths([at.path, new_path])?;
        let arguments = [old_fd, u64::from(at.follow), old.0, old.1, new_fd, new.0, new.1];
        Ok(FileCall::new(Function::PathLink, arguments))
    }

    pub(crate) fn rename_call(
        &mut self,
        descriptor: &Resource<Descriptor>,
        old_path: &str,
        new_descriptor: &Resource<Descriptor>,
        new_path: &str,
    ) -> FileResult<FileCall> {
        let (old_fd, new_fd) = (self.fd(descriptor)?, self.fd(new_descriptor)?);
        let [old, new] = self.paths([old_path, new_path])?;
        let arguments = [old_fd, old.0, old.1, new_fd, new.0, new.1];
        Ok(FileCall::new(Function::PathRename, arguments))
    }

    pub(crate) fn symlink_call(
        &mut self,
        descriptor: &Resource<Descriptor>,
        old_path: &str,
        new_path: &str,
    ) -> FileResult<FileCall> {
        let fd = self.fd(descriptor)?;
        let [old, new] = self.paths([old_path, new_path])?;
        Ok(FileCall::new(Function::PathSymlink, [old.0, old.1, fd, new.0, new.1]))
    }

    pub(crate) fn readlink_call(
        &mut self,
        descriptor: &Resource<Descriptor>,
        path: &str,
    ) -> FileResult<FileCall> {
        let fd = self.fd(descriptor)?;
        let [(address, size)] = self.paths([path])?;
        self.preview1.reserve(path.len() + MAX_PATH_BYTES);
        let out = address + size;
        let arguments = [fd, address, size, out, MAX_PATH_BYTES as u64, RESULT];
        Ok(FileCall::new(Function::PathReadlink, arguments))
    }

    /// Of a link at a path so long.
    pub(crate) fn link_target(&self, path_size: usize) -> FileResult<String> {
        let used = (self.preview1.u32_at(RESULT as usize) as usize).min(MAX_PATH_BYTES);
        let data = self.preview1.data(path_size + used);
        let target = std::str::from_utf8(&data[path_size..]);
        Ok(target.map_err(|_| ErrorCode::IllegalByteSequence)?.to_string())
    }

    pub(crate) fn open_call(
        &mut self,
        descriptor: &Resource<Descriptor>,
        at: At<'_>,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FileResult<FileCall> {
        let fd = self.fd(descriptor)?;
        let [(address, size)] = self.paths([at.path])?;
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
            u64::from(at.follow),
            address,
            size,
            open_bits.sum(),
            rights,
            (1 << 28) - 1,
            fd_flags.sum(),
            RESULT,
        ];
        Ok(FileCall::new(Function::PathOpen, arguments))
    }

    pub(crate) fn opened(&self, flags: DescriptorFlags) -> Descriptor {
        let number = self.preview1.u32_at(RESULT as usize);
        Descriptor::new(Fd::opened(number, &self.run), flags)
    }

    /// The next entries of a folder.
    pub(crate) fn entries_call(&mut self, fd: u32, cookie: u64) -> FileCall {
        self.preview1.reserve(LISTING_BYTES);
        let arguments = [u64::from(fd), DATA as u64, LISTING_BYTES as u64, cookie, RESULT];
        FileCall::new(Function::FdReaddir, arguments)
    }

    /// What entries_call() left, and where the folder is to be read on; nothing there: at its end.
    pub(crate) fn entries_found(&self, cookie: u64) -> (Vec<DirectoryEntry>, Option<u64>) {
        let used = (self.preview1.u32_at(RESULT as usize) as usize).min(LISTING_BYTES);
        let mut entries = Vec::new();
        let (mut offset, mut next) = (0, cookie);
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
            next = self.preview1.u64_at(at);
            offset = end;
            // A program expects neither itself nor its parent here.
            if name != "." && name != ".." {
                entries.push(DirectoryEntry { type_, name });
            }
        }
        let is_last = used < LISTING_BYTES || next == cookie;
        (entries, (!is_last).then_some(next))
    }
}
