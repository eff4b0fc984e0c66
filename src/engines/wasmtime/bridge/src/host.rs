//! Host functions: how a guest's import reaches the C++ function behind it.
//!
//! Nothing of a guest's memory survives a suspension: base and size are read anew for every call,
//! the repeated calls of a function that waits included.

use std::ffi::c_void;
use std::future::Future;
use std::mem::MaybeUninit;

use godwit_hosts::call::{trap, Binding, Step, SuspendOnce};
use wasmtime::{AsContextMut, Caller, Engine, FuncType, Linker, Result, Val, ValRaw, ValType};

use crate::instance::StoreData;

/// Parameters of one host function; WASI's longest has nine.
pub const MAX_PARAMETERS: usize = 16;

// The C++ side reads these as godwit::engine::Value.
const _: () = assert!(size_of::<ValRaw>() == 16 && align_of::<ValRaw>() == 8);

/// One host function, checked and copied out of the C table at load.
#[derive(Clone, Debug)]
pub struct HostFunction {
    pub module: String,
    pub name: String,
    pub parameters: Vec<ValType>,
    pub result: Option<ValType>,
    pub may_wait: bool,
    pub binding: Binding,
}

/// Defines a host function of type (i32…) -> i32 that may wait; one name for each parameter.
macro_rules! define_i32 {
    ($function:ident, $linker:ident, $($name:ident),*) => {{
        let binding = $function.binding;
        $linker.func_wrap_async(
            &$function.module,
            &$function.name,
            move |caller: Caller<'_, StoreData>, ($($name,)*): ($(define_i32!(@type $name),)*)| {
                call_i32(caller, binding, [$($name),*])
            },
        )?;
    }};
    (@type $name:ident) => { i32 };
}

impl HostFunction {
    pub fn func_type(&self, engine: &Engine) -> FuncType {
        FuncType::new(engine, self.parameters.iter().cloned(), self.result.iter().cloned())
    }

    pub fn define(&self, linker: &mut Linker<StoreData>) -> Result<()> {
        let ty = self.func_type(linker.engine());
        if self.may_wait {
            return self.define_waiting(linker, ty);
        }
        let binding = self.binding;
        let arguments = self.parameters.len();
        let call = move |mut caller: Caller<'_, StoreData>, values: &mut [MaybeUninit<ValRaw>]| {
            match invoke(&mut caller, binding, values.as_mut_ptr().cast(), arguments)? {
                Step::Done => Ok(()),
                Step::Pending => Err(unexpected_pending()),
            }
        };
        // SAFETY: `values` has max(arguments, results) places; `invoke` reads the arguments and
        // writes at most one result of the type that `ty` names.
        unsafe { linker.func_new_unchecked(&self.module, &self.name, ty, call)? };
        Ok(())
    }

    /// A function that may wait is tried at once; only when it is pending does the guest's fiber
    /// suspend. WASI's waiting functions are nearly all of type (i32…) -> i32, for which there is
    /// a way that costs 0.06 µs a call instead of 0.10 (measured).
    fn define_waiting(&self, linker: &mut Linker<StoreData>, ty: FuncType) -> Result<()> {
        let all_i32 = self.parameters.iter().all(ValType::is_i32)
            && self.result.as_ref().is_some_and(ValType::is_i32);
        match self.parameters.len() {
            1 if all_i32 => define_i32!(self, linker, a),
            2 if all_i32 => define_i32!(self, linker, a, b),
            3 if all_i32 => define_i32!(self, linker, a, b, c),
            4 if all_i32 => define_i32!(self, linker, a, b, c, d),
            5 if all_i32 => define_i32!(self, linker, a, b, c, d, e),
            6 if all_i32 => define_i32!(self, linker, a, b, c, d, e, f),
            _ => self.define_any(linker, ty)?,
        };
        Ok(())
    }

    fn define_any(&self, linker: &mut Linker<StoreData>, ty: FuncType) -> Result<()> {
        let binding = self.binding;
        let result_type = self.result.clone();
        linker.func_new_async(
            &self.module,
            &self.name,
            ty,
            move |mut caller, arguments, results| {
                let result_type = result_type.clone();
                Box::new(async move {
                    let count = arguments.len();
                    let mut values = Values::new(arguments);
                    while let Step::Pending = invoke(&mut caller, binding, values.pointer(), count)?
                    {
                        wait(&mut caller).await;
                        // Whatever the attempt before has left there.
                        values = Values::new(arguments);
                    }
                    if let (Some(ty), Some(result)) = (&result_type, results.first_mut()) {
                        *result = values.first(ty);
                    }
                    Ok(())
                })
            },
        )?;
        Ok(())
    }
}

