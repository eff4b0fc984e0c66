// SPDX-License-Identifier: Apache-2.0
//! File operations of WASI 0.3, one a line: the language of the crate `files`, so that one table of
//! operations and answers serves both. What 0.3 has no operation for is missing (`read-stream` and
//! the like do with streams what 0.2 does with `pread` and `pwrite`).

use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::clocks::system_clock::Instant;
use wasip3::filesystem::preopens::get_directories;
use wasip3::filesystem::types::{
    Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, NewTimestamp,
    OpenFlags, PathFlags,
};
use wasip3::wit_bindgen::{FutureReader, StreamReader, StreamResult};
use wasip3::wit_stream;

const PIECE: usize = 64 * 1024;

/// "ErrorCode::HttpRequestDenied(…)" as "http-request-denied".
pub fn error_name(error: &impl core::fmt::Debug) -> String {
    let shown = format!("{error:?}");
    let name = shown
        .split_once("::")
        .map_or(shown.as_str(), |(_, name)| name);
    let mut kebab = String::new();
    for c in name.chars().take_while(|c| c.is_ascii_alphanumeric()) {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(c.to_ascii_lowercase());
    }
    kebab
}

/// The next piece; none at the end.
pub async fn next(stream: &mut StreamReader<u8>) -> Option<Vec<u8>> {
    match stream.read(Vec::with_capacity(PIECE)).await {
        (StreamResult::Complete(_), bytes) => Some(bytes),
        (_, bytes) if !bytes.is_empty() => Some(bytes),
        _ => None,
    }
}

pub async fn read_all(stream: &mut StreamReader<u8>) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(bytes) = next(stream).await {
        all.extend_from_slice(&bytes);
    }
    all
}

/// Why an operation gave no value: the name of the host's error code, or words of our own.
struct Failure(String);

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Self {
        Failure(error_name(&code))
    }
}

