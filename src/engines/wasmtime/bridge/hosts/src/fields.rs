//! Header and trailer fields, as wasi:http has them: names without case, values any bytes that a
//! field may hold. HTTP's own fields, which speak of a connection, are not the guest's to set.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime::Result;

use crate::bindings::p2::wasi::http::types::{HeaderError as OldError, HostFields};
use crate::bindings::p3::wasi::http::types::HeaderError as NewError;
use crate::call::trap;
use crate::host::{Held, Host};
use crate::run::Run;
use crate::types::{GodwitField, GodwitSpan};

/// Fields of one guest-made set, and their bytes: what HTTP implementations accept at most.
const MAX_FIELDS: usize = 1000;
const MAX_BYTES: usize = 128 << 10;

pub type Entry = (String, Vec<u8>);

/// A set of fields; copies share it until one is changed.
#[derive(Clone)]
pub struct Fields {
    entries: Arc<Entries>,
    is_fixed: bool,
}

struct Entries {
    list: Vec<Entry>,
    held: Held,
}

/// Of a connection, or made by the server (RFC 9110 section 7.6.1).
fn is_forbidden(name: &str) -> bool {
    const FORBIDDEN: [&str; 9] = [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "host",
        "http2-settings",
    ];
    FORBIDDEN.iter().any(|forbidden| forbidden.eq_ignore_ascii_case(name))
}

/// A token of RFC 9110 section 5.6.2.
pub fn is_name(name: &str) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.as_bytes().iter().all(is_token)
}

/// A field value of RFC 9110 section 5.5.
fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

/// What a guest may not do with fields.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum HeaderError {
    InvalidSyntax,
    Forbidden,
    Immutable,
    TooLarge,
}

impl From<HeaderError> for OldError {
    fn from(error: HeaderError) -> OldError {
        match error {
            // 0.2 has no word for what is too large.
            HeaderError::InvalidSyntax | HeaderError::TooLarge => OldError::InvalidSyntax,
            HeaderError::Forbidden => OldError::Forbidden,
            HeaderError::Immutable => OldError::Immutable,
        }
    }
}

impl From<HeaderError> for NewError {
    fn from(error: HeaderError) -> NewError {
        match error {
            HeaderError::InvalidSyntax => NewError::InvalidSyntax,
            HeaderError::Forbidden => NewError::Forbidden,
            HeaderError::Immutable => NewError::Immutable,
            HeaderError::TooLarge => NewError::SizeExceeded,
        }
    }
}

pub type FieldResult<T> = std::result::Result<T, HeaderError>;

fn check_name(name: &str) -> FieldResult<()> {
    if !is_name(name) {
        return Err(HeaderError::InvalidSyntax);
    }
    if is_forbidden(name) {
        return Err(HeaderError::Forbidden);
    }
    Ok(())
}

/// What the host takes for one, besides its bytes.
const ENTRY_BYTES: usize = size_of::<Entry>() + 32;

fn size_of_entry((name, value): &Entry) -> usize {
    ENTRY_BYTES + name.len() + value.len()
}

impl Entries {
    fn bytes(&self) -> usize {
        self.list.iter().map(|(name, value)| name.len() + value.len()).sum()
    }
}

impl Fields {
    fn with(list: Vec<Entry>, is_fixed: bool, run: &Arc<Run>) -> Result<Fields> {
        let mut held = Held::nothing(run);
        if !held.grow(list.iter().map(size_of_entry).sum()) {
            return Err(trap("no memory is left for header fields"));
        }
        Ok(Fields { entries: Arc::new(Entries { list, held }), is_fixed })
    }

    pub fn empty(run: &Arc<Run>) -> Fields {
        let entries = Entries { list: Vec::new(), held: Held::nothing(run) };
        Fields { entries: Arc::new(entries), is_fixed: false }
    }

