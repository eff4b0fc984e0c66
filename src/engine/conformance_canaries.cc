#include "engine/conformance_canaries.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace godwit::engine::conformance {
namespace {

constexpr std::uint64_t kPage = 65536;
constexpr std::uint64_t kTableGrows = 20;  // elements, of each table

// What a guest says was not as new, a bit each.
constexpr std::uint32_t memory_bit(std::size_t index) { return 1U << index; }
constexpr std::uint32_t grown_bit(std::size_t index) { return 1U << (8 + index); }
constexpr std::uint32_t table_bit(std::size_t index) { return 1U << (16 + index); }
constexpr std::uint32_t kGlobalsBit = 1U << 24;
constexpr std::uint32_t kLocalsBit = 1U << 25;
constexpr std::uint32_t kObjectsBit = 1U << 26;

// The pattern with each @X replaced by the value of key X.
std::string expand(std::string_view pattern,
                   std::initializer_list<std::pair<char, std::string>> values) {
  std::string text;
  for (std::size_t index = 0; index < pattern.size(); ++index) {
    if (pattern[index] != '@') {
      text += pattern[index];
      continue;
    }
    ++index;
    const auto value = std::find_if(values.begin(), values.end(),
                                    [&](const auto& each) { return each.first == pattern[index]; });
    CHECK(value != values.end(), pattern.substr(index, 1));
    text += value->second;
  }
  return text;
}

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string index_type(const Memory& memory) { return memory.is_64 ? "i64" : "i32"; }

// The 16 bytes of which a segment has four: told apart by shape, memory and place.
std::string tag(const Shape& shape, std::size_t memory, std::uint64_t segment) {
  std::string text =
      expand("=@S/@N/@P/", {{'S', shape.name}, {'N', number(memory)}, {'P', number(segment)}});
  text.resize(16, '#');
  return text;
}

std::string vector_of(std::string_view bytes) {
  std::string text = "(v128.const i8x16";
  for (const char byte : bytes) {
    text += ' ';
    text += number(static_cast<unsigned char>(byte));
  }
  return text + ")";
}

// $zeros_N(from, to): 1 when any byte of the range is not 0.
std::string memory_text(const Shape& shape, std::size_t index) {
  const Memory& memory = shape.memories[index];
  std::string text = expand(R"((memory $m@N @E @A @P)
(func $zeros_@N (param $at @T) (param $end @T) (result i32) (local $any v128)
  (loop $l (if (@T.lt_u (local.get $at) (local.get $end)) (then
    (local.set $any (v128.or (local.get $any) (v128.or
      (v128.load $m@N (local.get $at)) (v128.load $m@N offset=16 (local.get $at)))))
    (local.set $at (@T.add (local.get $at) (@T.const 32))) (br $l))))
  (v128.any_true (local.get $any)))
)",
                            {{'N', number(index)},
                             {'E', index == 0 ? "(export \"memory\")" : ""},
                             {'A', memory.is_64 ? "i64" : ""},
                             {'P', number(memory.pages)},
                             {'T', index_type(memory)}});
  for (const std::uint64_t segment : memory.segments) {
    text += expand("(data (memory $m@N) (@T.const @P) \"@D@D@D@D\")\n",
                   {{'N', number(index)},
                    {'T', index_type(memory)},
                    {'P', number(segment)},
                    {'D', tag(shape, index, segment)}});
  }
  return text;
}

std::string when(const std::string& condition, std::uint32_t bit) {
  return expand(" (if @C (then (local.set $wrong (i32.or (local.get $wrong) (i32.const @B)))))\n",
                {{'C', condition}, {'B', number(bit)}});
}

// Statements that look at a memory: zeros up to each segment, the segment, zeros to the end; then
// the part that it grows by.
std::string look_at_memory(const Shape& shape, std::size_t index) {
  const Memory& memory = shape.memories[index];
  const std::string type = index_type(memory);
  const auto zeros = [&](std::uint64_t from, std::uint64_t to) {
    return expand("(call $zeros_@N (@T.const @F) (@T.const @E))",
                  {{'N', number(index)}, {'T', type}, {'F', number(from)}, {'E', number(to)}});
  };
  std::string text;
  std::uint64_t at = 0;
  for (const std::uint64_t segment : memory.segments) {
    text += when(zeros(at, segment), memory_bit(index));
    const std::string wanted = vector_of(tag(shape, index, segment));
    for (at = segment; at < segment + 64; at += 16) {
      text += when(expand("(v128.any_true (v128.xor @W (v128.load $m@N (@T.const @P))))",
                          {{'W', wanted}, {'N', number(index)}, {'T', type}, {'P', number(at)}}),
                   memory_bit(index));
    }
  }
  const std::uint64_t end = memory.pages * kPage;
  text += when(zeros(at, end), memory_bit(index));
  if (memory.grows == 0) return text;
  text += expand(" (if (local.get $first) (then (drop (memory.grow $m@N (@T.const @G)))))\n",
                 {{'N', number(index)}, {'T', type}, {'G', number(memory.grows)}});
  return text + when(zeros(end, end + memory.grows * kPage), grown_bit(index));
}

