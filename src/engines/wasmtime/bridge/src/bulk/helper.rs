//! The functions that do a large operation in chunks.
//!
//! Parameters are the instruction's operands, the result is the size that is left to do: 0, or all
//! of it where the operation is out of bounds (or the array is null) and nothing was done.
//! Addresses and sizes are compared as 64-bit numbers, so that no sum can wrap around.

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use super::operation::{Bound, Operation, Place, Shape};

pub fn body(operation: Operation, shape: &Shape) -> Function {
    let mut function = Function::new([]);
    let mut writer = Writer {
        sink: function.instructions(),
        operation,
        shape,
        size: shape.operands.len() as u32,
    };
    for place in &shape.places {
        writer.return_if_beyond(place);
    }
    if shape.copies {
        writer.backward_if_needed();
    }
    writer.forward();
    writer.sink.end();
    function
}

/// size > most, on the stack above the size.
pub fn larger_than(sink: &mut InstructionSink<'_>, size: ValType, most: u32) {
    constant(sink, size, most);
    match size {
        ValType::I64 => sink.i64_gt_u(),
        _ => sink.i32_gt_u(),
    };
}

fn constant(sink: &mut InstructionSink<'_>, ty: ValType, value: u32) {
    match ty {
        ValType::I64 => sink.i64_const(i64::from(value)),
        _ => sink.i32_const(value.cast_signed()),
    };
}

struct Writer<'a> {
    sink: InstructionSink<'a>,
    operation: Operation,
    shape: &'a Shape,
    /// The parameter that is the size.
    size: u32,
}

impl Writer<'_> {
    fn ty(&self, operand: u32) -> ValType {
        if operand == self.size {
            self.shape.size
        } else {
            self.shape.operands[operand as usize]
        }
    }

    fn get64(&mut self, operand: u32) {
        self.sink.local_get(operand);
        if self.ty(operand) == ValType::I32 {
            self.sink.i64_extend_i32_u();
        }
    }

    /// if (condition on the stack) return the size: nothing was done.
    fn return_if(&mut self) {
        self.sink.if_(BlockType::Empty).local_get(self.size).return_().end();
    }

    fn return_if_beyond(&mut self, place: &Place) {
        if let Bound::Array(array) = place.bound {
            self.sink.local_get(array).ref_is_null();
            self.return_if();
        }
        // size * step > bound: neither factor has more than 32 bits when step > 1.
        self.advance64(place);
        self.bound64(place.bound);
        self.sink.i64_gt_u();
        self.return_if();
        // place > bound - size * step
        self.get64(place.operand);
        self.bound64(place.bound);
        self.advance64(place);
        self.sink.i64_sub().i64_gt_u();
        self.return_if();
    }

    /// What the whole operation advances a place by.
    fn advance64(&mut self, place: &Place) {
        self.get64(self.size);
        if place.step != 1 {
            self.sink.i64_const(i64::from(place.step)).i64_mul();
        }
    }

    fn bound64(&mut self, bound: Bound) {
        let narrow = match bound {
            Bound::Memory(index) => {
                let ty = self.index_type(bound);
                self.sink.memory_size(index);
                if ty == ValType::I32 {
                    self.sink.i64_extend_i32_u();
                }
                // 2^48 pages would be 0 bytes: then the operation counts as out of bounds.
                self.sink.i64_const(16).i64_shl();
                false
            }
            Bound::Table(index) => {
                self.sink.table_size(index);
                self.index_type(bound) == ValType::I32
            }
            Bound::Array(operand) => {
                self.sink.local_get(operand).array_len();
                true
            }
            Bound::Segment(size) => {
                self.sink.i64_const(size.cast_signed());
                false
            }
        };
        if narrow {
            self.sink.i64_extend_i32_u();
        }
    }

    /// Of the memory or table: the type of the operand that points into it.
    fn index_type(&self, bound: Bound) -> ValType {
        let same = |place: &&Place| match (place.bound, bound) {
            (Bound::Memory(a), Bound::Memory(b)) | (Bound::Table(a), Bound::Table(b)) => a == b,
            _ => false,
        };
        let place = self.shape.places.iter().find(same).expect("it is one of the places");
        self.ty(place.operand)
    }

    /// Chunks in ascending order; 0 on the stack.
    fn forward(&mut self) {
        self.sink.loop_(BlockType::Empty);
        self.chunk(false);
        for place in &self.shape.places {
            let ty = self.ty(place.operand);
            self.sink.local_get(place.operand);
            constant(&mut self.sink, ty, self.shape.chunk * place.step);
            add(&mut self.sink, ty);
            self.sink.local_set(place.operand);
        }
        self.shrink();
        self.again_if_larger();
        self.rest();
    }

    /// Where the destination is above the source: chunks in descending order, so that none is
    /// overwritten before it was read. Returns 0.
    fn backward_if_needed(&mut self) {
        self.get64(self.shape.places[0].operand);
        self.get64(self.shape.places[1].operand);
        self.sink.i64_gt_u().if_(BlockType::Empty).loop_(BlockType::Empty);
        self.shrink();
        self.chunk(true);
        self.again_if_larger();
        self.rest();
        self.sink.return_().end();
    }

    /// The instruction for one chunk: at the places, or `size` above them.
    fn chunk(&mut self, above: bool) {
        for operand in 0..self.size {
            self.sink.local_get(operand);
            if above && self.shape.places.iter().any(|place| place.operand == operand) {
                let ty = self.ty(operand);
                self.sink.local_get(self.size);
                if ty != self.shape.size {
                    self.sink.i64_extend_i32_u();
                }
                add(&mut self.sink, ty);
            }
        }
        constant(&mut self.sink, self.shape.size, self.shape.chunk);
        self.operation.encode(&mut self.sink);
    }

    /// Ends the loop. Its back edge is where the epoch is checked.
    fn again_if_larger(&mut self) {
        self.sink.local_get(self.size);
        larger_than(&mut self.sink, self.shape.size, self.shape.chunk);
        self.sink.br_if(0).end();
    }

    /// What is not more than a chunk, at the places.
    fn rest(&mut self) {
        for operand in 0..=self.size {
            self.sink.local_get(operand);
        }
        self.operation.encode(&mut self.sink);
        constant(&mut self.sink, self.shape.size, 0);
    }

    /// size -= chunk
    fn shrink(&mut self) {
        self.sink.local_get(self.size);
        constant(&mut self.sink, self.shape.size, self.shape.chunk);
        match self.shape.size {
            ValType::I64 => self.sink.i64_sub(),
            _ => self.sink.i32_sub(),
        };
        self.sink.local_set(self.size);
    }
}

fn add(sink: &mut InstructionSink<'_>, ty: ValType) {
    match ty {
        ValType::I64 => sink.i64_add(),
        _ => sink.i32_add(),
    };
}