    /// What came from outside: the guest sees it without the connection's own fields, and can't
    /// change it.
    pub fn received(entries: Vec<Entry>, run: &Arc<Run>) -> Result<Fields> {
        let list = entries.into_iter().filter(|(name, _)| !is_forbidden(name)).collect();
        Fields::with(list, true, run)
    }

    pub fn new(mut list: Vec<Entry>, run: &Arc<Run>) -> Result<FieldResult<Fields>> {
        for (name, value) in &mut list {
            name.make_ascii_lowercase();
            if let Err(error) = check_name(name) {
                return Ok(Err(error));
            }
            if !is_value(value) {
                return Ok(Err(HeaderError::InvalidSyntax));
            }
        }
        let bytes: usize = list.iter().map(|(name, value)| name.len() + value.len()).sum();
        if list.len() > MAX_FIELDS || bytes > MAX_BYTES {
            return Ok(Err(HeaderError::TooLarge));
        }
        Fields::with(list, false, run).map(Ok)
    }

    /// The same, for good.
    pub fn fixed(mut self) -> Fields {
        self.is_fixed = true;
        self
    }

    /// The same, to be changed.
    pub fn copy(&self) -> Fields {
        Fields { entries: self.entries.clone(), is_fixed: false }
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries.list
    }

    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Vec<u8>> {
        self.entries()
            .iter()
            .filter(move |(each, _)| each.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The body's length that they declare; an error when that is no number, or two.
    pub fn content_length(&self) -> FieldResult<Option<u64>> {
        let mut found = None;
        for value in self.values("content-length") {
            let text = std::str::from_utf8(value).map_err(|_| HeaderError::InvalidSyntax)?;
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let length =
                text.parse().ok().filter(|_| is_number).ok_or(HeaderError::InvalidSyntax)?;
            if found.is_some_and(|before| before != length) {
                return Err(HeaderError::InvalidSyntax);
            }
            found = Some(length);
        }
        Ok(found)
    }

    pub fn set(&mut self, name: &str, values: Vec<Vec<u8>>) -> Result<FieldResult<()>> {
        if let Err(error) = self.check_change(name, &values) {
            return Ok(Err(error));
        }
        let others = |(each, _): &&Entry| !each.eq_ignore_ascii_case(name);
        let mut list: Vec<Entry> = self.entries().iter().filter(others).cloned().collect();
        list.extend(values.into_iter().map(|value| (name.to_string(), value)));
        Ok(Fields::new(list, self.entries.held.run())?.map(|fields| *self = fields))
    }

    pub fn append(&mut self, name: &str, value: Vec<u8>) -> Result<FieldResult<()>> {
        if let Err(error) = self.check_change(name, std::slice::from_ref(&value)) {
            return Ok(Err(error));
        }
        let count = self.entries.list.len();
        let bytes = self.entries.bytes() + name.len() + value.len();
        if count >= MAX_FIELDS || bytes > MAX_BYTES {
            return Ok(Err(HeaderError::TooLarge));
        }
        let entry = (name.to_ascii_lowercase(), value);
        let Some(own) = Arc::get_mut(&mut self.entries) else {
            let mut list = self.entries().to_vec();
            list.push(entry);
            *self = Fields::with(list, false, self.entries.held.run())?;
            return Ok(Ok(()));
        };
        if !own.held.grow(size_of_entry(&entry)) {
            return Err(trap("no memory is left for header fields"));
        }
        own.list.push(entry);
        Ok(Ok(()))
    }

    pub fn delete(&mut self, name: &str) -> Result<FieldResult<()>> {
        self.set(name, Vec::new())
    }

    fn check_change(&self, name: &str, values: &[Vec<u8>]) -> FieldResult<()> {
        if self.is_fixed {
            return Err(HeaderError::Immutable);
        }
        check_name(name)?;
        if !values.iter().all(|value| is_value(value)) {
            return Err(HeaderError::InvalidSyntax);
        }
        Ok(())
    }

    /// As C++ reads them; they must outlive what this returns.
    pub fn spans(&self) -> Vec<GodwitField> {
        self.entries().iter().map(field).collect()
    }
}

pub fn field((name, value): &Entry) -> GodwitField {
    GodwitField { name: span(name.as_bytes()), value: span(value) }
}

pub fn span(bytes: &[u8]) -> GodwitSpan {
    GodwitSpan { data: bytes.as_ptr(), size: bytes.len() }
}

/// An absent text is null.
pub fn optional_span(text: Option<&str>) -> GodwitSpan {
    match text {
        Some(text) => span(text.as_bytes()),
        None => GodwitSpan { data: std::ptr::null(), size: 0 },
    }
}

/// # Safety
/// `span` is readable, or null.
pub unsafe fn bytes_of(span: &GodwitSpan) -> Option<&[u8]> {
    if span.data.is_null() {
        return None;
    }
    // SAFETY: the contract of this function.
    Some(unsafe { std::slice::from_raw_parts(span.data, span.size) })
}

pub fn empty_field() -> GodwitField {
    GodwitField { name: optional_span(None), value: optional_span(None) }
}

/// Copies fields that `next` hands out one by one.
pub fn read_fields(mut next: impl FnMut(usize, &mut GodwitField) -> bool) -> Vec<Entry> {
    let mut field = empty_field();
    let mut entries = Vec::new();
    while next(entries.len(), &mut field) {
        // SAFETY: C++ has just written the spans; they are valid for this call.
        let (name, value) = unsafe { (bytes_of(&field.name), bytes_of(&field.value)) };
        let name = String::from_utf8_lossy(name.unwrap_or_default()).to_ascii_lowercase();
        entries.push((name, value.unwrap_or_default().to_vec()));
    }
    entries
}

impl HostFields for Host {
    fn new(&mut self) -> Result<Resource<Fields>> {
        Ok(self.table.push(Fields::empty(&self.run))?)
    }

    fn from_list(
        &mut self,
        entries: Vec<Entry>,
    ) -> Result<std::result::Result<Resource<Fields>, OldError>> {
        Ok(match Fields::new(entries, &self.run)? {
            Ok(fields) => Ok(self.table.push(fields)?),
            Err(error) => Err(error.into()),
        })
    }

    fn get(&mut self, this: Resource<Fields>, name: String) -> Result<Vec<Vec<u8>>> {
        Ok(self.table.get(&this)?.values(&name).cloned().collect())
    }

    fn has(&mut self, this: Resource<Fields>, name: String) -> Result<bool> {
        Ok(self.table.get(&this)?.values(&name).next().is_some())
    }

    fn set(
        &mut self,
        this: Resource<Fields>,
        name: String,
        values: Vec<Vec<u8>>,
    ) -> Result<std::result::Result<(), OldError>> {
        Ok(self.table.get_mut(&this)?.set(&name, values)?.map_err(OldError::from))
    }

    fn delete(
        &mut self,
        this: Resource<Fields>,
        name: String,
    ) -> Result<std::result::Result<(), OldError>> {
        Ok(self.table.get_mut(&this)?.delete(&name)?.map_err(OldError::from))
    }

    fn append(
        &mut self,
        this: Resource<Fields>,
        name: String,
        value: Vec<u8>,
    ) -> Result<std::result::Result<(), OldError>> {
        Ok(self.table.get_mut(&this)?.append(&name, value)?.map_err(OldError::from))
    }

    fn entries(&mut self, this: Resource<Fields>) -> Result<Vec<Entry>> {
        Ok(self.table.get(&this)?.entries().to_vec())
    }

    fn clone(&mut self, this: Resource<Fields>) -> Result<Resource<Fields>> {
        let copy = self.table.get(&this)?.copy();
        Ok(self.table.push(copy)?)
    }

    fn drop(&mut self, this: Resource<Fields>) -> Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
