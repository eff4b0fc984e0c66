// File operations of WASI preview 1, one a line of the standard input: what is asked, what the host
// answered. The language and the names of the errors are those of tests/components/files, so that one
// table holds for core modules and for components; each operation is the calls of preview 1 that
// come nearest, made without a library in between.
//
//   write a.txt hello   ->   "write a.txt hello -> ok"

mod preview1_calls;

use std::io::BufRead;
use std::time::Duration;

use preview1_calls::*;

enum Failure {
    Code(Errno),
    Words(&'static str),
}

type Answer = Result<String, Failure>;

fn check(errno: Errno) -> Result<(), Failure> {
    match errno {
        0 => Ok(()),
        errno => Err(Failure::Code(errno)),
    }
}

fn done(errno: Errno) -> Answer {
    check(errno).map(|()| String::new())
}

/// An open file, closed at the end.
struct Open(Fd);

impl Drop for Open {
    fn drop(&mut self) {
        unsafe { fd_close(self.0) };
    }
}

struct Files {
    roots: Vec<(Fd, String)>,
    base: usize,
    folder: Option<Open>,
    file: Option<Open>,
}

impl Files {
    fn new() -> Self {
        let mut roots = Vec::new();
        for fd in 3.. {
            let mut stat = [0; 2];
            if unsafe { fd_prestat_get(fd, &mut stat) } != 0 {
                break;
            }
            let mut name = vec![0; stat[1] as usize];
            unsafe { fd_prestat_dir_name(fd, name.as_mut_ptr(), name.len()) };
            roots.push((fd, String::from_utf8_lossy(&name).into_owned()));
        }
        Files {
            roots,
            base: 0,
            folder: None,
            file: None,
        }
    }

    fn answer(&mut self, line: &str) -> String {
        let answer = match self.run(line) {
            Ok(value) if value.is_empty() => "ok".to_owned(),
            Ok(value) => format!("ok {value}"),
            Err(Failure::Code(errno)) => error_name(errno),
            Err(Failure::Words(words)) => words.to_owned(),
        };
        format!("{line} -> {answer}")
    }

    fn at(&self) -> Result<Fd, Failure> {
        match (&self.folder, self.roots.get(self.base)) {
            (Some(folder), _) => Ok(folder.0),
            (None, Some((root, _))) => Ok(*root),
            (None, None) => Err(Failure::Words("no preopened folder")),
        }
    }

    fn root(&self, name: &str) -> Result<usize, Failure> {
        let found = self.roots.iter().position(|(_, root)| root == name);
        found.ok_or(Failure::Words("no such preopened folder"))
    }

    fn file(&self) -> Result<Fd, Failure> {
        let file = self
            .file
            .as_ref()
            .ok_or(Failure::Words("nothing is open"))?;
        Ok(file.0)
    }

    fn open(&self, path: &str, open: &str, flags: &str) -> Result<Open, Failure> {
        open_at(self.at()?, FOLLOW, path, open, flags, 0)
    }

    /// What changes which descriptor is meant; None if the line is no such operation.
    fn choose(&mut self, line: &Line) -> Result<Option<String>, Failure> {
        match line.verb() {
            "preopens" => {
                let names: Vec<&str> = self.roots.iter().map(|(_, name)| name.as_str()).collect();
                return Ok(Some(names.join(" ")));
            }
            "in" => {
                self.base = self.root(line.word(1)?)?;
                self.folder = None;
            }
            "cd" => self.folder = Some(self.open(line.word(1)?, "directory", "read")?),
            "open" | "open-nofollow" => {
                self.file = None;
                let follow = u32::from(line.verb() == "open");
                let (path, open, flags) = (line.word(1)?, line.word(2)?, line.word(3)?);
                self.file = Some(open_at(self.at()?, follow, path, open, flags, 0)?);
            }
            "close" => self.file = None,
            _ => return Ok(None),
        }
        Ok(Some(String::new()))
    }

    fn run(&mut self, text: &str) -> Answer {
        if let Some(again) = text.strip_prefix("soon ") {
            return self.soon(again);
        }
        let line = Line(text);
        if let Some(answer) = self.choose(&line)? {
            return Ok(answer);
        }
        match line.verb() {
            "read" | "read-from" | "write" | "write-at" | "append" | "fill" => self.bytes(&line),
            "ls" | "stat" | "stat-nofollow" | "times" | "readlink" | "same-hash"
            | "same-object" | "open-many" => self.look(&line),
            "mkdir" | "rmdir" | "unlink" | "rename" | "rename-to" | "link" | "link-follow"
            | "link-to" | "symlink" | "set-times-at" => self.change(&line),
            _ => self.on_file(&line),
        }
    }

