//! The two engines of a process behind one handle: the first runs everything but components of WASI
//! 0.3, which need an event loop in each store. That loop makes other components a third slower,
//! so the second engine is one by itself, made when the first component needs it.

use std::sync::{Arc, Mutex, OnceLock};

use wasmtime::Engine;

use crate::engine::{self, Settings};
use crate::error::Outcome;
use crate::sandboxes::Sandboxes;
use crate::trim;

pub struct Engines {
    pub first: Engine,
    concurrent: OnceLock<Engine>,
    making: Mutex<()>,
    settings: Settings,
    /// Of both together.
    pub sandboxes: Arc<Sandboxes>,
}

impl Engines {
    pub fn new(settings: &Settings) -> Outcome<Engines> {
        Ok(Engines {
            first: engine::create(settings, false)?,
            concurrent: OnceLock::new(),
            making: Mutex::new(()),
            settings: *settings,
            sandboxes: Sandboxes::new(settings.instances.max(1)),
        })
    }

    /// The engine for components of WASI 0.3.
    pub fn concurrent(&self) -> Outcome<&Engine> {
        if let Some(engine) = self.concurrent.get() {
            return Ok(engine);
        }
        let _making = self.making.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.concurrent.get().is_none() {
            let engine = engine::create(&self.settings, true)?;
            return Ok(self.concurrent.get_or_init(|| engine));
        }
        self.concurrent()
    }

    fn each(&self) -> impl Iterator<Item = &Engine> {
        std::iter::once(&self.first).chain(self.concurrent.get())
    }

    pub fn increment_epoch(&self) {
        self.each().for_each(Engine::increment_epoch);
    }

    pub fn live_instances(&self) -> u64 {
        self.each().map(trim::live_instances).sum()
    }

    pub fn idle_bytes(&self) -> u64 {
        self.each().map(trim::idle_bytes).sum()
    }

    /// As trim::release_idle().
    pub fn release_idle(&self, instances: u32) -> Outcome<()> {
        self.each().try_for_each(|engine| trim::release_idle(engine, instances))
    }
}
