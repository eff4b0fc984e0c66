//! The C ABI's functions: with types.rs everything that C++ sees. cbindgen makes
//! include/godwit_bridge.h from these two files (tools/check_bridge_header.sh).
//!
//! Rules: every entry point catches panics; no C++ exception and no Rust panic crosses. Pointers
//! are borrowed for the call unless their comment says otherwise. What a function hands out is
//! freed by the function that its comment names.

use std::ffi::c_void;
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;

use godwit_hosts::call::{Binding, HostState};
use godwit_hosts::host::Callbacks;
use wasmtime::{Engine, ValType};

use crate::engine::Settings;
use crate::engines::Engines;
use crate::error::{Failure, Outcome};
use crate::host::{HostFunction, MAX_PARAMETERS};
use crate::instance::{HostSide, Instance};
use crate::module::{Limits, Loaded};
use crate::types::*;

/// An engine. Any thread may use it. godwit_engine_free.
pub struct GodwitEngine(Engines);
/// A loaded module. Any thread may use it. godwit_module_free.
pub struct GodwitModule(Arc<Loaded>);
/// One sandbox and its run. For the thread that made it. godwit_instance_free.
pub struct GodwitInstance(Instance);

impl From<Vec<u8>> for GodwitBytes {
    fn from(bytes: Vec<u8>) -> GodwitBytes {
        if bytes.is_empty() {
            return GodwitBytes { data: std::ptr::null_mut(), size: 0 };
        }
        let bytes: &mut [u8] = Box::leak(bytes.into_boxed_slice());
        GodwitBytes { data: bytes.as_mut_ptr(), size: bytes.len() }
    }
}

/// # Safety
/// As GodwitSpan::bytes.
unsafe fn text<'a>(span: GodwitSpan) -> Outcome<&'a str> {
    // SAFETY: the contract of this function.
    std::str::from_utf8(unsafe { span.bytes() })
        .map_err(|_| Failure::new(GodwitStatus::TextMalformed, "1:1: the text is not valid UTF-8"))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(str::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic".to_string())
}

/// Runs `body`; a panic becomes a Failure of status Internal.
fn guarded<T>(body: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    catch_unwind(AssertUnwindSafe(body))
        .unwrap_or_else(|panic| Err(Failure::new(GodwitStatus::Internal, panic_text(&*panic))))
}

/// Hands a failure's text to the caller.
///
/// # Safety
/// `error` is valid for writing.
unsafe fn report(failure: Failure, error: *mut GodwitBytes) -> GodwitStatus {
    // SAFETY: the contract of this function.
    unsafe { error.write(failure.text.into_bytes().into()) };
    failure.status
}

/// Moves a result to where the caller wants it.
///
/// # Safety
/// `out` and `error` are valid for writing.
unsafe fn deliver<T>(result: Outcome<T>, out: *mut T, error: *mut GodwitBytes) -> GodwitStatus {
    match result {
        Ok(value) => {
            // SAFETY: the contract of this function.
            unsafe { out.write(value) };
            GodwitStatus::Ok
        }
        // SAFETY: the contract of this function.
        Err(failure) => unsafe { report(failure, error) },
    }
}

/// Frees what another function handed out; once. `bytes` may be empty.
///
/// # Safety
/// `bytes` came from this library and has not been freed.
#[no_mangle]
pub unsafe extern "C" fn godwit_bytes_free(bytes: GodwitBytes) {
    if !bytes.data.is_null() {
        let slice = std::ptr::slice_from_raw_parts_mut(bytes.data, bytes.size);
        // SAFETY: made by Box::leak of a boxed slice of this length (GodwitBytes::from).
        drop(unsafe { Box::from_raw(slice) });
    }
}

/// Makes an engine (`*out`: godwit_engine_free). On failure `*error` is its text.
///
/// # Safety
/// All pointers are valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_engine_new(
    config: *const GodwitEngineConfig,
    out: *mut *mut GodwitEngine,
    error: *mut GodwitBytes,
) -> GodwitStatus {
    // SAFETY: the caller's `config` is valid for this call.
    let config = unsafe { &*config };
    let settings = Settings {
        pooled: config.pooled,
        instances: config.instances,
        host_stack_bytes: config.host_stack_bytes,
        memory_keep_resident_bytes: config.memory_keep_resident_bytes,
        table_keep_resident_bytes: config.table_keep_resident_bytes,
        parallel_compilation: config.parallel_compilation,
    };
    let result = guarded(|| {
        Engines::new(&settings).map(|engines| Box::into_raw(Box::new(GodwitEngine(engines))))
    });
    // SAFETY: the caller's `out` and `error` are valid.
    unsafe { deliver(result, out, error) }
}

