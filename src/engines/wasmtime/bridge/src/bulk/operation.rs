//! The bulk instructions: what they take from the stack, where they reach, when they are large.

use wasm_encoder::{HeapType, InstructionSink, RefType, ValType};
use wasmparser::Operator;

use super::scan::{ArrayElement, Module};
use super::{CHUNK_ARRAY_REFERENCES, CHUNK_BYTES, CHUNK_TABLE_ELEMENTS, MAX_NEW_ARRAY_BYTES};

/// One instruction with its immediates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    MemoryFill { memory: u32 },
    MemoryCopy { to: u32, from: u32 },
    MemoryInit { memory: u32, data: u32 },
    TableFill { table: u32 },
    TableCopy { to: u32, from: u32 },
    TableInit { table: u32, element: u32 },
    ArrayFill { array: u32 },
    ArrayCopy { to: u32, from: u32 },
    ArrayInitData { array: u32, data: u32 },
    ArrayInitElement { array: u32, element: u32 },
    ArrayNew { array: u32 },
    ArrayNewDefault { array: u32 },
    ArrayNewData { array: u32, data: u32 },
}

impl Operation {
    /// `array.new_elem` is not here: passive element segments are bounded by startup.rs.
    pub fn of(operator: &Operator<'_>) -> Option<Operation> {
        Some(match *operator {
            Operator::MemoryFill { mem } => Operation::MemoryFill { memory: mem },
            Operator::MemoryCopy { dst_mem, src_mem } => {
                Operation::MemoryCopy { to: dst_mem, from: src_mem }
            }
            Operator::MemoryInit { data_index, mem } => {
                Operation::MemoryInit { memory: mem, data: data_index }
            }
            Operator::TableFill { table } => Operation::TableFill { table },
            Operator::TableCopy { dst_table, src_table } => {
                Operation::TableCopy { to: dst_table, from: src_table }
            }
            Operator::TableInit { elem_index, table } => {
                Operation::TableInit { table, element: elem_index }
            }
            Operator::ArrayFill { array_type_index } => {
                Operation::ArrayFill { array: array_type_index }
            }
            Operator::ArrayCopy { array_type_index_dst, array_type_index_src } => {
                Operation::ArrayCopy { to: array_type_index_dst, from: array_type_index_src }
            }
            Operator::ArrayInitData { array_type_index, array_data_index } => {
                Operation::ArrayInitData { array: array_type_index, data: array_data_index }
            }
            Operator::ArrayInitElem { array_type_index, array_elem_index } => {
                Operation::ArrayInitElement { array: array_type_index, element: array_elem_index }
            }
            Operator::ArrayNew { array_type_index } => {
                Operation::ArrayNew { array: array_type_index }
            }
            Operator::ArrayNewDefault { array_type_index } => {
                Operation::ArrayNewDefault { array: array_type_index }
            }
            Operator::ArrayNewData { array_type_index, array_data_index } => {
                Operation::ArrayNewData { array: array_type_index, data: array_data_index }
            }
            _ => return None,
        })
    }

    pub fn encode(self, sink: &mut InstructionSink<'_>) {
        match self {
            Operation::MemoryFill { memory } => sink.memory_fill(memory),
            Operation::MemoryCopy { to, from } => sink.memory_copy(to, from),
            Operation::MemoryInit { memory, data } => sink.memory_init(memory, data),
            Operation::TableFill { table } => sink.table_fill(table),
            Operation::TableCopy { to, from } => sink.table_copy(to, from),
            Operation::TableInit { table, element } => sink.table_init(table, element),
            Operation::ArrayFill { array } => sink.array_fill(array),
            Operation::ArrayCopy { to, from } => sink.array_copy(to, from),
            Operation::ArrayInitData { array, data } => sink.array_init_data(array, data),
            Operation::ArrayInitElement { array, element } => sink.array_init_elem(array, element),
            Operation::ArrayNew { array } => sink.array_new(array),
            Operation::ArrayNewDefault { array } => sink.array_new_default(array),
            Operation::ArrayNewData { array, data } => sink.array_new_data(array, data),
        };
    }
}