// $nulls_N(): how many elements are null.
std::string table_text(const Shape& shape, std::size_t index) {
  const Table& table = shape.tables[index];
  std::string text = expand(R"((table $t@N @S @T)
(func $nulls_@N (result i32) (local $i i32) (local $n i32)
  (block $out (loop $l (br_if $out (i32.ge_u (local.get $i) (table.size $t@N)))
    (local.set $n
      (i32.add (local.get $n) (ref.is_null (table.get $t@N (local.get $i)))))
    (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $l)))
  (local.get $n))
)",
                            {{'N', number(index)}, {'S', number(table.size)}, {'T', table.type}});
  for (std::uint64_t place = 1; place <= table.filled; ++place) {
    text += expand("(elem (table $t@N) (i32.const @P) func $canary)\n",
                   {{'N', number(index)}, {'P', number(place)}});
  }
  return text;
}

std::string look_at_table(const Shape& shape, std::size_t index) {
  const Table& table = shape.tables[index];
  const std::string heap = table.type == "funcref" ? "func" : "extern";
  return expand(
             " (if (local.get $first) (then (drop (table.grow $t@N (ref.null @H) "
             "(i32.const @G)))))\n",
             {{'N', number(index)}, {'H', heap}, {'G', number(kTableGrows)}}) +
         when(
             expand("(i32.ne (call $nulls_@N) (i32.const @Z))",
                    {{'N', number(index)}, {'Z', number(table.size + kTableGrows - table.filled)}}),
             table_bit(index));
}

// Leaves canaries in everything.
std::string fill_text(const Shape& shape) {
  std::string text = "(func $fill\n";
  for (std::size_t index = 0; index < shape.memories.size(); ++index) {
    text += expand(
        " (memory.fill $m@N (@T.const 0) (i32.const 165)"
        " (@T.mul (memory.size $m@N) (@T.const 65536)))\n",
        {{'N', number(index)}, {'T', index_type(shape.memories[index])}});
  }
  for (std::size_t index = 0; index < shape.tables.size(); ++index) {
    const bool functions = shape.tables[index].type == "funcref";
    text += expand(" (table.fill $t@N (i32.const 0) @C (table.size $t@N))\n",
                   {{'N', number(index)},
                    {'C', functions ? "(ref.func $canary)"
                                    : "(extern.convert_any (ref.i31 (i32.const 165)))"}});
  }
  text += R"( (global.set $g32 (i32.const 165)) (global.set $g64 (i64.const 165))
 (global.set $gf (f64.const 165)) (global.set $gv (v128.const i32x4 165 165 165 165))
 (global.set $gfunc (ref.func $canary))
 (global.set $gext (extern.convert_any (ref.i31 (i32.const 165))))
 (drop (call $deep (i32.const 30) (i64.const -6510615555426900571)))
)";
  if (shape.objects) {
    text += " (global.set $array (array.new $array (i64.const 165) (i32.const 2000)))\n";
  }
  return text + ")\n";
}

// Locals that are spilled to the stack in each of many frames.
constexpr std::string_view kCommon = R"(
(func $canary) (elem declare func $canary)
(global $g32 (mut i32) (i32.const 7)) (global $g64 (mut i64) (i64.const 8))
(global $gf (mut f64) (f64.const 9)) (global $gv (mut v128) (v128.const i64x2 0 0))
(global $gfunc (mut funcref) (ref.null func)) (global $gext (mut externref) (ref.null extern))
(func $globals (result i32)
  (i32.or (i32.or (i32.or (i32.ne (global.get $g32) (i32.const 7))
                          (i64.ne (global.get $g64) (i64.const 8)))
                  (i32.or (f64.ne (global.get $gf) (f64.const 9))
                          (v128.any_true (global.get $gv))))
          (i32.or (i32.eqz (ref.is_null (global.get $gfunc)))
                  (i32.eqz (ref.is_null (global.get $gext))))))
(func $deep (param $n i32) (param $canary i64) (result i64)
  (local $a i64) (local $b i64) (local $c i64) (local $d i64) (local $e i64) (local $sum i64)
  (if (i64.ne (local.get $canary) (i64.const 0)) (then
    (local.set $a (local.get $canary)) (local.set $b (i64.mul (local.get $a) (local.get $a)))
    (local.set $c (i64.mul (local.get $b) (local.get $a)))
    (local.set $d (i64.mul (local.get $c) (local.get $a)))
    (local.set $e (i64.mul (local.get $d) (local.get $a)))))
  (if (local.get $n) (then (local.set $sum
    (call $deep (i32.sub (local.get $n) (i32.const 1)) (local.get $canary)))))
  (i64.or (local.get $sum) (i64.or (i64.or (local.get $a) (local.get $b))
    (i64.or (local.get $c) (i64.or (local.get $d) (local.get $e))))))
)";