    /// Once there is room, which may come back a moment after it was given up; ten seconds at most.
    fn soon(&mut self, text: &str) -> Answer {
        for _ in 0..1000 {
            match self.run(text) {
                Err(Failure::Code(NO_SPACE)) => std::thread::sleep(Duration::from_millis(10)),
                answer => return answer,
            }
        }
        self.run(text)
    }

    /// Bytes of a file that is named.
    fn bytes(&self, line: &Line) -> Answer {
        let path = line.word(1)?;
        match line.verb() {
            "read" => read_all(self.open(path, "-", "read")?.0, 0),
            "read-from" => read_all(self.open(path, "-", "read")?.0, number(line.word(2)?)?),
            "write" => {
                let file = self.open(path, "create,truncate", "write")?;
                write_all(file.0, 0, line.rest(2).as_bytes())
            }
            "write-at" => {
                let file = self.open(path, "create", "write")?;
                write_all(file.0, number(line.word(2)?)?, line.rest(3).as_bytes())
            }
            "append" => {
                let file = open_at(self.at()?, FOLLOW, path, "create", "write", APPEND)?;
                append_all(file.0, line.rest(2).as_bytes())
            }
            _ => {
                let file = self.open(path, "create,truncate", "write")?;
                let size = number(line.word(2)?)?;
                for offset in (0..size).step_by(4096) {
                    let piece = vec![b'x'; (size - offset).min(4096) as usize];
                    write_all(file.0, offset, &piece)?;
                }
                Ok(size.to_string())
            }
        }
    }

    /// What there is, by name.
    fn look(&self, line: &Line) -> Answer {
        let path = line.word(1)?;
        match line.verb() {
            "ls" if path.is_empty() => list(self.at()?),
            "ls" => list(self.open(path, "directory", "read")?.0),
            "stat" => Ok(show(&stat_at(self.at()?, FOLLOW, path)?)),
            "stat-nofollow" => Ok(show(&stat_at(self.at()?, 0, path)?)),
            "times" => {
                let stat = stat_at(self.at()?, FOLLOW, path)?;
                let second = 1_000_000_000;
                Ok(format!(
                    "{} {}",
                    stat.accessed / second,
                    stat.modified / second
                ))
            }
            "readlink" => {
                let (mut target, mut used) = (vec![0; 4096], 0);
                let (out, room) = (target.as_mut_ptr(), target.len());
                let at = self.at()?;
                check(unsafe {
                    path_readlink(at, path.as_ptr(), path.len(), out, room, &mut used)
                })?;
                Ok(String::from_utf8_lossy(&target[..used]).into_owned())
            }
            "same-hash" => {
                let one = stat_at(self.at()?, FOLLOW, path)?;
                let other = stat_at(self.at()?, FOLLOW, line.word(2)?)?;
                Ok(((one.device, one.inode) == (other.device, other.inode)).to_string())
            }
            "same-object" => {
                let one = stat(self.open(path, "-", "read")?.0)?;
                let other = stat(self.open(line.word(2)?, "-", "read")?.0)?;
                Ok(((one.device, one.inode) == (other.device, other.inode)).to_string())
            }
            _ => {
                let mut open = Vec::new();
                for _ in 0..number(line.word(2)?)? {
                    match self.open(path, "-", "read") {
                        Ok(file) => open.push(file),
                        Err(Failure::Code(errno)) => {
                            return Ok(format!("until {}", error_name(errno)))
                        }
                        Err(failure) => return Err(failure),
                    }
                }
                Ok(open.len().to_string())
            }
        }
    }

    /// Names made, moved and taken away.
    fn change(&self, line: &Line) -> Answer {
        let (at, one) = (self.at()?, line.word(1)?);
        let (address, size) = (one.as_ptr(), one.len());
        match line.verb() {
            "mkdir" => return done(unsafe { path_create_directory(at, address, size) }),
            "rmdir" => return done(unsafe { path_remove_directory(at, address, size) }),
            "unlink" => return done(unsafe { path_unlink_file(at, address, size) }),
            "set-times-at" => {
                let (accessed, first) = time(line.word(2)?, 1)?;
                let (modified, second) = time(line.word(3)?, 4)?;
                let which = first | second;
                return done(unsafe {
                    path_filestat_set_times(at, FOLLOW, address, size, accessed, modified, which)
                });
            }
            _ => {}
        }
        // The other folder, if it is another one, stands before the other path.
        let (to, other) = match line.verb() {
            "rename-to" | "link-to" => (self.roots[self.root(line.word(2)?)?].0, line.word(3)?),
            _ => (at, line.word(2)?),
        };
        let (new, new_size) = (other.as_ptr(), other.len());
        done(match line.verb() {
            "rename" | "rename-to" => unsafe { path_rename(at, address, size, to, new, new_size) },
            "symlink" => unsafe { path_symlink(address, size, at, new, new_size) },
            verb => {
                let follow = u32::from(verb == "link-follow");
                unsafe { path_link(at, follow, address, size, to, new, new_size) }
            }
        })
    }