/// Frees an engine. Its modules and instances may live on; their memory goes with the last of them.
///
/// # Safety
/// `engine` came from godwit_engine_new and is not used again.
#[no_mangle]
pub unsafe extern "C" fn godwit_engine_free(engine: *mut GodwitEngine) {
    // SAFETY: the contract of this function.
    let engine = unsafe { Box::from_raw(engine) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(engine)));
}

/// What an artifact must match, to be hashed: Wasmtime's version, settings, CPU features; equal in
/// every process where they are. godwit_bytes_free.
///
/// # Safety
/// `engine` is valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_engine_fingerprint(engine: *const GodwitEngine) -> GodwitBytes {
    // SAFETY: the contract of this function.
    let engine = unsafe { &*engine };
    catch_unwind(AssertUnwindSafe(|| crate::engine::fingerprint(&engine.0.first)))
        .unwrap_or_default()
        .into()
}

/// One tick of the clock that ends time slices.
///
/// # Safety
/// `engine` is valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_engine_increment_epoch(engine: *const GodwitEngine) {
    // SAFETY: the contract of this function. An atomic increment: it cannot panic.
    unsafe { &*engine }.0.increment_epoch();
}

/// Instances of the engine that exist now.
///
/// # Safety
/// `engine` is valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_engine_live_instances(engine: *const GodwitEngine) -> u64 {
    // SAFETY: the contract of this function.
    let engine = unsafe { &*engine };
    catch_unwind(AssertUnwindSafe(|| engine.0.live_instances())).unwrap_or(u64::MAX)
}

/// Bytes that unused sandboxes of the engine's pool keep resident; an estimate.
///
/// # Safety
/// `engine` is valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_engine_idle_bytes(engine: *const GodwitEngine) -> u64 {
    // SAFETY: the contract of this function.
    let engine = unsafe { &*engine };
    catch_unwind(AssertUnwindSafe(|| engine.0.idle_bytes())).unwrap_or_default()
}

/// Gives back to the operating system what unused memories of the engine keep resident, save a few.
/// REQUIRES: nobody makes instances in it any more (those that exist may run on); `instances` is
/// what the engine was made with.
///
/// # Safety
/// `engine` is valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_engine_release_idle(engine: *const GodwitEngine, instances: u32) {
    // SAFETY: the contract of this function.
    let engine = unsafe { &*engine };
    // What is not given back here goes with the engine.
    let _ = guarded(|| engine.0.release_idle(instances));
}

/// Compiles a binary module. `*out` (godwit_bytes_free) is the artifact, or on failure the reason.
/// Malformed, UnsupportedFeature, CompileFailed, Internal.
///
/// # Safety
/// All pointers are valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_engine_compile(
    engine: *const GodwitEngine,
    wasm: GodwitSpan,
    out: *mut GodwitBytes,
) -> GodwitStatus {
    // SAFETY: the contract of this function.
    let (engine, wasm) = unsafe { (&*engine, wasm.bytes()) };
    let result = guarded(|| crate::engine::compile(&engine.0, wasm)).map(GodwitBytes::from);
    // SAFETY: the caller's `out` is valid; it takes the artifact or the text.
    unsafe { deliver(result, out, out) }
}

/// To be called once by a thread before it runs instances: makes what a thread needs (its signal
/// stack) at once instead of in the first run.
#[no_mangle]
pub extern "C" fn godwit_thread_prepare() {
    let _ = catch_unwind(Engine::tls_eager_initialize);
}

