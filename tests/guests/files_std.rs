// What Rust's standard library says of files, checked from inside: every failed check prints its
// line. The first argument is a folder that may be written and is empty. Compiled for the host and
// run on a folder there it must find nothing either: that is the check of the checks.
//
//   files_std /tmp/work      →  "50 checks, 0 failures"

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[derive(Default)]
struct Checks {
    done: u32,
    failed: u32,
}

impl Checks {
    fn is(&mut self, passed: bool, what: &str) {
        self.done += 1;
        if !passed {
            self.failed += 1;
            println!("failed: {what}");
        }
    }

    fn ok<T>(&mut self, result: std::io::Result<T>, what: &str) -> Option<T> {
        self.is(
            result.is_ok(),
            &format!("{what}: {:?}", result.as_ref().err()),
        );
        result.ok()
    }

    fn fails<T>(&mut self, result: std::io::Result<T>, kind: ErrorKind, what: &str) {
        let found = result.err().map(|error| error.kind());
        self.is(
            found == Some(kind),
            &format!("{what}: {found:?}, expected {kind:?}"),
        );
    }
}

fn whole_files(checks: &mut Checks, root: &Path) {
    let path = root.join("whole.txt");
    checks.ok(fs::write(&path, "first\nsecond\n"), "write");
    checks.is(
        fs::read_to_string(&path).is_ok_and(|text| text == "first\nsecond\n"),
        "read back",
    );
    let copy = root.join("copy.txt");
    checks.is(fs::copy(&path, &copy).is_ok_and(|size| size == 13), "copy");
    checks.is(
        fs::read(&copy).is_ok_and(|bytes| bytes.len() == 13),
        "read the copy",
    );
    if let Some(file) = checks.ok(File::open(&path), "open") {
        let lines: Vec<String> = BufReader::new(file).lines().map_while(Result::ok).collect();
        checks.is(lines == ["first", "second"], "lines");
    }
    checks.ok(fs::remove_file(&path), "remove");
    checks.ok(fs::remove_file(&copy), "remove the copy");
    checks.fails(fs::read(&path), ErrorKind::NotFound, "removed");
}

fn positions(checks: &mut Checks, root: &Path) {
    let path = root.join("positions");
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path);
    let Some(mut file) = checks.ok(opened, "create_new") else {
        return;
    };
    let again = OpenOptions::new().write(true).create_new(true).open(&path);
    checks.fails(again, ErrorKind::AlreadyExists, "create_new again");
    checks.ok(file.write_all(b"0123456789"), "write_all");
    checks.is(
        file.seek(SeekFrom::End(-4)).is_ok_and(|at| at == 6),
        "seek from the end",
    );
    let mut four = [0; 4];
    checks.ok(file.read_exact(&mut four), "read_exact");
    checks.is(&four == b"6789", "what stands there");
    checks.is(
        file.stream_position().is_ok_and(|at| at == 10),
        "stream_position",
    );
    checks.fails(
        file.seek(SeekFrom::Current(-11)),
        ErrorKind::InvalidInput,
        "before the start",
    );
    checks.ok(file.set_len(3), "set_len");
    checks.is(
        file.metadata().is_ok_and(|info| info.len() == 3),
        "its length",
    );
    checks.ok(file.rewind(), "rewind");
    let mut text = String::new();
    checks.is(
        file.read_to_string(&mut text).is_ok() && text == "012",
        "the rest",
    );
    checks.ok(file.sync_all(), "sync_all");
    checks.ok(file.sync_data(), "sync_data");
    drop(file);
    if let Some(mut log) = checks.ok(OpenOptions::new().append(true).open(&path), "append") {
        checks.ok(log.write_all(b"!"), "append to it");
    }
    checks.is(
        fs::read(&path).is_ok_and(|bytes| bytes == b"012!"),
        "appended",
    );
    let truncating = OpenOptions::new().write(true).truncate(true).open(&path);
    checks.ok(truncating, "truncate");
    checks.is(
        fs::metadata(&path).is_ok_and(|info| info.len() == 0),
        "truncated",
    );
    checks.ok(fs::remove_file(&path), "remove");
}

fn folders(checks: &mut Checks, root: &Path) {
    let deep = root.join("a/b/c/d");
    checks.ok(fs::create_dir_all(&deep), "create_dir_all");
    checks.fails(
        fs::create_dir(&deep),
        ErrorKind::AlreadyExists,
        "create_dir again",
    );
    for i in 0..30 {
        checks.ok(fs::write(deep.join(format!("file-{i}")), [i]), "write");
    }
    let mut names: Vec<PathBuf> = Vec::new();
    if let Some(entries) = checks.ok(fs::read_dir(&deep), "read_dir") {
        for entry in entries.flatten() {
            checks.is(
                entry.file_type().is_ok_and(|kind| kind.is_file()),
                "file_type",
            );
            names.push(entry.path());
        }
    }
    names.sort();
    names.dedup();
    checks.is(names.len() == 30, "all of them, once");
    // The library has no name for this error of WASI's.
    checks.is(
        fs::remove_dir(&deep).is_err(),
        "remove_dir of a full folder",
    );
    checks.ok(fs::rename(root.join("a"), root.join("moved")), "rename");
    checks.is(root.join("moved/b/c/d/file-29").exists(), "it moved");
    checks.is(!root.join("a").exists(), "and is gone");
    checks.ok(fs::remove_dir_all(root.join("moved")), "remove_dir_all");
    checks.is(
        fs::read_dir(root).is_ok_and(|left| left.count() == 0),
        "nothing is left",
    );
}

fn attributes(checks: &mut Checks, root: &Path) {
    let path = root.join("attributes");
    checks.ok(fs::write(&path, "12345"), "write");
    if let Some(info) = checks.ok(fs::metadata(&path), "metadata") {
        checks.is(info.is_file() && info.len() == 5, "a file of 5 bytes");
        let age = info
            .modified()
            .ok()
            .and_then(|time| SystemTime::now().duration_since(time).ok());
        checks.is(
            age.is_none_or(|age| age < Duration::from_secs(300)),
            "made just now",
        );
    }
    checks.is(
        fs::metadata(root).is_ok_and(|info| info.is_dir()),
        "the folder is one",
    );
    let other = root.join("other-name");
    checks.ok(fs::hard_link(&path, &other), "hard_link");
    checks.ok(fs::remove_file(&path), "remove the first name");
    checks.is(
        fs::read(&other).is_ok_and(|bytes| bytes == b"12345"),
        "the other name",
    );
    checks.ok(fs::remove_file(&other), "remove the other");
    checks.fails(
        fs::metadata(root.join("no/where")),
        ErrorKind::NotFound,
        "no such folder",
    );
    checks.fails(
        fs::read_dir(root.join("no")),
        ErrorKind::NotFound,
        "no such folder to read",
    );
}

fn main() {
    let root = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    let mut checks = Checks::default();
    whole_files(&mut checks, &root);
    positions(&mut checks, &root);
    folders(&mut checks, &root);
    attributes(&mut checks, &root);
    println!("{} checks, {} failures", checks.done, checks.failed);
    std::process::exit(i32::from(checks.failed != 0));
}
