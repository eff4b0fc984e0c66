// SPDX-License-Identifier: Apache-2.0
//! The crate wasip2 has no wasi:config; the linker takes its description from config.wit.

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    println!("cargo::rerun-if-changed=config.wit");
    println!("cargo::rustc-link-arg-cdylib=--component-type={folder}/config.wit");
}