impl From<&str> for Failure {
    fn from(words: &str) -> Self {
        Failure(words.to_owned())
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
    pub async fn answer(&mut self, line: &str) -> String {
        let answer = match match line.strip_prefix("soon ") {
            Some(again) => self.soon(again).await,
            None => self.run(line).await,
        } {
            Ok(value) if value.is_empty() => "ok".to_owned(),
            Ok(value) => format!("ok {value}"),
            Err(Failure(words)) => words,
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

    async fn open(&self, path: String, open: &str, flags: &str) -> Result<Descriptor, Failure> {
        Ok(self
            .at()?
            .open_at(FOLLOW, path, open_flags(open)?, descriptor_flags(flags)?)
            .await?)
    }

    /// Once there is room, which may come back a moment after it was given up.
    async fn soon(&mut self, line: &str) -> Answer {
        for _ in 0..1000 {
            match self.run(line).await {
                Err(Failure(name)) if name == "insufficient-space" => wait_for(10_000_000).await,
                answer => return answer,
            }
        }
        self.run(line).await
    }

    async fn run(&mut self, line: &str) -> Answer {
        let words: Vec<&str> = line.split(' ').collect();
        let term = |index: usize| match words.get(index) {
            Some(&"-") => Ok(""),
            Some(word) => Ok(*word),
            None => Err(Failure::from("too few words")),
        };
        // The bindings of async functions take strings, not slices.
        let word = |index: usize| term(index).map(str::to_owned);
        // From the word at `index` to the end of the line.
        let rest = |index: usize| line.splitn(index + 1, ' ').nth(index).unwrap_or("");
        match words[0] {
            "preopens" => {
                let names: Vec<&str> = self.roots.iter().map(|(_, name)| name.as_str()).collect();
                Ok(names.join(" "))
            }
            "in" => {
                let name = term(1)?;
                let found = self.roots.iter().position(|(_, root)| root == name);
                self.base = found.ok_or("no such preopened folder")?;
                self.folder = None;
                Ok(String::new())
            }
            "cd" => {
                let flags = words.get(2).copied().unwrap_or("read,mutate-directory");
                self.folder = Some(self.open(word(1)?, "directory", flags).await?);
                Ok(String::new())
            }
            "open" => {
                self.file = None;
                self.file = Some(self.open(word(1)?, term(2)?, term(3)?).await?);
                Ok(String::new())
            }
            "open-nofollow" => {
                self.file = None;
                let (open, flags) = (open_flags(term(2)?)?, descriptor_flags(term(3)?)?);
                let at = self.at()?;
                self.file = Some(
                    at.open_at(PathFlags::empty(), word(1)?, open, flags)
                        .await?,
                );
                Ok(String::new())
            }
            "close" => {
                self.file = None;
                Ok(String::new())
            }
            // Streams.
            "read" => {
                let file = self.open(word(1)?, "-", "read").await?;
                read(file.read_via_stream(0)).await
            }
            "read-from" => {
                let file = self.open(word(1)?, "-", "read").await?;
                read(file.read_via_stream(number(term(2)?)?)).await
            }
            "write" => {
                let file = self.open(word(1)?, "create,truncate", "write").await?;
                write(rest(2).as_bytes().to_vec(), |data| {
                    file.write_via_stream(data, 0)
                })
                .await
            }
            "write-at" => {
                let file = self.open(word(1)?, "create", "write").await?;
                let offset = number(term(2)?)?;
                write(rest(3).as_bytes().to_vec(), |data| {
                    file.write_via_stream(data, offset)
                })
                .await
            }
            "append" => {
                let file = self.open(word(1)?, "create", "write").await?;
                write(rest(2).as_bytes().to_vec(), |data| {
                    file.append_via_stream(data)
                })
                .await
            }
            "fill" => {
                let file = self.open(word(1)?, "create,truncate", "write").await?;
                let size = number(term(2)?)?;
                let bytes = vec![b'x'; size as usize];
                write(bytes, |data| file.write_via_stream(data, 0)).await?;
                Ok(size.to_string())
            }
            // On what `open` opened.
            "read-stream" => read(self.file()?.read_via_stream(0)).await,
            "pwrite" => {
                let file = self.file()?;
                let offset = number(&word(1)?)?;
                let bytes = rest(2).as_bytes().to_vec();
                let size = bytes.len();
                write(bytes, |data| file.write_via_stream(data, offset)).await?;
                Ok(size.to_string())
            }
            "write-stream" => {
                let file = self.file()?;
                write(rest(1).as_bytes().to_vec(), |data| {
                    file.write_via_stream(data, 0)
                })
                .await
            }
            "append-stream" => {
                let file = self.file()?;
                write(rest(1).as_bytes().to_vec(), |data| {
                    file.append_via_stream(data)
                })
                .await
            }
            "fstat" => Ok(show(&self.file()?.stat().await?)),
            "get-flags" => Ok(flag_names(self.file()?.get_flags().await?)),
            "get-type" => Ok(type_name(&self.file()?.get_type().await?).to_owned()),
            "set-size" => done(self.file()?.set_size(number(term(1)?)?).await),
            "set-times" => done(
                self.file()?
                    .set_times(time(term(1)?)?, time(term(2)?)?)
                    .await,
            ),
            "sync" => done(self.file()?.sync().await),
            "sync-data" => done(self.file()?.sync_data().await),
            "advise" => done(self.file()?.advise(0, 0, Advice::Sequential).await),
            "hash" => {
                let hash = self.file()?.metadata_hash().await?;
                Ok(if (hash.lower, hash.upper) == (0, 0) {
                    "zero"
                } else {
                    ""
                }
                .to_owned())
            }
            "ls-open" => list(self.file()?).await,
            // By path.
            "ls" => {
                if term(1)?.is_empty() {
                    return list(self.at()?).await;
                }
                list(&self.open(word(1)?, "directory", "read").await?).await
            }
            "stat" => Ok(show(&self.at()?.stat_at(FOLLOW, word(1)?).await?)),
            "stat-nofollow" => Ok(show(
                &self.at()?.stat_at(PathFlags::empty(), word(1)?).await?,
            )),
            "times" => {
                let stat = self.at()?.stat_at(FOLLOW, word(1)?).await?;
                let seconds = |time: Option<Instant>| time.map_or(0, |time| time.seconds);
                let (access, change) =
                    (stat.data_access_timestamp, stat.data_modification_timestamp);
                Ok(format!("{} {}", seconds(access), seconds(change)))
            }
            "mkdir" => done(self.at()?.create_directory_at(word(1)?).await),
            "rmdir" => done(self.at()?.remove_directory_at(word(1)?).await),
            "unlink" => done(self.at()?.unlink_file_at(word(1)?).await),
            "rename" => {
                let at = self.at()?;
                done(at.rename_at(word(1)?, at, word(2)?).await)
            }
            // From the folder that is set to the root of another preopened folder.
            "rename-to" => {
                let to = self.root(term(2)?)?;
                done(self.at()?.rename_at(word(1)?, to, word(3)?).await)
            }
            "link" => {
                let at = self.at()?;
                done(at.link_at(PathFlags::empty(), word(1)?, at, word(2)?).await)
            }
            "link-follow" => {
                let at = self.at()?;
                done(at.link_at(FOLLOW, word(1)?, at, word(2)?).await)
            }
            "link-to" => {
                let to = self.root(term(2)?)?;
                done(
                    self.at()?
                        .link_at(PathFlags::empty(), word(1)?, to, word(3)?)
                        .await,
                )
            }
            "symlink" => done(self.at()?.symlink_at(word(1)?, word(2)?).await),
            "readlink" => Ok(self.at()?.readlink_at(word(1)?).await?),
            "set-times-at" => {
                let (access, change) = (time(term(2)?)?, time(term(3)?)?);
                done(
                    self.at()?
                        .set_times_at(FOLLOW, word(1)?, access, change)
                        .await,
                )
            }
            "same-hash" => {
                let one = self.at()?.metadata_hash_at(FOLLOW, word(1)?).await?;
                let other = self.at()?.metadata_hash_at(FOLLOW, word(2)?).await?;
                Ok(((one.lower, one.upper) == (other.lower, other.upper)).to_string())
            }
            "same-object" => {
                let one = self.open(word(1)?, "-", "read").await?;
                let other = self.open(word(2)?, "-", "read").await?;
                Ok(one.is_same_object(&other).await.to_string())
            }
            // As many open files as there can be, at most the given number.
            "open-many" => {
                let mut open = Vec::new();
                for _ in 0..number(term(2)?)? {
                    match self.open(word(1)?, "-", "read").await {
                        Ok(file) => open.push(file),
                        Err(Failure(words)) => return Ok(format!("until {words}")),
                    }
                }
                Ok(open.len().to_string())
            }
            other => Err(Failure(format!("no operation {other}"))),
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
        _ => NewTimestamp::Timestamp(Instant {
            seconds: number(word)? as i64,
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

fn type_name(kind: &DescriptorType) -> &'static str {
    match kind {
        DescriptorType::BlockDevice => "block-device",
        DescriptorType::CharacterDevice => "character-device",
        DescriptorType::Directory => "directory",
        DescriptorType::Fifo => "fifo",
        DescriptorType::SymbolicLink => "symbolic-link",
        DescriptorType::RegularFile => "regular-file",
        DescriptorType::Socket => "socket",
        DescriptorType::Other(_) => "unknown",
    }
}

/// A folder's size and links are the file system's own affair.
fn show(stat: &DescriptorStat) -> String {
    match &stat.type_ {
        DescriptorType::RegularFile => {
            format!("regular-file size={} links={}", stat.size, stat.link_count)
        }
        other => type_name(other).to_owned(),
    }
}

async fn list(folder: &Descriptor) -> Answer {
    let (entries, ended) = folder.read_directory();
    let mut names = Vec::new();
    for entry in entries.collect().await {
        names.push(format!("{}:{}", entry.name, type_name(&entry.type_)));
    }
    ended.await?;
    names.sort();
    Ok(names.join(" "))
}

/// The content as a literal if it is short, else its length.
async fn read(from: (StreamReader<u8>, FutureReader<Result<(), ErrorCode>>)) -> Answer {
    let (mut stream, ended) = from;
    let bytes = read_all(&mut stream).await;
    drop(stream);
    ended.await?;
    if bytes.len() > 200 {
        return Ok(format!("{} bytes", bytes.len()));
    }
    Ok(format!("{:?}", String::from_utf8_lossy(&bytes)))
}

async fn write(
    bytes: Vec<u8>,
    start: impl FnOnce(StreamReader<u8>) -> FutureReader<Result<(), ErrorCode>>,
) -> Answer {
    let (mut writer, data) = wit_stream::new();
    let written = start(data);
    let _ = writer.write_all(bytes).await;
    drop(writer);
    Ok(written.await.map(|()| String::new())?)
}
