//! Validates a module and finds what the rewriting needs to know of it.

use std::ops::Range;

use wasm_encoder::ValType;
use wasmparser::{
    CompositeInnerType, ConstExpr, Data, DataKind, Element, ElementItems, ElementKind,
    FuncToValidate, FuncValidatorAllocations, FunctionBody, MemoryType, Operator, OperatorsReader,
    Parser, Payload, StorageType, SubType, TableInit, TableType, TypeRef, ValidPayload, Validator,
    ValidatorResources, WasmFeatures,
};

use super::operation::Operation;
use super::startup::SPLIT_BYTES;
use super::{Refusal, MAX_SITES};

/// The first bytes of all bulk instructions: most functions have neither.
const BULK_PREFIXES: [u8; 2] = [0xfb, 0xfc];

#[derive(Default)]
pub struct Module<'a> {
    /// By type index; what an array holds, None for types that are no arrays.
    pub types: Vec<Option<ArrayElement>>,
    /// Functions, the imported ones included.
    pub functions: u32,
    pub memories: Vec<MemoryType>,
    pub tables: Vec<Table>,
    /// By segment: elements of a passive segment; 0 for one that is gone once instantiated.
    pub elements: Vec<u64>,
    pub data: Vec<Segment<'a>>,
    /// The bodies with bulk instructions that might be large.
    pub bodies: Vec<Body>,
    /// Arrays that are made while instantiating: type, and size where it is a constant.
    pub constant_arrays: Vec<(u32, Option<u64>)>,
    /// The first active data segment that is too large to be copied at once.
    pub split_from: Option<usize>,
    sites: usize,
}

#[derive(Clone, Debug)]
pub enum ArrayElement {
    I8,
    I16,
    Value(ValType),
}

pub struct Table {
    pub table64: bool,
    pub maximum: Option<u64>,
    pub element: wasm_encoder::RefType,
}

pub struct Segment<'a> {
    pub kind: DataKind<'a>,
    pub data: &'a [u8],
    /// Of the whole entry.
    pub range: Range<usize>,
}

impl Segment<'_> {
    /// What an instruction can still reach of it.
    pub fn passive_bytes(&self) -> u64 {
        match self.kind {
            DataKind::Passive => self.data.len() as u64,
            DataKind::Active { .. } => 0,
        }
    }
}

/// Ranges and positions are those of the module's bytes.
pub struct Body {
    pub range: Range<usize>,
    pub function: u32,
    /// Where the groups of locals begin (behind their count), where the code does.
    pub groups_start: usize,
    pub code_start: usize,
    pub local_groups: u32,
    /// Parameters and locals.
    pub locals: u32,
    pub sites: Vec<Site>,
}

pub struct Site {
    pub operation: Operation,
    pub range: Range<usize>,
    /// When the instruction before is a constant.
    pub size: Option<u64>,
}

pub fn scan(features: WasmFeatures, wasm: &[u8]) -> Result<Module<'_>, Refusal> {
    let mut module = Module::default();
    let mut validator = Validator::new_with_features(features);
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut functions = Vec::new();
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            functions.push((function, body));
        }
        module.note(payload)?;
    }
    let mut allocations = FuncValidatorAllocations::default();
    for (function, body) in functions {
        allocations = module.function(function, &body, features, allocations)?;
    }
    Ok(module)
}

