//! What guests call. README.md of the bridge says what is where.

pub mod bindings {
    #![allow(clippy::all)]
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}
pub mod call;
pub mod cli;
pub mod commitment;
pub mod fields;
mod file_calls;
pub mod files;
pub mod host;
pub mod incoming;
pub mod outbound_head;
pub mod outgoing;
pub mod p2;
pub mod p3;
pub mod preview1;
mod reuse;
pub mod run;
pub mod sockets;
pub mod streams;
pub mod types;
mod words;