    /// Operations on what `open` opened.
    fn on_file(&self, line: &Line) -> Answer {
        match line.verb() {
            "pread" => {
                let (size, offset) = (number(line.word(1)?)?, number(line.word(2)?)?);
                let bytes = read_once(self.file()?, offset, size as usize)?;
                let text = String::from_utf8_lossy(&bytes).escape_debug().to_string();
                // Preview 1 tells the end of a file by giving nothing.
                Ok(format!("{text:?} end={}", bytes.is_empty() && size > 0))
            }
            "pwrite" => {
                let offset = number(line.word(1)?)?;
                let bytes = line.rest(2).as_bytes();
                Ok(write_once(self.file()?, offset, bytes)?.to_string())
            }
            "read-stream" => read_all(self.file()?, 0),
            "write-stream" => write_all(self.file()?, 0, line.rest(1).as_bytes()),
            "append-stream" => {
                check(unsafe { fd_fdstat_set_flags(self.file()?, APPEND) })?;
                let answer = append_all(self.file()?, line.rest(1).as_bytes());
                check(unsafe { fd_fdstat_set_flags(self.file()?, 0) })?;
                answer
            }
            "fstat" => Ok(show(&stat(self.file()?)?)),
            "get-flags" => {
                let mut stat = FdStat::default();
                check(unsafe { fd_fdstat_get(self.file()?, &mut stat) })?;
                let named = [(FD_READ, "read"), (FD_WRITE, "write")];
                let held = named.iter().filter(|(right, _)| stat.rights & right != 0);
                Ok(held.map(|(_, name)| *name).collect::<Vec<_>>().join(","))
            }
            "get-type" => Ok(type_name(stat(self.file()?)?.kind).to_owned()),
            "set-size" => {
                let size = number(line.word(1)?)?;
                done(unsafe { fd_filestat_set_size(self.file()?, size) })
            }
            "set-times" => {
                let (accessed, first) = time(line.word(1)?, 1)?;
                let (modified, second) = time(line.word(2)?, 4)?;
                let which = first | second;
                done(unsafe { fd_filestat_set_times(self.file()?, accessed, modified, which) })
            }
            "sync" => done(unsafe { fd_sync(self.file()?) }),
            "sync-data" => done(unsafe { fd_datasync(self.file()?) }),
            "advise" => done(unsafe { fd_advise(self.file()?, 0, 0, 1) }),
            "hash" => {
                let stat = stat(self.file()?)?;
                let none = (stat.device, stat.inode) == (0, 0);
                Ok(if none { "zero" } else { "" }.to_owned())
            }
            "ls-open" => list(self.file()?),
            _ => Err(Failure::Words("no such operation")),
        }
    }
}

/// Words separated by one blank; `-` is an empty one.
struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    fn verb(&self) -> &'a str {
        self.0.split(' ').next().unwrap_or("")
    }

    fn word(&self, index: usize) -> Result<&'a str, Failure> {
        match self.0.split(' ').nth(index) {
            Some("-") => Ok(""),
            Some(word) => Ok(word),
            None => Err(Failure::Words("too few words")),
        }
    }

    /// From the word at `index` to the end.
    fn rest(&self, index: usize) -> &'a str {
        self.0.splitn(index + 1, ' ').nth(index).unwrap_or("")
    }
}

fn number(word: &str) -> Result<u64, Failure> {
    word.parse().map_err(|_| Failure::Words("not a number"))
}

/// `now`, `keep`, or seconds since 1970: the time, and the flag that sets it. `set` is the flag for
/// a given time; the next one is for now.
fn time(word: &str, set: u16) -> Result<(u64, u16), Failure> {
    Ok(match word {
        "now" => (0, set << 1),
        "keep" => (0, 0),
        _ => (number(word)? * 1_000_000_000, set),
    })
}

/// The bits of a list of names, by its place in `names`.
fn bits(list: &str, names: &[&str]) -> Result<u64, Failure> {
    let mut found = 0;
    for name in list.split(',').filter(|name| !matches!(*name, "" | "-")) {
        let place = names.iter().position(|known| *known == name);
        found |= 1 << place.ok_or(Failure::Words("no such flag"))?;
    }
    Ok(found)
}