impl<'a> Module<'a> {
    fn note(&mut self, payload: Payload<'a>) -> Result<(), Refusal> {
        match payload {
            Payload::TypeSection(groups) => {
                for group in groups {
                    for ty in group?.types() {
                        self.types.push(array_element(ty)?);
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    self.import(import?.ty)?;
                }
            }
            Payload::FunctionSection(functions) => self.functions += functions.count(),
            Payload::TableSection(tables) => {
                for table in tables {
                    let table = table?;
                    self.table(&table.ty)?;
                    if let TableInit::Expr(expr) = table.init {
                        self.constant(&expr)?;
                    }
                }
            }
            Payload::MemorySection(memories) => {
                for memory in memories {
                    self.memory(memory?)?;
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    self.constant(&global?.init_expr)?;
                }
            }
            Payload::ElementSection(segments) => {
                for segment in segments {
                    self.element(&segment?)?;
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments {
                    self.data(segment?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, ty: TypeRef) -> Result<(), Refusal> {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => self.functions += 1,
            TypeRef::Table(ty) => self.table(&ty)?,
            TypeRef::Memory(ty) => self.memory(ty)?,
            TypeRef::Global(_) | TypeRef::Tag(_) => {}
        }
        Ok(())
    }

    /// Helpers count in pages of 64 KiB; the proposal for others is off.
    fn memory(&mut self, ty: MemoryType) -> Result<(), Refusal> {
        if ty.page_size_log2.is_some_and(|log2| log2 != 16) {
            return Err(Refusal::Unsupported("a memory with pages of its own size".to_string()));
        }
        self.memories.push(ty);
        Ok(())
    }

    fn table(&mut self, ty: &TableType) -> Result<(), Refusal> {
        let element = ty.element_type.try_into().map_err(|_| unknown_type())?;
        self.tables.push(Table { table64: ty.table64, maximum: ty.maximum, element });
        Ok(())
    }

    fn element(&mut self, segment: &Element<'_>) -> Result<(), Refusal> {
        let count = match &segment.items {
            ElementItems::Functions(items) => items.count(),
            ElementItems::Expressions(_, items) => {
                for expr in items.clone() {
                    self.constant(&expr?)?;
                }
                items.count()
            }
        };
        let passive = matches!(segment.kind, ElementKind::Passive);
        self.elements.push(if passive { u64::from(count) } else { 0 });
        Ok(())
    }

    fn data(&mut self, segment: Data<'a>) {
        let active = matches!(segment.kind, DataKind::Active { .. });
        if active && segment.data.len() > SPLIT_BYTES && self.split_from.is_none() {
            self.split_from = Some(self.data.len());
        }
        let Data { kind, data, range } = segment;
        self.data.push(Segment { kind, data, range });
    }

    fn constant(&mut self, expr: &ConstExpr<'_>) -> Result<(), Refusal> {
        let mut size = None;
        let mut operators = expr.get_operators_reader();
        while !operators.eof() {
            let operator = operators.read()?;
            match Operation::of(&operator) {
                Some(Operation::ArrayNew { array } | Operation::ArrayNewDefault { array }) => {
                    self.constant_arrays.push((array, size));
                }
                _ => size = constant_of(&operator),
            }
        }
        Ok(())
    }

    fn function(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        features: WasmFeatures,
        allocations: FuncValidatorAllocations,
    ) -> Result<FuncValidatorAllocations, Refusal> {
        let index = function.index;
        let mut validator = function.into_validator(allocations);
        validator.validate(body)?;
        let locals = validator.len_locals();
        if body.as_bytes().iter().any(|byte| BULK_PREFIXES.contains(byte)) {
            let sites = find(body, features)?;
            self.sites += sites.len();
            if self.sites > MAX_SITES {
                return Err(Refusal::Unsupported(format!(
                    "more than {MAX_SITES} bulk instructions in one module"
                )));
            }
            if !sites.is_empty() {
                self.bodies.push(describe(body, index, locals, sites)?);
            }
        }
        Ok(validator.into_allocations())
    }
}

fn find(body: &FunctionBody<'_>, features: WasmFeatures) -> Result<Vec<Site>, Refusal> {
    let mut sites = Vec::new();
    let mut reader = body.get_binary_reader_for_operators()?;
    reader.set_features(features);
    let mut operators = OperatorsReader::new(reader);
    let mut size = None;
    while !operators.eof() {
        let start = operators.original_position();
        let operator = operators.read()?;
        if let Some(operation) = Operation::of(&operator) {
            sites.push(Site { operation, range: start..operators.original_position(), size });
        }
        size = constant_of(&operator);
    }
    Ok(sites)
}

fn describe(
    body: &FunctionBody<'_>,
    function: u32,
    locals: u32,
    sites: Vec<Site>,
) -> Result<Body, Refusal> {
    let mut reader = body.get_binary_reader();
    let local_groups = reader.read_var_u32()?;
    let groups_start = reader.original_position();
    let code_start = body.get_binary_reader_for_operators()?.original_position();
    let range = body.range();
    Ok(Body { range, function, groups_start, code_start, local_groups, locals, sites })
}

fn constant_of(operator: &Operator<'_>) -> Option<u64> {
    match *operator {
        Operator::I32Const { value } => Some(u64::from(value.cast_unsigned())),
        Operator::I64Const { value } => Some(value.cast_unsigned()),
        _ => None,
    }
}

fn array_element(ty: &SubType) -> Result<Option<ArrayElement>, Refusal> {
    let CompositeInnerType::Array(array) = &ty.composite_type.inner else { return Ok(None) };
    Ok(Some(match array.0.element_type {
        StorageType::I8 => ArrayElement::I8,
        StorageType::I16 => ArrayElement::I16,
        StorageType::Val(ty) => ArrayElement::Value(ty.try_into().map_err(|_| unknown_type())?),
    }))
}

fn unknown_type() -> Refusal {
    Refusal::Unsupported("a type that cannot be written again".to_string())
}
