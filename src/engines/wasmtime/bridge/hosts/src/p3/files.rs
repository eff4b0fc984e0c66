//! wasi:filesystem 0.3: the same calls of preview 1 as 0.2's, begun beside one another and done one
//! after the other.

use std::future::poll_fn;
use std::task::Poll;

use futures_channel::oneshot;
use wasmtime::component::{Access, Accessor, FutureReader, Resource, StreamReader};
use wasmtime::{Error, Result};

use crate::bindings::p2::wasi::clocks::wall_clock::Datetime;
use crate::bindings::p2::wasi::filesystem::types as p2;
use crate::bindings::p3::wasi::clocks::system_clock::Instant;
use crate::bindings::p3::wasi::filesystem::preopens;
use crate::bindings::p3::wasi::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    HostDescriptor, HostDescriptorWithStore, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use crate::call::trap;
use crate::file_calls::{check, At, FileCall, FileStat};
use crate::files::{hash, Descriptor, FileError, FileResult};
use crate::host::{Held, Host};
use crate::p3::file_streams::{Listing, Reading, Writing};
use crate::p3::HasHost;
use crate::preview1::{Begun, Function};
use crate::streams::MAX_TRANSFER;

pub type Done = std::result::Result<(), ErrorCode>;

pub fn error_code(code: p2::ErrorCode) -> ErrorCode {
    use p2::ErrorCode as Old;
    match code {
        Old::Access => ErrorCode::Access,
        Old::WouldBlock => ErrorCode::Other(None),
        Old::Already => ErrorCode::Already,
        Old::BadDescriptor => ErrorCode::BadDescriptor,
        Old::Busy => ErrorCode::Busy,
        Old::Deadlock => ErrorCode::Deadlock,
        Old::Quota => ErrorCode::Quota,
        Old::Exist => ErrorCode::Exist,
        Old::FileTooLarge => ErrorCode::FileTooLarge,
        Old::IllegalByteSequence => ErrorCode::IllegalByteSequence,
        Old::InProgress => ErrorCode::InProgress,
        Old::Interrupted => ErrorCode::Interrupted,
        Old::Invalid => ErrorCode::Invalid,
        Old::Io => ErrorCode::Io,
        Old::IsDirectory => ErrorCode::IsDirectory,
        Old::Loop => ErrorCode::Loop,
        Old::TooManyLinks => ErrorCode::TooManyLinks,
        Old::MessageSize => ErrorCode::MessageSize,
        Old::NameTooLong => ErrorCode::NameTooLong,
        Old::NoDevice => ErrorCode::NoDevice,
        Old::NoEntry => ErrorCode::NoEntry,
        Old::NoLock => ErrorCode::NoLock,
        Old::InsufficientMemory => ErrorCode::InsufficientMemory,
        Old::InsufficientSpace => ErrorCode::InsufficientSpace,
        Old::NotDirectory => ErrorCode::NotDirectory,
        Old::NotEmpty => ErrorCode::NotEmpty,
        Old::NotRecoverable => ErrorCode::NotRecoverable,
        Old::Unsupported => ErrorCode::Unsupported,
        Old::NoTty => ErrorCode::NoTty,
        Old::NoSuchDevice => ErrorCode::NoSuchDevice,
        Old::Overflow => ErrorCode::Overflow,
        Old::NotPermitted => ErrorCode::NotPermitted,
        Old::Pipe => ErrorCode::Pipe,
        Old::ReadOnly => ErrorCode::ReadOnly,
        Old::InvalidSeek => ErrorCode::InvalidSeek,
        Old::TextFileBusy => ErrorCode::TextFileBusy,
        Old::CrossDevice => ErrorCode::CrossDevice,
    }
}

pub fn descriptor_type(kind: p2::DescriptorType) -> DescriptorType {
    use p2::DescriptorType as Old;
    match kind {
        Old::Unknown => DescriptorType::Other(None),
        Old::BlockDevice => DescriptorType::BlockDevice,
        Old::CharacterDevice => DescriptorType::CharacterDevice,
        Old::Directory => DescriptorType::Directory,
        Old::Fifo => DescriptorType::Fifo,
        Old::SymbolicLink => DescriptorType::SymbolicLink,
        Old::RegularFile => DescriptorType::RegularFile,
        Old::Socket => DescriptorType::Socket,
    }
}