fn open_at(
    at: Fd,
    follow: u32,
    path: &str,
    open: &str,
    flags: &str,
    fd_flags: u16,
) -> Result<Open, Failure> {
    let open = bits(open, &["create", "directory", "exclusive", "truncate"])? as u16;
    let wanted = bits(flags, &["read", "write"])?;
    let mut rights = ALL & !(FD_READ | FD_WRITE | WRITING);
    if wanted & 1 != 0 {
        rights |= FD_READ;
    }
    if wanted & 2 != 0 {
        rights |= FD_WRITE | WRITING;
    }
    let mut fd = 0;
    let (address, size) = (path.as_ptr(), path.len());
    check(unsafe {
        path_open(
            at, follow, address, size, open, rights, ALL, fd_flags, &mut fd,
        )
    })?;
    Ok(Open(fd))
}

fn stat(fd: Fd) -> Result<FileStat, Failure> {
    let mut found = FileStat::default();
    check(unsafe { fd_filestat_get(fd, &mut found) })?;
    Ok(found)
}

fn stat_at(at: Fd, follow: u32, path: &str) -> Result<FileStat, Failure> {
    let mut found = FileStat::default();
    check(unsafe { path_filestat_get(at, follow, path.as_ptr(), path.len(), &mut found) })?;
    Ok(found)
}

fn type_name(kind: u8) -> &'static str {
    match kind {
        1 => "block-device",
        2 => "character-device",
        3 => "directory",
        4 => "regular-file",
        5 | 6 => "socket",
        7 => "symbolic-link",
        _ => "unknown",
    }
}

/// A folder's size and links are the file system's own affair.
fn show(stat: &FileStat) -> String {
    match stat.kind {
        4 => format!("regular-file size={} links={}", stat.size, stat.links),
        kind => type_name(kind).to_owned(),
    }
}

fn list(folder: Fd) -> Answer {
    const HEAD: usize = 24;
    let (mut names, mut cookie) = (Vec::new(), 0);
    loop {
        let (mut block, mut used) = (vec![0u8; 4096], 0);
        let (out, room) = (block.as_mut_ptr(), block.len());
        check(unsafe { fd_readdir(folder, out, room, cookie, &mut used) })?;
        let mut left = &block[..used];
        while left.len() >= HEAD {
            let size = u32::from_le_bytes(left[16..20].try_into().unwrap()) as usize;
            if left.len() < HEAD + size {
                break; // cut: it comes again
            }
            cookie = u64::from_le_bytes(left[..8].try_into().unwrap());
            let name = String::from_utf8_lossy(&left[HEAD..HEAD + size]);
            if name != "." && name != ".." {
                names.push(format!("{name}:{}", type_name(left[20])));
            }
            left = &left[HEAD + size..];
        }
        if used < room {
            break;
        }
    }
    names.sort();
    Ok(names.join(" "))
}

fn read_once(fd: Fd, offset: u64, size: usize) -> Result<Vec<u8>, Failure> {
    let (mut bytes, mut read) = (vec![0; size], 0);
    let piece = Piece {
        address: bytes.as_mut_ptr(),
        size,
    };
    check(unsafe { fd_pread(fd, &piece, 1, offset, &mut read) })?;
    bytes.truncate(read);
    Ok(bytes)
}

fn write_once(fd: Fd, offset: u64, bytes: &[u8]) -> Result<usize, Failure> {
    let piece = Piece {
        address: bytes.as_ptr(),
        size: bytes.len(),
    };
    let mut written = 0;
    check(unsafe { fd_pwrite(fd, &piece, 1, offset, &mut written) })?;
    Ok(written)
}

/// The content as a literal if it is short, else its length.
fn read_all(fd: Fd, mut offset: u64) -> Answer {
    let mut bytes = Vec::new();
    loop {
        let more = read_once(fd, offset, 64 * 1024)?;
        if more.is_empty() {
            break;
        }
        offset += more.len() as u64;
        bytes.extend_from_slice(&more);
    }
    if bytes.len() > 200 {
        return Ok(format!("{} bytes", bytes.len()));
    }
    Ok(format!("{:?}", String::from_utf8_lossy(&bytes)))
}

fn write_all(fd: Fd, mut offset: u64, mut bytes: &[u8]) -> Answer {
    while !bytes.is_empty() {
        let written = write_once(fd, offset, bytes)?;
        if written == 0 {
            return Err(Failure::Words("nothing is written"));
        }
        offset += written as u64;
        bytes = &bytes[written..];
    }
    Ok(String::new())
}

fn append_all(fd: Fd, mut bytes: &[u8]) -> Answer {
    while !bytes.is_empty() {
        let piece = Piece {
            address: bytes.as_ptr(),
            size: bytes.len(),
        };
        let mut written = 0;
        check(unsafe { fd_write(fd, &piece, 1, &mut written) })?;
        if written == 0 {
            return Err(Failure::Words("nothing is written"));
        }
        bytes = &bytes[written..];
    }
    Ok(String::new())
}

fn main() {
    let mut files = Files::new();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        println!("{}", files.answer(&line));
    }
}