constexpr std::string_view kObjects = R"(
(type $array (array (mut i64))) (global $array (mut (ref null $array)) (ref.null $array))
(func $objects (result i32) (local $new (ref $array)) (local $i i32) (local $any i64)
  (local.set $new (array.new_default $array (i32.const 2000)))
  (loop $l (local.set $any
      (i64.or (local.get $any) (array.get $array (local.get $new) (local.get $i))))
    (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2000))))
  (i32.or (i64.ne (local.get $any) (i64.const 0)) (i32.eqz (ref.is_null (global.get $array)))))
)";

// The entries note what was not as new, leave canaries, and end as they are called. "again" looks
// a second time and notes that too: what it does not find there it would not find at all.
constexpr std::string_view kEntries = R"(
(func $visit (call $note (call $look (i32.const 1))) (call $fill))
(func (export "_start") (call $visit))
(func (export "traps") (call $visit) unreachable)
(func (export "exits") (call $visit) (call $exit (i32.const 3)))
(func (export "waits") (call $visit) (drop (call $wait (i32.const 1))))
(func (export "again") (call $visit) (call $note (call $look (i32.const 0)))))
)";

}  // namespace

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all{
      {.name = "bare", .memories = {{.pages = 1}}, .weight = 20},
      {.name = "one1", .memories = {{.pages = 1, .segments = {1024, 32768}}}, .weight = 20},
      // As the one before but for the data itself; then at other places.
      {.name = "one2", .memories = {{.pages = 1, .segments = {1024, 32768}}}, .weight = 20},
      {.name = "one3", .memories = {{.pages = 1, .segments = {0, 65472}}}, .weight = 10},
      {.name = "none", .tables = {{.type = "funcref", .size = 10}}, .weight = 10},
      {.name = "grow", .memories = {{.pages = 1, .grows = 3, .segments = {4096}}}, .weight = 3},
      {.name = "zero", .memories = {{.pages = 0, .grows = 2}}, .weight = 3},
      {.name = "many",
       .memories = {{.pages = 1, .grows = 1, .segments = {128}},
                    {.pages = 2, .segments = {65536}},
                    {.pages = 1, .grows = 1, .is_64 = true, .segments = {256}},
                    {.pages = 0, .grows = 1, .is_64 = true}},
       .weight = 3},
      {.name = "tabs",
       .memories = {{.pages = 1}},
       .tables = {{.type = "funcref", .size = 100, .filled = 3},
                  {.type = "externref", .size = 60},
                  {.type = "funcref", .size = 0}},
       .weight = 16},
      // More than what a table keeps resident.
      {.name = "tall",
       .memories = {{.pages = 1}},
       .tables = {{.type = "funcref", .size = 9000, .filled = 1}},
       .weight = 2},
      {.name = "objs",
       .memories = {{.pages = 1, .segments = {64}}},
       .tables = {{.type = "externref", .size = 20}},
       .objects = true,
       .weight = 3},
      // More than what is freed at once: given back in steps.
      {.name = "vast",
       .memories = {{.pages = 70, .segments = {2097152, 4456448}},
                    {.pages = 1, .grows = 20, .segments = {8192}}}},
      // A Rust program's size; and one that grows to several MiB.
      {.name = "rust", .memories = {{.pages = 17, .segments = {1048576}}}},
      {.name = "huge", .memories = {{.pages = 2, .grows = 20, .segments = {65536}}}},
  };
  return all;
}

std::string text_of(const Shape& shape) {
  std::string text = R"((module (import "test" "note" (func $note (param i32)))
(import "test" "exit" (func $exit (param i32)))
(import "test" "wait" (func $wait (param i32) (result i32)))
)";
  text += kCommon;
  if (shape.objects) text += kObjects;
  std::string look = "(func $look (param $first i32) (result i32) (local $wrong i32)\n";
  for (std::size_t index = 0; index < shape.memories.size(); ++index) {
    text += memory_text(shape, index);
    look += look_at_memory(shape, index);
  }
  for (std::size_t index = 0; index < shape.tables.size(); ++index) {
    text += table_text(shape, index);
    look += look_at_table(shape, index);
  }
  look += when("(call $globals)", kGlobalsBit);
  look += when("(i64.ne (call $deep (i32.const 30) (i64.const 0)) (i64.const 0))", kLocalsBit);
  if (shape.objects) look += when("(call $objects)", kObjectsBit);
  text += look + " (local.get $wrong))\n" + fill_text(shape);
  text += kEntries;
  return text;
}

std::uint32_t dirty_bits(const Shape& shape) {
  std::uint32_t bits = kGlobalsBit | (shape.objects ? kObjectsBit : 0);
  for (std::size_t index = 0; index < shape.memories.size(); ++index) {
    if (shape.memories[index].pages > 0) bits |= memory_bit(index);
    if (shape.memories[index].grows > 0) bits |= grown_bit(index);
  }
  for (std::size_t index = 0; index < shape.tables.size(); ++index) bits |= table_bit(index);
  return bits;
}

}  // namespace godwit::engine::conformance