/// What an operand points into, and so what bounds it.
#[derive(Clone, Copy, Debug)]
pub enum Bound {
    /// In bytes.
    Memory(u32),
    Table(u32),
    /// The array in this operand.
    Array(u32),
    /// A segment that long (if it has not been dropped).
    Segment(u64),
}

/// An operand that is a position: it advances with the work.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub operand: u32,
    pub bound: Bound,
    /// What one of the counted elements advances it by. More than 1 only with sizes of 32 bits.
    pub step: u32,
}

#[derive(Clone, Debug)]
pub struct Shape {
    /// All but the last, which is the size, of type `size`.
    pub operands: Vec<ValType>,
    pub size: ValType,
    /// Largest size that is done at once.
    pub chunk: u32,
    /// In the order of the instruction's own checks.
    pub places: Vec<Place>,
    /// The places may overlap (the first is where to, the second where from).
    pub copies: bool,
}

#[derive(Clone, Debug)]
pub enum Treatment {
    /// It cannot be large, whatever its size operand.
    Leave,
    Chunked(Shape),
    /// A new array of this type: more elements are refused.
    Capped {
        array: u32,
        elements: u32,
    },
}

impl Treatment {
    /// Whether the instruction may stay as it is when its size is this constant.
    pub fn allows(&self, size: Option<u64>) -> bool {
        let most = match self {
            Treatment::Leave => return true,
            Treatment::Chunked(shape) => shape.chunk,
            Treatment::Capped { elements, .. } => *elements,
        };
        size.is_some_and(|size| size <= u64::from(most))
    }
}

/// REQUIRES: the module is valid (its indices are taken for granted).
pub fn treat(operation: Operation, module: &Module<'_>) -> Treatment {
    if let Operation::ArrayNew { array }
    | Operation::ArrayNewDefault { array }
    | Operation::ArrayNewData { array, .. } = operation
    {
        return Treatment::Capped { array, elements: max_new_array(module, array) };
    }
    let shape = shape(operation, module);
    let small = shape.places.iter().any(|place| {
        largest(place.bound, module)
            .is_some_and(|most| most / u64::from(place.step) <= u64::from(shape.chunk))
    });
    if small {
        Treatment::Leave
    } else {
        Treatment::Chunked(shape)
    }
}

/// Elements that a new array of this type may have.
pub fn max_new_array(module: &Module<'_>, array: u32) -> u32 {
    MAX_NEW_ARRAY_BYTES / element(module, array).bytes()
}

fn element<'m>(module: &'m Module<'_>, array: u32) -> &'m ArrayElement {
    module.types[array as usize].as_ref().expect("validated: an array type")
}

/// How large it can ever be; None when nothing says.
fn largest(bound: Bound, module: &Module<'_>) -> Option<u64> {
    match bound {
        Bound::Memory(index) => {
            module.memories[index as usize].maximum.map(|pages| pages.saturating_mul(64 << 10))
        }
        Bound::Table(index) => module.tables[index as usize].maximum,
        Bound::Array(_) => None,
        Bound::Segment(size) => Some(size),
    }
}

fn shape(operation: Operation, module: &Module<'_>) -> Shape {
    match operation {
        Operation::MemoryFill { memory } => {
            let at = memory_place(module, memory);
            one(at.clone(), vec![at.ty, ValType::I32], CHUNK_BYTES)
        }
        Operation::MemoryCopy { to, from } => {
            two(memory_place(module, to), memory_place(module, from), CHUNK_BYTES, true)
        }
        Operation::MemoryInit { memory, data } => {
            let from = segment_place(module.data[data as usize].passive_bytes());
            two(memory_place(module, memory), from, CHUNK_BYTES, false)
        }
        Operation::TableFill { table } => {
            let at = table_place(module, table);
            let value = module.tables[table as usize].element;
            one(at.clone(), vec![at.ty, ValType::Ref(value)], CHUNK_TABLE_ELEMENTS)
        }
        Operation::TableCopy { to, from } => {
            two(table_place(module, to), table_place(module, from), CHUNK_TABLE_ELEMENTS, true)
        }
        Operation::TableInit { table, element } => {
            let from = segment_place(module.elements[element as usize]);
            two(table_place(module, table), from, CHUNK_TABLE_ELEMENTS, false)
        }
        _ => array_shape(operation, module),
    }
}

