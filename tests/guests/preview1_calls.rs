// WASI preview 1 as it is imported: the functions on files, their layouts, the names of errors.

pub type Fd = u32;
pub type Errno = u16;

/// What an iovec is for the host: an address and a length.
#[repr(C)]
pub struct Piece {
    pub address: *const u8,
    pub size: usize,
}

#[repr(C)]
#[derive(Default)]
pub struct FdStat {
    pub kind: u8,
    pub flags: u16,
    pub rights: u64,
    pub inheriting: u64,
}

#[repr(C)]
#[derive(Default)]
pub struct FileStat {
    pub device: u64,
    pub inode: u64,
    pub kind: u8,
    pub links: u64,
    pub size: u64,
    pub accessed: u64,
    pub modified: u64,
    pub changed: u64,
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    pub fn fd_advise(fd: Fd, offset: u64, size: u64, advice: u8) -> Errno;
    pub fn fd_close(fd: Fd) -> Errno;
    pub fn fd_datasync(fd: Fd) -> Errno;
    pub fn fd_fdstat_get(fd: Fd, out: *mut FdStat) -> Errno;
    pub fn fd_fdstat_set_flags(fd: Fd, flags: u16) -> Errno;
    pub fn fd_filestat_get(fd: Fd, out: *mut FileStat) -> Errno;
    pub fn fd_filestat_set_size(fd: Fd, size: u64) -> Errno;
    pub fn fd_filestat_set_times(fd: Fd, accessed: u64, modified: u64, which: u16) -> Errno;
    pub fn fd_pread(
        fd: Fd,
        list: *const Piece,
        count: usize,
        offset: u64,
        out: *mut usize,
    ) -> Errno;
    pub fn fd_prestat_dir_name(fd: Fd, name: *mut u8, size: usize) -> Errno;
    pub fn fd_prestat_get(fd: Fd, out: *mut [u32; 2]) -> Errno;
    pub fn fd_pwrite(
        fd: Fd,
        list: *const Piece,
        count: usize,
        offset: u64,
        out: *mut usize,
    ) -> Errno;
    pub fn fd_readdir(fd: Fd, out: *mut u8, size: usize, cookie: u64, used: *mut usize) -> Errno;
    pub fn fd_sync(fd: Fd) -> Errno;
    pub fn fd_write(fd: Fd, list: *const Piece, count: usize, out: *mut usize) -> Errno;
    pub fn path_create_directory(fd: Fd, path: *const u8, size: usize) -> Errno;
    pub fn path_filestat_get(
        fd: Fd,
        follow: u32,
        path: *const u8,
        size: usize,
        out: *mut FileStat,
    ) -> Errno;
    pub fn path_filestat_set_times(
        fd: Fd,
        follow: u32,
        path: *const u8,
        size: usize,
        accessed: u64,
        modified: u64,
        which: u16,
    ) -> Errno;
    pub fn path_link(
        old: Fd,
        follow: u32,
        old_path: *const u8,
        old_size: usize,
        new: Fd,
        new_path: *const u8,
        new_size: usize,
    ) -> Errno;
    pub fn path_open(
        fd: Fd,
        follow: u32,
        path: *const u8,
        size: usize,
        open: u16,
        rights: u64,
        inheriting: u64,
        flags: u16,
        out: *mut Fd,
    ) -> Errno;
    pub fn path_readlink(
        fd: Fd,
        path: *const u8,
        size: usize,
        out: *mut u8,
        room: usize,
        used: *mut usize,
    ) -> Errno;
    pub fn path_remove_directory(fd: Fd, path: *const u8, size: usize) -> Errno;
    pub fn path_rename(
        old: Fd,
        old_path: *const u8,
        old_size: usize,
        new: Fd,
        new_path: *const u8,
        new_size: usize,
    ) -> Errno;
    pub fn path_symlink(
        target: *const u8,
        target_size: usize,
        fd: Fd,
        path: *const u8,
        size: usize,
    ) -> Errno;
    pub fn path_unlink_file(fd: Fd, path: *const u8, size: usize) -> Errno;
}

pub const NO_SPACE: Errno = 51;
pub const FOLLOW: u32 = 1;
pub const APPEND: u16 = 1;
pub const FD_READ: u64 = 1 << 1;
pub const FD_WRITE: u64 = 1 << 6;
/// Allocating and setting the size: asked for with writing.
pub const WRITING: u64 = 1 << 8 | 1 << 22;
pub const ALL: u64 = (1 << 28) - 1;

/// The name that WASI 0.2 has for an error number of preview 1.
pub fn error_name(errno: Errno) -> String {
    let name = match errno {
        2 => "access",
        6 => "would-block",
        8 => "bad-descriptor",
        10 => "busy",
        19 => "quota",
        20 => "exist",
        22 => "file-too-large",
        25 => "illegal-byte-sequence",
        27 => "interrupted",
        28 => "invalid",
        29 => "io",
        31 => "is-directory",
        32 => "loop",
        33 => "too-many-files-open",
        34 => "too-many-links",
        37 => "name-too-long",
        44 => "no-entry",
        48 => "insufficient-memory",
        51 => "insufficient-space",
        54 => "not-directory",
        55 => "not-empty",
        58 => "unsupported",
        63 => "not-permitted",
        69 => "read-only",
        70 => "invalid-seek",
        75 => "cross-device",
        76 => "not-capable",
        other => return format!("errno {other}"),
    };
    name.to_owned()
}
