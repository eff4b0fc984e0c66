//! wasi:sockets: every language's library imports it, no guest gets any. What would make a socket or
//! resolve a name says that access is denied; without a socket nothing else can be called.

use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Linker, Resource, ResourceAny, ResourceType, Val};
use wasmtime::{Engine, Result};

use crate::call::trap;
use crate::streams::{InputStream, IoError, OutputStream, Pollable};

const CREATORS: [&str; 3] = ["create-tcp-socket", "create-udp-socket", "resolve-addresses"];
const NEW_CREATORS: [&str; 2] = ["[static]tcp-socket.create", "[static]udp-socket.create"];
const NETWORK: &str = "instance-network";

/// A resource that exists only to be passed on.
struct Nothing;

/// The guest may have said that the function returns nothing.
fn give(results: &mut [Val], value: Val) -> Result<()> {
    let place = results.first_mut().ok_or_else(|| trap("a function of another type"))?;
    *place = value;
    Ok(())
}

/// As WASI 0.3 says it.
fn denied_variant() -> Val {
    Val::Result(Err(Some(Box::new(Val::Variant("access-denied".to_string(), None)))))
}

/// Defines one imported interface of wasi:sockets.
pub fn deny<T: Send + 'static>(
    linker: &mut Linker<T>,
    engine: &Engine,
    name: &str,
    interface: &ComponentInstance,
) -> Result<()> {
    let mut instance = linker.instance(name)?;
    for (item, ty) in interface.exports(engine) {
        match ty.ty {
            ComponentItem::Resource(_) => {
                // Said again here, a resource of wasi:io stays what it is, destructor and all.
                let ty = match item {
                    "pollable" => ResourceType::host::<Pollable>(),
                    "input-stream" => ResourceType::host::<InputStream>(),
                    "output-stream" => ResourceType::host::<OutputStream>(),
                    "error" => ResourceType::host::<IoError>(),
                    _ => ResourceType::host::<Nothing>(),
                };
                instance.resource(item, ty, |_, _| Ok(()))?;
            }
            // Of WASI 0.3.
            ComponentItem::ComponentFunc(function) if function.async_() => {
                instance.func_new_concurrent(item, |_, _, _, results| {
                    Box::pin(async move { give(results, denied_variant()) })
                })?;
            }
            ComponentItem::ComponentFunc(_) if NEW_CREATORS.contains(&item) => {
                instance.func_new(item, |_, _, _, results| give(results, denied_variant()))?;
            }
            ComponentItem::ComponentFunc(_) if CREATORS.contains(&item) => {
                instance.func_new(item, |_, _, _, results| {
                    let denied = Val::Enum("access-denied".to_string());
                    give(results, Val::Result(Err(Some(Box::new(denied)))))
                })?;
            }
            ComponentItem::ComponentFunc(_) if item == NETWORK => {
                instance.func_new(item, |mut store, _, _, results| {
                    let network = Resource::<Nothing>::new_own(0);
                    let network = ResourceAny::try_from_resource(network, &mut store)?;
                    give(results, Val::Resource(network))
                })?;
            }
            ComponentItem::ComponentFunc(_) => {
                instance.func_new(item, |_, _, _, _| Err(trap("there are no sockets")))?;
            }
            _ => {}
        }
    }
    Ok(())
}