fn array_shape(operation: Operation, module: &Module<'_>) -> Shape {
    let (array, more, places, copies) = match operation {
        Operation::ArrayFill { array } => {
            (array, vec![element(module, array).unpacked()], Vec::new(), false)
        }
        Operation::ArrayCopy { to, from } => {
            let place = Place { operand: 3, bound: Bound::Array(2), step: 1 };
            (to, vec![array_reference(from), ValType::I32], vec![place], true)
        }
        Operation::ArrayInitData { array, data } => {
            let bound = Bound::Segment(module.data[data as usize].passive_bytes());
            let place = Place { operand: 2, bound, step: element(module, array).bytes() };
            (array, vec![ValType::I32], vec![place], false)
        }
        Operation::ArrayInitElement { array, element } => {
            let bound = Bound::Segment(module.elements[element as usize]);
            (array, vec![ValType::I32], vec![Place { operand: 2, bound, step: 1 }], false)
        }
        _ => unreachable!("not an operation on an existing array"),
    };
    let mut operands = vec![array_reference(array), ValType::I32];
    operands.extend(more);
    let mut all = vec![Place { operand: 1, bound: Bound::Array(0), step: 1 }];
    all.extend(places);
    let chunk = element(module, array).chunk();
    Shape { operands, size: ValType::I32, chunk, places: all, copies }
}

#[derive(Clone)]
struct At {
    ty: ValType,
    bound: Bound,
}

fn memory_place(module: &Module<'_>, index: u32) -> At {
    At { ty: index_type(module.memories[index as usize].memory64), bound: Bound::Memory(index) }
}

fn table_place(module: &Module<'_>, index: u32) -> At {
    At { ty: index_type(module.tables[index as usize].table64), bound: Bound::Table(index) }
}

fn segment_place(size: u64) -> At {
    At { ty: ValType::I32, bound: Bound::Segment(size) }
}

fn index_type(wide: bool) -> ValType {
    if wide {
        ValType::I64
    } else {
        ValType::I32
    }
}

fn array_reference(index: u32) -> ValType {
    ValType::Ref(RefType { nullable: true, heap_type: HeapType::Concrete(index) })
}

/// One place, whose index type is the size's too.
fn one(at: At, operands: Vec<ValType>, chunk: u32) -> Shape {
    let place = Place { operand: 0, bound: at.bound, step: 1 };
    Shape { operands, size: at.ty, chunk, places: vec![place], copies: false }
}

/// Two places; the size has the smaller of their index types.
fn two(to: At, from: At, chunk: u32, copies: bool) -> Shape {
    let wide = to.ty == ValType::I64 && from.ty == ValType::I64;
    let places = vec![
        Place { operand: 0, bound: to.bound, step: 1 },
        Place { operand: 1, bound: from.bound, step: 1 },
    ];
    Shape { operands: vec![to.ty, from.ty], size: index_type(wide), chunk, places, copies }
}

impl ArrayElement {
    /// Bytes in the collector's heap: references are 32 bits there.
    pub fn bytes(&self) -> u32 {
        match self {
            ArrayElement::I8 => 1,
            ArrayElement::I16 => 2,
            ArrayElement::Value(ValType::I32 | ValType::F32 | ValType::Ref(_)) => 4,
            ArrayElement::Value(ValType::I64 | ValType::F64) => 8,
            ArrayElement::Value(ValType::V128) => 16,
        }
    }

    fn unpacked(&self) -> ValType {
        match self {
            ArrayElement::I8 | ArrayElement::I16 => ValType::I32,
            ArrayElement::Value(ty) => *ty,
        }
    }

    fn chunk(&self) -> u32 {
        match self {
            ArrayElement::Value(ValType::Ref(_)) => CHUNK_ARRAY_REFERENCES,
            _ => CHUNK_BYTES / self.bytes(),
        }
    }
}
