//! Finds the WIT files of WASI 0.2 and 0.3, which are those of the guests' own crates, and writes
//! bindings.rs: the bindings of src/bindings.rs.in with the folders' absolute paths.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    let template = manifest.join("src/bindings.rs.in");
    println!("cargo::rerun-if-changed={}", template.display());
    println!("cargo::rerun-if-changed=Cargo.toml");
    let packages = packages(&manifest);
    let mut text = fs::read_to_string(template).unwrap();
    for name in ["wasip2", "wasip3"] {
        let wit = folder_of(&packages, name).join("wit");
        assert!(wit.is_dir(), "{} has no WIT files", wit.display());
        text = text.replace(&format!("{{{name}}}"), wit.to_str().unwrap());
    }
    fs::write(out.join("bindings.rs"), text).unwrap();
}

/// What cargo knows of all packages of the lock file, as JSON.
fn packages(manifest: &Path) -> String {
    let output = Command::new(env::var_os("CARGO").unwrap())
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .current_dir(manifest)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The folder of the package of that name: the text has its Cargo.toml as
/// `"manifest_path":"…/wasip2-2.0.1/Cargo.toml"`.
fn folder_of(packages: &str, name: &str) -> PathBuf {
    let marker = "\"manifest_path\":\"";
    packages
        .split(marker)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|manifest| Path::new(manifest).parent().unwrap())
        .find(|folder| {
            let folder = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            folder.strip_prefix(name).is_some_and(|version| version.starts_with('-'))
        })
        .unwrap_or_else(|| panic!("cargo knows no package {name}"))
        .to_path_buf()
}