/// Pairs of flags that mean the same in 0.2 and 0.3.
const FLAGS: [(p2::DescriptorFlags, DescriptorFlags); 6] = [
    (p2::DescriptorFlags::READ, DescriptorFlags::READ),
    (p2::DescriptorFlags::WRITE, DescriptorFlags::WRITE),
    (p2::DescriptorFlags::FILE_INTEGRITY_SYNC, DescriptorFlags::FILE_INTEGRITY_SYNC),
    (p2::DescriptorFlags::DATA_INTEGRITY_SYNC, DescriptorFlags::DATA_INTEGRITY_SYNC),
    (p2::DescriptorFlags::REQUESTED_WRITE_SYNC, DescriptorFlags::REQUESTED_WRITE_SYNC),
    (p2::DescriptorFlags::MUTATE_DIRECTORY, DescriptorFlags::MUTATE_DIRECTORY),
];
const OPENING: [(p2::OpenFlags, OpenFlags); 4] = [
    (p2::OpenFlags::CREATE, OpenFlags::CREATE),
    (p2::OpenFlags::DIRECTORY, OpenFlags::DIRECTORY),
    (p2::OpenFlags::EXCLUSIVE, OpenFlags::EXCLUSIVE),
    (p2::OpenFlags::TRUNCATE, OpenFlags::TRUNCATE),
];

fn old_flags(flags: DescriptorFlags) -> p2::DescriptorFlags {
    let none = p2::DescriptorFlags::empty();
    FLAGS.iter().filter(|(_, new)| flags.contains(*new)).fold(none, |all, (old, _)| all | *old)
}

fn old_open_flags(flags: OpenFlags) -> p2::OpenFlags {
    let none = p2::OpenFlags::empty();
    OPENING.iter().filter(|(_, new)| flags.contains(*new)).fold(none, |all, (old, _)| all | *old)
}

fn old_advice(advice: Advice) -> p2::Advice {
    match advice {
        Advice::Normal => p2::Advice::Normal,
        Advice::Sequential => p2::Advice::Sequential,
        Advice::Random => p2::Advice::Random,
        Advice::WillNeed => p2::Advice::WillNeed,
        Advice::DontNeed => p2::Advice::DontNeed,
        Advice::NoReuse => p2::Advice::NoReuse,
    }
}

/// Times before 1970 are none that preview 1 can say.
fn old_timestamp(time: NewTimestamp) -> FileResult<p2::NewTimestamp> {
    Ok(match time {
        NewTimestamp::NoChange => p2::NewTimestamp::NoChange,
        NewTimestamp::Now => p2::NewTimestamp::Now,
        NewTimestamp::Timestamp(Instant { seconds, nanoseconds }) => {
            let seconds = u64::try_from(seconds).map_err(|_| p2::ErrorCode::Overflow)?;
            p2::NewTimestamp::Timestamp(Datetime { seconds, nanoseconds })
        }
    })
}

fn instant(time: Option<Datetime>) -> Option<Instant> {
    let time = time?;
    Some(Instant { seconds: i64::try_from(time.seconds).ok()?, nanoseconds: time.nanoseconds })
}

fn stat_of(found: FileStat) -> DescriptorStat {
    let stat = found.stat();
    DescriptorStat {
        type_: descriptor_type(stat.type_),
        link_count: stat.link_count,
        size: stat.size,
        data_access_timestamp: instant(stat.data_access_timestamp),
        data_modification_timestamp: instant(stat.data_modification_timestamp),
        status_change_timestamp: instant(stat.status_change_timestamp),
    }
}

fn hash_of(found: FileStat) -> MetadataHashValue {
    let (lower, upper) = hash(found.device, found.inode);
    MetadataHashValue { lower, upper }
}

fn at(flags: PathFlags, path: &str) -> At<'_> {
    At { follow: flags.contains(PathFlags::SYMLINK_FOLLOW), path }
}

/// Makes the call that `lay_out` has laid out, and reads with `end` what it left.
async fn call<T: Send + 'static, R>(
    accessor: &Accessor<T, HasHost>,
    lay_out: impl FnOnce(&mut Host) -> FileResult<FileCall>,
    end: impl FnOnce(&mut Host) -> FileResult<R>,
) -> FileResult<R> {
    let mut end = Some(end);
    let mut read = |host: &mut Host, errno| {
        check(errno)?;
        let end = end.take().ok_or_else(|| trap("an operation on files ended twice"))?;
        end(host)
    };
    let begun = accessor.with(|mut access| {
        let host = access.get();
        let call = lay_out(host)?;
        Ok(match host.begin(call)? {
            Begun::Ended(errno) => Err(read(host, errno)),
            Begun::Waits(operation) => Ok(operation),
        })
    });
    let operation = match begun {
        Err(error) => return Err(error),
        Ok(Err(result)) => return result,
        Ok(Ok(operation)) => operation,
    };
    poll_fn(|context| {
        accessor.with(|mut access| {
            let host = access.get();
            match host.poll_operation(&operation, context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(errno)) => Poll::Ready(read(host, errno)),
                Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            }
        })
    })
    .await
}

impl types::Host for Host {
    fn convert_error_code(&mut self, error: FileError) -> Result<ErrorCode> {
        match error {
            FileError::Code(code) => Ok(error_code(code)),
            FileError::Trap(error) => Err(error),
        }
    }
}

