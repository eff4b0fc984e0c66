//! The Rust half of the Wasmtime engine. README.md says what this is; abi.rs is all that C++ sees.

pub mod abi;
mod account;
mod bulk;
mod component;
mod engine;
mod engines;
mod error;
mod handles;
mod host;
mod instance;
mod limiter;
mod module;
mod nested;
mod outcome;
mod sandboxes;
mod sections;
mod shed;
mod text;
mod trim;
pub mod types;
