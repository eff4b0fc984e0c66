//! Components before they are compiled: the core modules inside are made interruptible as those that
//! come alone are (bulk.rs), and what an instance takes of the host is said in the name of an
//! export, as handles.rs does it. A guest cannot see its own exports: nothing changes for it.

use std::borrow::Cow;

use wasm_encoder::{ComponentExportKind, ComponentExportSection, ComponentTypeSection, Encode};
use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind,
    ComponentTypeRef, Encoding, Instance, Parser, Payload, Validator, WasmFeatures,
};

use crate::bulk::{self, Refusal};
use crate::handles;
use crate::sections::{sections, Section, HEADER_BYTES};

const HOST_BYTES: &str = "godwit-host-bytes-n";
const STACKS: &str = "godwit-stacks-n";
const RESERVED: &str = "godwit-";
const CORE_MODULE_SECTION: u8 = 1;
const COMPONENT_SECTION: u8 = 4;
/// Of the host, for one instance: all of that is made in one go.
const MAX_HOST_BYTES: u64 = 16 << 20;
/// Components in components, in components, …
const MAX_DEPTH: u32 = 16;
/// What the engine keeps for one core instance and its lowered imports, at least.
const INSTANCE_BYTES: u64 = 4 << 10;

pub fn is_component(wasm: &[u8]) -> bool {
    Parser::is_component(wasm)
}

/// What `rewrite` found an instance to take besides its memories and tables.
pub fn host_bytes<'a>(exports: impl Iterator<Item = &'a str>) -> u64 {
    number(exports, HOST_BYTES)
}

/// Fibers that an instance may have at once: one for each component instance, inside of which a call
/// may wait (WASI 0.3).
pub fn stacks<'a>(exports: impl Iterator<Item = &'a str>) -> u64 {
    number(exports, STACKS)
}

fn number<'a>(mut exports: impl Iterator<Item = &'a str>, prefix: &str) -> u64 {
    exports.find_map(|name| name.strip_prefix(prefix)?.parse().ok()).unwrap_or_default()
}

/// Does it need the engine with an event loop? One does that speaks WASI 0.3, or uses what is valid
/// only there (streams, futures, asynchronous functions).
pub fn is_concurrent(features: WasmFeatures, wasm: &[u8]) -> bool {
    let names_it = |name: &str| name.starts_with("wasi:") && name.contains("@0.3.");
    Parser::new(0).parse_all(wasm).map_while(Result::ok).any(|payload| match payload {
        Payload::ComponentImportSection(imports) => {
            imports.into_iter().flatten().any(|import| names_it(import.name.name))
        }
        Payload::ComponentExportSection(exports) => {
            exports.into_iter().flatten().any(|export| names_it(export.name.name))
        }
        _ => false,
    }) || is_valid_only_with_async(features, wasm)
}

fn is_valid_only_with_async(features: WasmFeatures, wasm: &[u8]) -> bool {
    let is_valid = |features| Validator::new_with_features(features).validate_all(wasm).is_ok();
    !is_valid(features) && is_valid(features | WasmFeatures::CM_ASYNC)
}

/// The component to be compiled in its place.
pub fn rewrite(features: WasmFeatures, wasm: &[u8]) -> Result<Vec<u8>, Refusal> {
    let types = Validator::new_with_features(features).validate_all(wasm)?;
    let mut out = rewrite_modules(features, wasm, 0)?;
    let Size { bytes, instances } = measure(wasm, 0, largest_module(wasm, 0)?)?;
    if bytes > MAX_HOST_BYTES {
        return Err(Refusal::Unsupported(format!(
            "an instance takes {bytes} bytes of the host besides its memories, at most {MAX_HOST_BYTES}"
        )));
    }
    let mut types_section = ComponentTypeSection::new();
    types_section
        .function()
        .params(std::iter::empty::<(&str, wasm_encoder::ComponentValType)>())
        .result(None);
    append(&types_section, &mut out);
    let mut exports = ComponentExportSection::new();
    for name in [format!("{HOST_BYTES}{bytes}"), format!("{STACKS}{}", instances + 1)] {
        let ty = types.as_ref().component_type_count();
        exports.export(name, ComponentExportKind::Type, ty, None);
    }
    append(&exports, &mut out);
    Ok(out)
}

fn append(section: &impl wasm_encoder::ComponentSection, out: &mut Vec<u8>) {
    out.push(section.id());
    section.encode(out);
}

fn too_deep(depth: u32) -> Result<(), Refusal> {
    if depth > MAX_DEPTH {
        let text = format!("components are nested in more than {MAX_DEPTH} others");
        return Err(Refusal::Unsupported(text));
    }
    Ok(())
}

fn rewrite_modules(features: WasmFeatures, wasm: &[u8], depth: u32) -> Result<Vec<u8>, Refusal> {
    too_deep(depth)?;
    let mut out = Vec::with_capacity(wasm.len() + wasm.len() / 16);
    out.extend_from_slice(&wasm[..HEADER_BYTES]);
    for Section { id, whole, content } in sections(wasm)? {
        let inner = &wasm[content];
        let changed: Cow<'_, [u8]> = match id {
            CORE_MODULE_SECTION => bulk::rewrite(features, inner)?,
            COMPONENT_SECTION => Cow::Owned(rewrite_modules(features, inner, depth + 1)?),
            _ => {
                out.extend_from_slice(&wasm[whole]);
                continue;
            }
        };
        out.push(id);
        changed.encode(&mut out);
    }
    Ok(out)
}