/// Maps an artifact and resolves the module's imports. `*out`: godwit_module_free. On failure
/// `*error` is its text: ArtifactInvalid, UnknownImport, ImportSignature, MemoryMinimum,
/// UnsupportedFeature, Internal.
/// `fd` is borrowed (it is duplicated). It is an immutable file of exactly `size` bytes whose
/// content came from godwit_engine_compile and has been verified: IT WILL BE EXECUTED.
/// `functions` is read during the call; each row's `function` outlives the module.
///
/// # Safety
/// As above; all pointers are valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_module_load(
    engine: *const GodwitEngine,
    fd: i32,
    size: u64,
    functions: *const GodwitHostFunction,
    function_count: usize,
    call: GodwitHostCall,
    limits: GodwitLimits,
    out: *mut *mut GodwitModule,
    error: *mut GodwitBytes,
) -> GodwitStatus {
    // SAFETY: the contract of this function.
    let engine = unsafe { &*engine };
    let limits = Limits { memory_bytes: limits.memory_bytes, detail_bytes: limits.detail_bytes };
    let result = guarded(|| {
        // SAFETY: the contract of this function.
        let functions = unsafe { read_functions(functions, function_count, call) }?;
        // SAFETY: `fd` is open for the call.
        let code = unsafe { duplicate(fd, size) }?;
        let loaded = crate::module::load(&engine.0, code, &functions, limits)?;
        Ok(Box::into_raw(Box::new(GodwitModule(loaded))))
    });
    // SAFETY: the caller's `out` and `error` are valid.
    unsafe { deliver(result, out, error) }
}

/// # Safety
/// `fd` is open for the call.
unsafe fn duplicate(fd: i32, size: u64) -> Outcome<File> {
    let invalid = |text: String| Failure::new(GodwitStatus::ArtifactInvalid, text);
    if fd < 0 {
        return Err(invalid("the artifact has no file descriptor".to_string()));
    }
    // SAFETY: the descriptor stays the caller's: ManuallyDrop does not close it.
    let borrowed = ManuallyDrop::new(unsafe { File::from_raw_fd(fd) });
    let file = borrowed.try_clone().map_err(|e| invalid(e.to_string()))?;
    let found = file.metadata().map_err(|e| invalid(e.to_string()))?.len();
    if found != size || size == 0 {
        return Err(invalid(format!("the artifact has {found} bytes, expected are {size}")));
    }
    Ok(file)
}

/// # Safety
/// `functions` points to `count` valid rows.
unsafe fn read_functions(
    functions: *const GodwitHostFunction,
    count: usize,
    call: GodwitHostCall,
) -> Outcome<Vec<HostFunction>> {
    let mut table = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: the contract of this function.
        let row = unsafe { &*functions.add(index) };
        // SAFETY: the spans of a valid row are valid.
        let (module, name, parameters, results) = unsafe {
            (text(row.module)?, text(row.name)?, row.parameters.bytes(), row.results.bytes())
        };
        if parameters.len() > MAX_PARAMETERS || results.len() > 1 {
            let text = format!("host function {module}.{name} has too many parameters or results");
            return Err(Failure::new(GodwitStatus::Internal, text));
        }
        table.push(HostFunction {
            module: module.to_string(),
            name: name.to_string(),
            parameters: parameters.iter().map(value_type).collect::<Outcome<_>>()?,
            result: results.first().map(value_type).transpose()?,
            may_wait: row.may_wait,
            binding: Binding { call, function: row.function },
        });
    }
    Ok(table)
}

fn value_type(number: &u8) -> Outcome<ValType> {
    match number {
        0 => Ok(ValType::I32),
        1 => Ok(ValType::I64),
        2 => Ok(ValType::F32),
        3 => Ok(ValType::F64),
        _ => Err(Failure::new(GodwitStatus::Internal, "a host function has an unknown value type")),
    }
}

/// Places of the engine's pool that an instance takes: its memories or its tables, at least one.
///
/// # Safety
/// `module` is valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_module_places(module: *const GodwitModule) -> u32 {
    // SAFETY: the contract of this function.
    unsafe { &*module }.0.places
}

/// Frees a module. Its instances may live on.
///
/// # Safety
/// `module` came from godwit_module_load and is not used again.
#[no_mangle]
pub unsafe extern "C" fn godwit_module_free(module: *mut GodwitModule) {
    // SAFETY: the contract of this function.
    let module = unsafe { Box::from_raw(module) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(module)));
}

