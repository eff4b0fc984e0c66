// SPDX-License-Identifier: Apache-2.0
//! File operations of WASI 0.2, one a line: what is asked, what the host answered.
//!
//! ```text
//! in /data                     paths are below this preopened folder (at first: the first one)
//! write a.txt hello            -> ok
//! open ../a - read             -> not-permitted
//! ```
//!
//! An answer is `ok`, `ok VALUE`, or the name of the error code. Words are separated by one blank;
//! the last word of `write`, `append` and `pwrite` goes to the end of the line. `-` is an empty word.
//! `soon LINE` repeats it while there is no space, for ten seconds at most.
//! The operations are the arms of `Files::run`.

use wasip2::clocks::wall_clock::Datetime;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{
    filesystem_error_code, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType,
    ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// Why an operation gave no value: the host's error code, or words of our own.
enum Failure {
    Code(ErrorCode),
    Words(String),
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Failure::Code(code)
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Closed => Failure::Words("closed".to_owned()),
            StreamError::LastOperationFailed(error) => match filesystem_error_code(&error) {
                Some(code) => Failure::Code(code),
                None => Failure::Words("stream failed".to_owned()),
            },
        }
    }
}

impl From<&str> for Failure {
    fn from(words: &str) -> Self {
        Failure::Words(words.to_owned())
    }
}

type Answer = Result<String, Failure>;

pub struct Files {
    roots: Vec<(Descriptor, String)>,
    base: usize,
    /// What `cd` opened; paths are then below it.
    folder: Option<Descriptor>,
    /// What `open` opened last.
    file: Option<Descriptor>,
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

impl Files {
    pub fn new() -> Self {
        Files {
            roots: get_directories(),
            base: 0,
            folder: None,
            file: None,
        }
    }

    /// "LINE -> ANSWER".
    pub fn answer(&mut self, line: &str) -> String {
        let answer = match self.run(line) {
            Ok(value) if value.is_empty() => "ok".to_owned(),
            Ok(value) => format!("ok {value}"),
            Err(Failure::Code(code)) => code.name().to_owned(),
            Err(Failure::Words(words)) => words,
        };
        format!("{line} -> {answer}")
    }

    fn at(&self) -> Result<&Descriptor, Failure> {
        match (&self.folder, self.roots.get(self.base)) {
            (Some(folder), _) => Ok(folder),
            (None, Some((root, _))) => Ok(root),
            (None, None) => Err("no preopened folder".into()),
        }
    }

    fn file(&self) -> Result<&Descriptor, Failure> {
        self.file.as_ref().ok_or_else(|| "nothing is open".into())
    }

    fn open(&self, path: &str, open: &str, flags: &str) -> Result<Descriptor, Failure> {
        Ok(self
            .at()?
            .open_at(FOLLOW, path, open_flags(open)?, descriptor_flags(flags)?)?)
    }

    /// Once there is room, which may come back a moment after it was given up.
    fn soon(&mut self, line: &str) -> Answer {
        for _ in 0..1000 {
            match self.run(line) {
                Err(Failure::Code(ErrorCode::InsufficientSpace)) => {
                    std::thread::sleep(std::time::Duration::from_millis(10))
                }
                answer => return answer,
            }
        }
        self.run(line)
    }