impl preopens::Host for Host {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        self.preopens()
    }
}

impl HostDescriptor for Host {
    fn drop(&mut self, this: Resource<Descriptor>) -> Result<()> {
        self.table.delete(this)?;
        self.close_dropped()
    }
}

/// A future of what came of a stream: dropped before it ended, that is no failure.
fn done<T: Send + 'static>(
    store: &mut Access<'_, T, HasHost>,
    end: oneshot::Receiver<Done>,
) -> Result<FutureReader<Done>> {
    FutureReader::new(store, async move { Ok::<_, Error>(end.await.unwrap_or(Ok(()))) })
}

/// What is kept for a stream of a file, counted.
fn held(host: &Host) -> Result<Held> {
    let mut held = Held::nothing(&host.run);
    match held.grow(MAX_TRANSFER) {
        true => Ok(held),
        false => Err(trap("no memory is left for a stream of a file")),
    }
}

fn write<T: Send + 'static>(
    mut store: Access<'_, T, HasHost>,
    this: &Resource<Descriptor>,
    mut data: StreamReader<u8>,
    offset: Option<u64>,
) -> Result<FutureReader<Done>> {
    let getter = store.getter();
    let host = store.get();
    let descriptor = host.table.get(this)?;
    let (fd, flags) = (descriptor.fd.clone(), descriptor.flags);
    let held = held(host)?;
    let (told, end) = oneshot::channel();
    if flags.contains(p2::DescriptorFlags::WRITE) {
        data.pipe(&mut store, Writing::new(fd, offset, getter, told, held))?;
    } else {
        let _ = told.send(Err(ErrorCode::BadDescriptor));
        data.close(&mut store)?;
    }
    done(&mut store, end)
}