/// Makes a fresh sandbox (`*out`: godwit_instance_free) for the exported function `entry` of type
/// () -> (), of a component for its "wasi:http/handler" or "wasi:cli/run" of any version.
/// `host_state` is handed to host functions and outlives the instance; with null, any
/// host call traps. `component_host` (static) and the context for it are what a component calls;
/// null for core modules. No instruction of the guest runs yet. `account` (copied; its context outlives
/// the instance) is charged with what the instance commits, null: nobody counts. What it was
/// charged with is released when the run is over (small ones), or with the instance. On failure `*error` is its text: Overloaded (also when
/// the account refuses what the instance begins with), NoEntry, Internal. `keep` (components only): a
/// request that ended well ends in Rested instead of Done, and the next resume begins another in
/// the same sandbox; `host_state` and the component's context then serve that one.
///
/// # Safety
/// All pointers are valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_instance_new(
    module: *const GodwitModule,
    host_state: *mut c_void,
    component_host: *const GodwitComponentHost,
    component_context: *mut c_void,
    account: *const GodwitMemoryAccount,
    entry: GodwitSpan,
    keep: bool,
    out: *mut *mut GodwitInstance,
    error: *mut GodwitBytes,
) -> GodwitStatus {
    // SAFETY: the contract of this function.
    let module = unsafe { &*module };
    let result = guarded(|| {
        // SAFETY: the contract of this function. What is not UTF-8 names no export.
        let entry = unsafe { text(entry) }
            .map_err(|_| Failure::new(GodwitStatus::NoEntry, "the entry's name is not UTF-8"))?;
        // SAFETY: null, or valid for this call.
        let account = unsafe { account.as_ref() }.copied();
        // SAFETY: null, or static (the contract of this function).
        let callbacks = unsafe { component_host.as_ref() }
            .map(|functions| Callbacks { functions, context: component_context });
        let host = HostSide { state: HostState(host_state), callbacks };
        let instance = Instance::new(&module.0, host, account, entry, keep)?;
        Ok(Box::into_raw(Box::new(GodwitInstance(instance))))
    });
    // SAFETY: the caller's `out` and `error` are valid.
    unsafe { deliver(result, out, error) }
}

/// Runs the guest until it ends, waits, or its time slice is over. After Done a small sandbox (4 MiB)
/// has gone back to the pool.
///
/// # Safety
/// `instance` is valid and used by this thread alone.
#[no_mangle]
pub unsafe extern "C" fn godwit_instance_resume(instance: *mut GodwitInstance) -> GodwitProgress {
    // SAFETY: the contract of this function.
    let instance = unsafe { &mut *instance };
    match catch_unwind(AssertUnwindSafe(|| instance.0.resume())) {
        Ok(progress) => progress,
        Err(panic) => {
            let text = panic_text(&*panic);
            let _ = catch_unwind(AssertUnwindSafe(|| instance.0.fail(&text)));
            GodwitProgress::Done
        }
    }
}

/// Gives back to the operating system about `bytes` of what the guest has in its memories, so that
/// godwit_instance_free is quick; false when nothing is left to give. The guest is never resumed
/// after this.
///
/// # Safety
/// `instance` is valid, used by this thread alone, and not inside a resume.
#[no_mangle]
pub unsafe extern "C" fn godwit_instance_shed(instance: *mut GodwitInstance, bytes: u64) -> bool {
    // SAFETY: the contract of this function.
    let instance = unsafe { &mut *instance };
    catch_unwind(AssertUnwindSafe(|| instance.0.shed(bytes))).unwrap_or_default()
}

/// Moves the outcome to `*out` (its detail: godwit_bytes_free); once, after resume said Done.
///
/// # Safety
/// Both pointers are valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_instance_take_outcome(
    instance: *mut GodwitInstance,
    out: *mut GodwitOutcome,
) {
    // SAFETY: the contract of this function.
    let outcome = unsafe { &mut *instance }.0.take_outcome();
    let outcome = outcome.unwrap_or_else(|| crate::outcome::RunOutcome::defect("no outcome"));
    let outcome = GodwitOutcome {
        kind: outcome.kind as u8,
        trap: outcome.trap as u8,
        exit_code: outcome.exit_code,
        detail: outcome.detail.into_bytes().into(),
    };
    // SAFETY: the contract of this function.
    unsafe { out.write(outcome) };
}