/// What is instantiated how often: indices count what is defined here and what is aliased.
#[derive(Default)]
struct Found {
    modules: Vec<u64>,
    components: Vec<Size>,
    total: Size,
    largest: u64,
}

/// What an instance takes.
#[derive(Clone, Copy, Default)]
struct Size {
    /// Of the host.
    bytes: u64,
    /// Of components inside of it.
    instances: u64,
}

impl Found {
    fn instantiate(&mut self, one: Size) {
        let total = &mut self.total;
        total.bytes = total.bytes.saturating_add(one.bytes).saturating_add(INSTANCE_BYTES);
        total.instances = total.instances.saturating_add(one.instances);
    }

    /// Of one that is not known any better.
    fn most_of_a_component(&self) -> Size {
        let bytes = self.components.iter().map(|each| each.bytes).max().unwrap_or_default();
        let instances = self.components.iter().map(|each| each.instances).max();
        Size { bytes, instances: instances.unwrap_or_default() }
    }

    fn module(&self, index: u32) -> Size {
        let bytes = self.modules.get(index as usize).copied().unwrap_or(self.largest);
        Size { bytes, instances: 0 }
    }

    fn component(&self, index: u32) -> Size {
        let unknown = Size { bytes: self.largest, instances: 0 };
        let one = self.components.get(index as usize).copied().unwrap_or(unknown);
        Size { instances: one.instances.saturating_add(1), ..one }
    }
}

/// Of all core modules, however deep inside.
fn largest_module(wasm: &[u8], depth: u32) -> Result<u64, Refusal> {
    too_deep(depth)?;
    let mut largest = 0;
    for Section { id, content, .. } in sections(wasm)? {
        let inner = &wasm[content];
        largest = largest.max(match id {
            CORE_MODULE_SECTION => handles::all_host_bytes(inner)?,
            COMPONENT_SECTION => largest_module(inner, depth + 1)?,
            _ => 0,
        });
    }
    Ok(largest)
}

/// What an instance takes; a module that is taken from elsewhere counts as `largest`.
fn measure(wasm: &[u8], depth: u32, largest: u64) -> Result<Size, Refusal> {
    too_deep(depth)?;
    let mut found = Found { largest, ..Found::default() };
    let mut parser = Parser::new(0);
    let mut rest = wasm;
    // Never wants more: this is all there is.
    while let wasmparser::Chunk::Parsed { consumed, payload } = parser.parse(rest, true)? {
        rest = &rest[consumed..];
        let mut skipped = 0;
        match payload {
            Payload::ModuleSection { unchecked_range, .. } => {
                skipped = unchecked_range.len();
                found.modules.push(handles::all_host_bytes(&rest[..skipped])?);
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                skipped = unchecked_range.len();
                found.components.push(measure(&rest[..skipped], depth + 1, largest)?);
            }
            Payload::End(_) => break,
            other => note(&mut found, other, depth)?,
        }
        rest = &rest[skipped..];
        if rest.is_empty() {
            break;
        }
    }
    Ok(found.total)
}

fn note(found: &mut Found, payload: Payload<'_>, depth: u32) -> Result<(), Refusal> {
    match payload {
        Payload::Version { encoding: Encoding::Module, .. } => {
            return Err(Refusal::Invalid("a core module where a component was expected".into()))
        }
        Payload::InstanceSection(instances) => {
            for instance in instances {
                if let Instance::Instantiate { module_index, .. } = instance? {
                    found.instantiate(found.module(module_index));
                }
            }
        }
        Payload::ComponentInstanceSection(instances) => {
            for instance in instances {
                if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                    found.instantiate(found.component(component_index));
                }
            }
        }
        Payload::ComponentAliasSection(aliases) => {
            for alias in aliases {
                match alias? {
                    ComponentAlias::InstanceExport {
                        kind: ComponentExternalKind::Module, ..
                    }
                    | ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, .. } => {
                        found.modules.push(found.largest);
                    }
                    ComponentAlias::InstanceExport {
                        kind: ComponentExternalKind::Component,
                        ..
                    }
                    | ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, .. } => {
                        return Err(Refusal::Unsupported(
                            "a component that takes a component from another".to_string(),
                        ));
                    }
                    _ => {}
                }
            }
        }
        Payload::ComponentImportSection(imports) => {
            for import in imports {
                match import?.ty {
                    ComponentTypeRef::Module(_) => found.modules.push(found.largest),
                    ComponentTypeRef::Component(_) => {
                        return Err(Refusal::Unsupported(
                            "a component that takes a component from another".to_string(),
                        ));
                    }
                    _ => {}
                }
            }
        }
        Payload::ComponentExportSection(exports) => {
            for export in exports {
                let export = export?;
                if depth == 0 && export.name.name.starts_with(RESERVED) {
                    return Err(Refusal::Unsupported(format!(
                        "names of exports that begin with `{RESERVED}` are reserved"
                    )));
                }
                // What is exported has a new index besides.
                match export.kind {
                    ComponentExternalKind::Module => found.modules.push(found.largest),
                    ComponentExternalKind::Component => {
                        let most = found.most_of_a_component();
                        found.components.push(most);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Ok(())
}