    fn run(&mut self, line: &str) -> Answer {
        if let Some(again) = line.strip_prefix("soon ") {
            return self.soon(again);
        }
        let words: Vec<&str> = line.split(' ').collect();
        let word = |index: usize| match words.get(index) {
            Some(&"-") => Ok(""),
            Some(word) => Ok(*word),
            None => Err(Failure::from("too few words")),
        };
        // From the word at `index` to the end of the line.
        let rest = |index: usize| line.splitn(index + 1, ' ').nth(index).unwrap_or("");
        match words[0] {
            "preopens" => {
                let names: Vec<&str> = self.roots.iter().map(|(_, name)| name.as_str()).collect();
                Ok(names.join(" "))
            }
            "in" => {
                let name = word(1)?;
                let found = self.roots.iter().position(|(_, root)| root == name);
                self.base = found.ok_or("no such preopened folder")?;
                self.folder = None;
                Ok(String::new())
            }
            "cd" => {
                let flags = words.get(2).copied().unwrap_or("read,mutate-directory");
                self.folder = Some(self.open(word(1)?, "directory", flags)?);
                Ok(String::new())
            }
            "open" => {
                self.file = None;
                self.file = Some(self.open(word(1)?, word(2)?, word(3)?)?);
                Ok(String::new())
            }
            "open-nofollow" => {
                self.file = None;
                let (open, flags) = (open_flags(word(2)?)?, descriptor_flags(word(3)?)?);
                let at = self.at()?;
                self.file = Some(at.open_at(PathFlags::empty(), word(1)?, open, flags)?);
                Ok(String::new())
            }
            "close" => {
                self.file = None;
                Ok(String::new())
            }
            // Streams.
            "read" => {
                let file = self.open(word(1)?, "-", "read")?;
                read_all(&file.read_via_stream(0)?)
            }
            "read-from" => {
                let file = self.open(word(1)?, "-", "read")?;
                read_all(&file.read_via_stream(number(word(2)?)?)?)
            }
            "write" => {
                let file = self.open(word(1)?, "create,truncate", "write")?;
                write_all(&file.write_via_stream(0)?, rest(2))
            }
            "write-at" => {
                let file = self.open(word(1)?, "create", "write")?;
                write_all(&file.write_via_stream(number(word(2)?)?)?, rest(3))
            }
            "append" => {
                let file = self.open(word(1)?, "create", "write")?;
                write_all(&file.append_via_stream()?, rest(2))
            }
            "fill" => {
                let file = self.open(word(1)?, "create,truncate", "write")?;
                fill(&file.write_via_stream(0)?, number(word(2)?)?)
            }
            // On what `open` opened.
            "pread" => {
                let (bytes, end) = self.file()?.read(number(word(1)?)?, number(word(2)?)?)?;
                let text = String::from_utf8_lossy(&bytes).escape_debug().to_string();
                Ok(format!("{text:?} end={end}"))
            }
            "pwrite" => {
                let size = self.file()?.write(rest(2).as_bytes(), number(word(1)?)?)?;
                Ok(size.to_string())
            }
            "read-stream" => read_all(&self.file()?.read_via_stream(0)?),
            "write-stream" => write_all(&self.file()?.write_via_stream(0)?, rest(1)),
            "append-stream" => write_all(&self.file()?.append_via_stream()?, rest(1)),
            "fstat" => Ok(show(&self.file()?.stat()?)),
            "get-flags" => Ok(flag_names(self.file()?.get_flags()?)),
            "get-type" => Ok(type_name(self.file()?.get_type()?).to_owned()),
            "set-size" => done(self.file()?.set_size(number(word(1)?)?)),
            "set-times" => done(self.file()?.set_times(time(word(1)?)?, time(word(2)?)?)),
            "sync" => done(self.file()?.sync()),
            "sync-data" => done(self.file()?.sync_data()),
            "advise" => done(self.file()?.advise(0, 0, Advice::Sequential)),
            "hash" => {
                let hash = self.file()?.metadata_hash()?;
                Ok(if (hash.lower, hash.upper) == (0, 0) {
                    "zero"
                } else {
                    ""
                }
                .to_owned())
            }
            "ls-open" => list(self.file()?),
            // By path.
            "ls" => {
                if word(1)?.is_empty() {
                    return list(self.at()?);
                }
                list(&self.open(word(1)?, "directory", "read")?)
            }
            "stat" => Ok(show(&self.at()?.stat_at(FOLLOW, word(1)?)?)),
            "stat-nofollow" => Ok(show(&self.at()?.stat_at(PathFlags::empty(), word(1)?)?)),
            "times" => {
                let stat = self.at()?.stat_at(FOLLOW, word(1)?)?;
                let seconds = |time: Option<Datetime>| time.map_or(0, |time| time.seconds);
                let (access, change) =
                    (stat.data_access_timestamp, stat.data_modification_timestamp);
                Ok(format!("{} {}", seconds(access), seconds(change)))
            }
            "mkdir" => done(self.at()?.create_directory_at(word(1)?)),
            "rmdir" => done(self.at()?.remove_directory_at(word(1)?)),
            "unlink" => done(self.at()?.unlink_file_at(word(1)?)),
            "rename" => {
                let at = self.at()?;
                done(at.rename_at(word(1)?, at, word(2)?))
            }
            // From the folder that is set to the root of another preopened folder.
            "rename-to" => {
                let to = self.root(word(2)?)?;
                done(self.at()?.rename_at(word(1)?, to, word(3)?))
            }
            "link" => {
                let at = self.at()?;
                done(at.link_at(PathFlags::empty(), word(1)?, at, word(2)?))
            }
            "link-follow" => {
                let at = self.at()?;
                done(at.link_at(FOLLOW, word(1)?, at, word(2)?))
            }
            "link-to" => {
                let to = self.root(word(2)?)?;
                done(
                    self.at()?
                        .link_at(PathFlags::empty(), word(1)?, to, word(3)?),
                )
            }
            "symlink" => done(self.at()?.symlink_at(word(1)?, word(2)?)),
            "readlink" => Ok(self.at()?.readlink_at(word(1)?)?),
            "set-times-at" => {
                let (access, change) = (time(word(2)?)?, time(word(3)?)?);
                done(self.at()?.set_times_at(FOLLOW, word(1)?, access, change))
            }
            "same-hash" => {
                let one = self.at()?.metadata_hash_at(FOLLOW, word(1)?)?;
                let other = self.at()?.metadata_hash_at(FOLLOW, word(2)?)?;
                Ok(((one.lower, one.upper) == (other.lower, other.upper)).to_string())
            }
            "same-object" => {
                let one = self.open(word(1)?, "-", "read")?;
                let other = self.open(word(2)?, "-", "read")?;
                Ok(one.is_same_object(&other).to_string())
            }
            // As many open files as there can be, at most the given number.
            "open-many" => {
                let mut open = Vec::new();
                for _ in 0..number(word(2)?)? {
                    match self.open(word(1)?, "-", "read") {
                        Ok(file) => open.push(file),
                        Err(Failure::Code(code)) => return Ok(format!("until {}", code.name())),
                        Err(failure) => return Err(failure),
                    }
                }
                Ok(open.len().to_string())
            }
            other => Err(Failure::Words(format!("no operation {other}"))),
        }
    }