type WaitingCall<'a> = Box<dyn Future<Output = Result<i32>> + Send + 'a>;

fn call_i32<const N: usize>(
    mut caller: Caller<'_, StoreData>,
    binding: Binding,
    arguments: [i32; N],
) -> WaitingCall<'_> {
    match try_i32(&mut caller, binding, arguments) {
        Ok(Some(result)) => Box::new(std::future::ready(Ok(result))),
        Err(error) => Box::new(std::future::ready(Err(error))),
        Ok(None) => Box::new(async move {
            loop {
                wait(&mut caller).await;
                if let Some(result) = try_i32(&mut caller, binding, arguments)? {
                    return Ok(result);
                }
            }
        }),
    }
}

/// One attempt; None when it is pending.
fn try_i32<const N: usize>(
    caller: &mut Caller<'_, StoreData>,
    binding: Binding,
    arguments: [i32; N],
) -> Result<Option<i32>> {
    let mut values = arguments.map(ValRaw::i32);
    match invoke(caller, binding, values.as_mut_ptr().cast(), N)? {
        Step::Done => Ok(Some(values[0].get_i32())),
        Step::Pending => Ok(None),
    }
}

fn unexpected_pending() -> wasmtime::Error {
    trap("a host function that may not wait was pending")
}

/// Suspends the guest until it is resumed.
async fn wait(caller: &mut Caller<'_, StoreData>) {
    caller.data().run.set_waiting(true);
    SuspendOnce(false).await;
    // A full slice: the deadline of before the wait has long passed.
    caller.as_context_mut().set_epoch_deadline(1);
}

/// The raw values of one call: arguments in, result at the first place out.
struct Values([ValRaw; MAX_PARAMETERS]);

impl Values {
    fn new(arguments: &[Val]) -> Values {
        let mut values = [ValRaw::u64(0); MAX_PARAMETERS];
        for (place, argument) in values.iter_mut().zip(arguments) {
            *place = match argument {
                Val::I32(v) => ValRaw::i32(*v),
                Val::I64(v) => ValRaw::i64(*v),
                Val::F32(bits) => ValRaw::f32(*bits),
                Val::F64(bits) => ValRaw::f64(*bits),
                // Host functions have no parameters of other types (abi.rs).
                _ => ValRaw::u64(0),
            };
        }
        Values(values)
    }

    fn pointer(&mut self) -> *mut c_void {
        self.0.as_mut_ptr().cast()
    }

    fn first(&self, ty: &ValType) -> Val {
        let value = self.0[0];
        match ty {
            ValType::I64 => Val::I64(value.get_i64()),
            ValType::F32 => Val::F32(value.get_f32()),
            ValType::F64 => Val::F64(value.get_f64()),
            _ => Val::I32(value.get_i32()),
        }
    }
}

fn invoke(
    caller: &mut Caller<'_, StoreData>,
    binding: Binding,
    values: *mut c_void,
    arguments: usize,
) -> Result<Step> {
    let memory = guest_memory(caller);
    binding.invoke(caller.data().host_state(), values, arguments, memory)
}

/// Base and present size of the exported memory "memory"; null and 0 for a module without one.
fn guest_memory(caller: &Caller<'_, StoreData>) -> (*mut u8, usize) {
    match caller.data().memory {
        Some(memory) => (memory.data_ptr(caller), memory.data_size(caller)),
        None => (std::ptr::null_mut(), 0),
    }
}