impl<T: Send + 'static> HostDescriptorWithStore<T> for HasHost {
    fn read_via_stream(
        mut store: Access<'_, T, Self>,
        this: Resource<Descriptor>,
        offset: u64,
    ) -> Result<(StreamReader<u8>, FutureReader<Done>)> {
        let getter = store.getter();
        let host = store.get();
        let descriptor = host.table.get(&this)?;
        let readable = descriptor.flags.contains(p2::DescriptorFlags::READ);
        let fd = descriptor.fd.clone();
        let (told, end) = oneshot::channel();
        let held = held(host)?;
        let mut reading = Reading::new(fd, offset, getter, told, held);
        if !readable {
            reading.refuse(ErrorCode::BadDescriptor);
        }
        let reader = StreamReader::new(&mut store, reading)?;
        Ok((reader, done(&mut store, end)?))
    }

    fn write_via_stream(
        store: Access<'_, T, Self>,
        this: Resource<Descriptor>,
        data: StreamReader<u8>,
        offset: u64,
    ) -> Result<FutureReader<Done>> {
        write(store, &this, data, Some(offset))
    }

    fn append_via_stream(
        store: Access<'_, T, Self>,
        this: Resource<Descriptor>,
        data: StreamReader<u8>,
    ) -> Result<FutureReader<Done>> {
        write(store, &this, data, None)
    }

    fn read_directory(
        mut store: Access<'_, T, Self>,
        this: Resource<Descriptor>,
    ) -> Result<(StreamReader<DirectoryEntry>, FutureReader<Done>)> {
        let getter = store.getter();
        let host = store.get();
        let fd = host.table.get(&this)?.fd.clone();
        let (told, end) = oneshot::channel();
        let held = held(host)?;
        let listing = Listing::new(fd, getter, told, held);
        let reader = StreamReader::new(&mut store, listing)?;
        Ok((reader, done(&mut store, end)?))
    }

    async fn advise(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        offset: u64,
        length: u64,
        advice: Advice,
    ) -> FileResult<()> {
        let advice = old_advice(advice);
        call(store, |host| host.advise_call(&this, offset, length, advice), |_| Ok(())).await
    }

    async fn sync_data(store: &Accessor<T, Self>, this: Resource<Descriptor>) -> FileResult<()> {
        let of = |host: &mut Host| Ok(FileCall::new(Function::FdDatasync, [host.fd(&this)?]));
        call(store, of, |_| Ok(())).await
    }

    async fn get_flags(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
    ) -> FileResult<DescriptorFlags> {
        let flags =
            store.with(|mut access| Ok::<_, Error>(access.get().table.get(&this)?.flags))?;
        let none = DescriptorFlags::empty();
        let set = FLAGS.iter().filter(|(old, _)| flags.contains(*old));
        Ok(set.fold(none, |all, (_, new)| all | *new))
    }

    async fn get_type(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
    ) -> FileResult<DescriptorType> {
        let of = |host: &mut Host| Ok(host.stat_call(host.fd(&this)? as u32));
        call(store, of, |host| Ok(descriptor_type(host.stat_found().kind))).await
    }

    async fn set_size(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        size: u64,
    ) -> FileResult<()> {
        let of = |host: &mut Host| {
            Ok(FileCall::new(Function::FdFilestatSetSize, [host.fd(&this)?, size]))
        };
        call(store, of, |_| Ok(())).await
    }

    async fn set_times(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FileResult<()> {
        let (accessed, modified) = (old_timestamp(accessed)?, old_timestamp(modified)?);
        call(store, |host| host.times_call(&this, accessed, modified), |_| Ok(())).await
    }

    async fn sync(store: &Accessor<T, Self>, this: Resource<Descriptor>) -> FileResult<()> {
        let of = |host: &mut Host| Ok(FileCall::new(Function::FdSync, [host.fd(&this)?]));
        call(store, of, |_| Ok(())).await
    }

    async fn create_directory_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        path: String,
    ) -> FileResult<()> {
        let function = Function::PathCreateDirectory;
        call(store, |host| host.at_path_call(function, &this, &path), |_| Ok(())).await
    }

    async fn stat(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
    ) -> FileResult<DescriptorStat> {
        let of = |host: &mut Host| Ok(host.stat_call(host.fd(&this)? as u32));
        call(store, of, |host| Ok(stat_of(host.stat_found()))).await
    }

    async fn stat_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FileResult<DescriptorStat> {
        let of = |host: &mut Host| host.path_stat_call(&this, at(path_flags, &path));
        call(store, of, |host| Ok(stat_of(host.stat_found()))).await
    }

    async fn set_times_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FileResult<()> {
        let (accessed, modified) = (old_timestamp(accessed)?, old_timestamp(modified)?);
        let of = |host: &mut Host| {
            host.path_times_call(&this, at(path_flags, &path), accessed, modified)
        };
        call(store, of, |_| Ok(())).await
    }

    async fn link_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        old_path_flags: PathFlags,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> FileResult<()> {
        let of = |host: &mut Host| {
            host.link_call(&this, at(old_path_flags, &old_path), &new_descriptor, &new_path)
        };
        call(store, of, |_| Ok(())).await
    }

    async fn open_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FileResult<Resource<Descriptor>> {
        let (opening, flags) = (old_open_flags(open_flags), old_flags(flags));
        let of = |host: &mut Host| host.open_call(&this, at(path_flags, &path), opening, flags);
        call(store, of, |host| {
            let descriptor = host.opened(flags);
            Ok(host.table.push(descriptor)?)
        })
        .await
    }

    async fn readlink_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        path: String,
    ) -> FileResult<String> {
        let of = |host: &mut Host| host.readlink_call(&this, &path);
        call(store, of, |host| host.link_target(path.len())).await
    }

    async fn remove_directory_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        path: String,
    ) -> FileResult<()> {
        let function = Function::PathRemoveDirectory;
        call(store, |host| host.at_path_call(function, &this, &path), |_| Ok(())).await
    }

    async fn rename_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> FileResult<()> {
        let of = |host: &mut Host| host.rename_call(&this, &old_path, &new_descriptor, &new_path);
        call(store, of, |_| Ok(())).await
    }

    async fn symlink_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        old_path: String,
        new_path: String,
    ) -> FileResult<()> {
        call(store, |host| host.symlink_call(&this, &old_path, &new_path), |_| Ok(())).await
    }

    async fn unlink_file_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        path: String,
    ) -> FileResult<()> {
        let function = Function::PathUnlinkFile;
        call(store, |host| host.at_path_call(function, &this, &path), |_| Ok(())).await
    }

    async fn is_same_object(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> Result<bool> {
        let mut ids = [(0, 0); 2];
        for (id, descriptor) in ids.iter_mut().zip([&this, &other]) {
            let of = |host: &mut Host| Ok(host.stat_call(host.fd(descriptor)? as u32));
            let found = call(store, of, |host| Ok(host.stat_found())).await;
            match found {
                Ok(stat) => *id = (stat.device, stat.inode),
                Err(FileError::Trap(error)) => return Err(error),
                Err(FileError::Code(_)) => return Ok(false),
            }
        }
        Ok(ids[0] == ids[1])
    }

    async fn metadata_hash(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
    ) -> FileResult<MetadataHashValue> {
        let of = |host: &mut Host| Ok(host.stat_call(host.fd(&this)? as u32));
        call(store, of, |host| Ok(hash_of(host.stat_found()))).await
    }

    async fn metadata_hash_at(
        store: &Accessor<T, Self>,
        this: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FileResult<MetadataHashValue> {
        let of = |host: &mut Host| host.path_stat_call(&this, at(path_flags, &path));
        call(store, of, |host| Ok(hash_of(host.stat_found()))).await
    }
}
