#include "cli/features.h"

#include <array>

#include "engines/wasmtime/text.h"

namespace godwit::cli {
namespace {

struct Probe {
  std::string_view name;
  std::string_view text;  // a module that needs the proposal and nothing else that is new
};

constexpr std::array kProbes = {
    Probe{"bulk-memory",
          "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) "
          "(i32.const 0))))"},
    Probe{"reference-types",
          "(module (table 1 externref) (func (result externref) "
          "(table.get (i32.const 0))))"},
    Probe{"multi-value", "(module (func (result i32 i32) i32.const 0 i32.const 1))"},
    Probe{"simd", "(module (func (result v128) (v128.const i32x4 0 0 0 0)))"},
    Probe{"relaxed-simd",
          "(module (func (param v128 v128) (result v128) "
          "(i8x16.relaxed_swizzle (local.get 0) (local.get 1))))"},
    Probe{"tail-call", "(module (func $f (return_call $f)))"},
    Probe{"extended-const", "(module (global i32 (i32.add (i32.const 1) (i32.const 1))))"},
    Probe{"multi-memory", "(module (memory 1) (memory 1))"},
    Probe{"memory64", "(module (memory i64 1))"},
    Probe{"exceptions",
          "(module (tag $e) (func (block $b (try_table (catch $e $b) "
          "(throw $e)))))"},
    Probe{"function-references",
          "(module (type $t (func)) (func (param (ref $t)) "
          "(call_ref $t (local.get 0))))"},
    Probe{"gc",
          "(module (type $s (struct (field i32))) (func (result (ref $s)) "
          "(struct.new $s (i32.const 1))))"},
    Probe{"wide-arithmetic",
          "(module (func (param i64 i64) (result i64 i64) "
          "(i64.mul_wide_u (local.get 0) (local.get 1))))"},
    Probe{"threads", "(module (memory 1 1 shared))"},
    Probe{"legacy-exceptions", "(module (tag $e) (func try nop catch $e end))"},
    Probe{"custom-page-sizes", "(module (memory 1 (pagesize 1)))"},
    Probe{"stack-switching", "(module (type $f (func)) (type (cont $f)))"},
};

}  // namespace

std::vector<Feature> probe_features(const engine::Engine& engine) {
  std::vector<Feature> features;
  for (const Probe& probe : kProbes) {
    const auto binary = engines::wasmtime::text_to_binary(probe.text);
    features.push_back({probe.name, binary && engine.compile(*binary).has_value()});
  }
  return features;
}

}  // namespace godwit::cli