    fn root(&self, name: &str) -> Result<&Descriptor, Failure> {
        let found = self.roots.iter().find(|(_, root)| root == name);
        found
            .map(|(root, _)| root)
            .ok_or_else(|| "no such preopened folder".into())
    }
}

const FOLLOW: PathFlags = PathFlags::SYMLINK_FOLLOW;

fn done(result: Result<(), ErrorCode>) -> Answer {
    Ok(result.map(|()| String::new())?)
}

fn number(word: &str) -> Result<u64, Failure> {
    word.parse().map_err(|_| "not a number".into())
}

/// `now`, `keep`, or seconds since 1970.
fn time(word: &str) -> Result<NewTimestamp, Failure> {
    Ok(match word {
        "now" => NewTimestamp::Now,
        "keep" => NewTimestamp::NoChange,
        _ => NewTimestamp::Timestamp(Datetime {
            seconds: number(word)?,
            nanoseconds: 0,
        }),
    })
}

fn open_flags(names: &str) -> Result<OpenFlags, Failure> {
    let mut flags = OpenFlags::empty();
    for name in names
        .split(',')
        .filter(|name| !name.is_empty() && *name != "-")
    {
        flags |= match name {
            "create" => OpenFlags::CREATE,
            "directory" => OpenFlags::DIRECTORY,
            "exclusive" => OpenFlags::EXCLUSIVE,
            "truncate" => OpenFlags::TRUNCATE,
            _ => return Err("no such open flag".into()),
        };
    }
    Ok(flags)
}

fn descriptor_flags(names: &str) -> Result<DescriptorFlags, Failure> {
    let mut flags = DescriptorFlags::empty();
    for name in names
        .split(',')
        .filter(|name| !name.is_empty() && *name != "-")
    {
        flags |= match name {
            "read" => DescriptorFlags::READ,
            "write" => DescriptorFlags::WRITE,
            "file-integrity-sync" => DescriptorFlags::FILE_INTEGRITY_SYNC,
            "data-integrity-sync" => DescriptorFlags::DATA_INTEGRITY_SYNC,
            "requested-write-sync" => DescriptorFlags::REQUESTED_WRITE_SYNC,
            "mutate-directory" => DescriptorFlags::MUTATE_DIRECTORY,
            _ => return Err("no such descriptor flag".into()),
        };
    }
    Ok(flags)
}

fn flag_names(flags: DescriptorFlags) -> String {
    let names = flags
        .iter_names()
        .map(|(name, _)| name.to_lowercase().replace('_', "-"));
    names.collect::<Vec<_>>().join(",")
}

fn type_name(kind: DescriptorType) -> &'static str {
    match kind {
        DescriptorType::Unknown => "unknown",
        DescriptorType::BlockDevice => "block-device",
        DescriptorType::CharacterDevice => "character-device",
        DescriptorType::Directory => "directory",
        DescriptorType::Fifo => "fifo",
        DescriptorType::SymbolicLink => "symbolic-link",
        DescriptorType::RegularFile => "regular-file",
        DescriptorType::Socket => "socket",
    }
}

/// A folder's size and links are the file system's own affair.
fn show(stat: &DescriptorStat) -> String {
    match stat.type_ {
        DescriptorType::RegularFile => {
            format!("regular-file size={} links={}", stat.size, stat.link_count)
        }
        other => type_name(other).to_owned(),
    }
}

fn list(folder: &Descriptor) -> Answer {
    let entries = folder.read_directory()?;
    let mut names = Vec::new();
    while let Some(entry) = entries.read_directory_entry()? {
        names.push(format!("{}:{}", entry.name, type_name(entry.type_)));
    }
    names.sort();
    Ok(names.join(" "))
}

/// The content as a literal if it is short, else its length.
fn read_all(stream: &InputStream) -> Answer {
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(64 * 1024) {
            Ok(more) => bytes.extend_from_slice(&more),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(error.into()),
        }
    }
    if bytes.len() > 200 {
        return Ok(format!("{} bytes", bytes.len()));
    }
    Ok(format!("{:?}", String::from_utf8_lossy(&bytes)))
}

fn write_all(stream: &OutputStream, text: &str) -> Answer {
    for piece in text.as_bytes().chunks(4096) {
        stream.blocking_write_and_flush(piece)?;
    }
    Ok(String::new())
}

/// Writes so many bytes, or as many as there is room for.
fn fill(stream: &OutputStream, size: u64) -> Answer {
    let piece = [b'x'; 4096];
    let mut written = 0;
    while written < size {
        let length = (size - written).min(4096);
        stream.blocking_write_and_flush(&piece[..length as usize])?;
        written += length;
    }
    Ok(written.to_string())
}