/// Bytes of memories and tables that the guest has; the last figure once the run is over.
///
/// # Safety
/// `instance` is valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_instance_memory_bytes(instance: *const GodwitInstance) -> u64 {
    // SAFETY: the contract of this function.
    unsafe { &*instance }.0.memory_bytes()
}

/// Ends the run, wherever it stands, and frees the sandbox. No instruction of the guest runs.
///
/// # Safety
/// `instance` came from godwit_instance_new, is not inside a resume, and is not used again.
#[no_mangle]
pub unsafe extern "C" fn godwit_instance_free(instance: *mut GodwitInstance) {
    // SAFETY: the contract of this function.
    let instance = unsafe { Box::from_raw(instance) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(instance)));
}

/// WebAssembly text to binary. `*out` (godwit_bytes_free) is the binary, or on failure the reason,
/// which starts with "LINE:COLUMN: ". TextMalformed, Internal.
///
/// # Safety
/// All pointers are valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_text_to_binary(
    text: GodwitSpan,
    out: *mut GodwitBytes,
) -> GodwitStatus {
    let result = guarded(|| {
        // SAFETY: the contract of this function.
        let text = unsafe { self::text(text) }?;
        crate::text::text_to_binary(text)
    });
    // SAFETY: the caller's `out` is valid; it takes the binary or the text.
    unsafe { deliver(result.map(GodwitBytes::from), out, out) }
}

/// A binary module or component as text. `*out` (godwit_bytes_free) is the text (UTF-8), or on
/// failure the reason. Malformed, Internal.
///
/// # Safety
/// All pointers are valid.
#[no_mangle]
pub unsafe extern "C" fn godwit_binary_to_text(
    wasm: GodwitSpan,
    out: *mut GodwitBytes,
) -> GodwitStatus {
    let result = guarded(|| {
        // SAFETY: the contract of this function.
        let wasm = unsafe { wasm.bytes() };
        crate::text::binary_to_text(wasm)
    });
    // SAFETY: the caller's `out` is valid; it takes the text or the reason.
    unsafe { deliver(result.map(|text| text.into_bytes().into()), out, out) }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn boxed(instance: Instance) -> *mut GodwitInstance {
        Box::into_raw(Box::new(GodwitInstance(instance)))
    }

    #[test]
    fn a_panic_becomes_a_failure() {
        let failure = guarded::<()>(|| panic!("what {}", "happened")).unwrap_err();
        assert_eq!(failure.status, GodwitStatus::Internal);
        assert_eq!(failure.text, "what happened");
    }

    #[test]
    fn bytes_are_handed_out_and_taken_back() {
        for size in [0, 1, 100_000] {
            let bytes = GodwitBytes::from(vec![7; size]);
            assert_eq!((bytes.size, bytes.data.is_null()), (size, size == 0));
            // SAFETY: made above, freed once.
            unsafe { godwit_bytes_free(bytes) };
        }
    }

    #[test]
    fn a_text_reaches_the_caller_whether_right_or_wrong() {
        for (text, status) in
            [("(module)", GodwitStatus::Ok), ("(modul)", GodwitStatus::TextMalformed)]
        {
            let mut out = GodwitBytes::from(vec![]);
            let span = GodwitSpan { data: text.as_ptr(), size: text.len() };
            // SAFETY: `span` and `out` are valid for the call.
            assert_eq!(unsafe { godwit_text_to_binary(span, &mut out) }, status);
            assert!(out.size >= 8);
            // SAFETY: handed out by the call above.
            unsafe { godwit_bytes_free(out) };
        }
    }

    #[test]
    fn what_is_no_artifact_is_refused() {
        // SAFETY: a negative descriptor is refused before it is used.
        let missing = unsafe { duplicate(-1, 1) }.unwrap_err();
        assert_eq!(missing.status, GodwitStatus::ArtifactInvalid);
        let file = File::open("/dev/null").unwrap();
        // SAFETY: the descriptor is open for the call.
        let empty = unsafe { duplicate(std::os::fd::AsRawFd::as_raw_fd(&file), 1) }.unwrap_err();
        assert_eq!(empty.status, GodwitStatus::ArtifactInvalid);
    }
}
