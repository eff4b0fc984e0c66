// Conformance: no state goes from one instance to the next. Guests of several shapes look at all
// they are given (memories, grown memory, tables, globals, locals, new objects), tell what is not
// as new, and leave canaries everywhere; their places are used again 100,000 times, with other
// shapes and other endings, and trims in between.
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "base/check.h"
#include "engine/conformance.h"

namespace godwit::engine::conformance {
namespace {

using testing::ElementsAre;

#ifdef GODWIT_SANITIZED
constexpr int kReuses = 3'000;
#else
constexpr int kReuses = 100'000;
#endif
constexpr int kTrims = 8;
// Modules of each shape: more than the places that an engine keeps for modules, so that places
// change hands.
constexpr int kCopies = 12;
// Instances that are kept waiting, so that places are not taken in order.
constexpr std::size_t kWaiting = 12;

// What a guest says was not as new, a bit each.
constexpr std::uint32_t memory_bit(std::size_t index) { return 1U << index; }
constexpr std::uint32_t grown_bit(std::size_t index) { return 1U << (8 + index); }
constexpr std::uint32_t table_bit(std::size_t index) { return 1U << (16 + index); }
constexpr std::uint32_t kGlobalsBit = 1U << 24;
constexpr std::uint32_t kLocalsBit = 1U << 25;
constexpr std::uint32_t kObjectsBit = 1U << 26;

struct Memory {
  int pages;
  int grows = 0;  // pages
  bool is_64 = false;
  std::vector<int> segments{};  // where 64 bytes of data are; multiples of 64
};

struct Table {
  std::string type;  // funcref or externref
  int size;
  int filled = 0;  // elements 1 to `filled` are functions from the beginning
};

struct Shape {
  std::string name;  // 4 characters: part of its data
  std::vector<Memory> memories{};
  std::vector<Table> tables{};
  bool objects = false;
  std::size_t weight = 1;  // how often it runs
};

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
      // A Rust program's size; and one that grows to several MiB.
      {.name = "rust", .memories = {{.pages = 17, .segments = {1048576}}}},
      {.name = "huge", .memories = {{.pages = 2, .grows = 20, .segments = {65536}}}},
  };
  return all;
}

// --- The guests' text ---------------------------------------------------------------------------

std::string number(std::size_t value) { return std::to_string(value); }

// The 16 bytes of which a segment has four: told apart by shape, memory and place.
std::string tag(const Shape& shape, std::size_t memory, int segment) {
  std::string text = "@" + shape.name + "/" + number(memory) + "/";
  text += number(static_cast<std::size_t>(segment));
  text.resize(16, '#');
  return text;
}

std::string vector_of(std::string_view bytes) {
  std::string text = "(v128.const i8x16";
  for (const char byte : bytes) text += " " + number(static_cast<unsigned char>(byte));
  return text + ")";
}

// (func $zeros_N (param from to) (result i32)): 1 when any byte of the range is not 0.
std::string memory_text(const Shape& shape, std::size_t index) {
  const Memory& memory = shape.memories[index];
  const std::string name = "$m" + number(index);
  const std::string type = memory.is_64 ? "i64" : "i32";
  std::string text = "(memory " + name + (index == 0 ? " (export \"memory\")" : "") +
                     (memory.is_64 ? " i64 " : " ") +
                     number(static_cast<std::size_t>(memory.pages)) + ")\n";
  for (const int segment : memory.segments) {
    const std::string bytes = tag(shape, index, segment);
    text += "(data (memory " + name + ") (" + type + ".const " + std::to_string(segment) + ") \"" +
            bytes + bytes + bytes + bytes + "\")\n";
  }
  text += "(func $zeros_" + number(index) + " (param $at " + type + ") (param $end " + type +
          ") (result i32) (local $any v128)\n (loop $l (if (" + type +
          ".lt_u (local.get $at) (local.get $end)) (then\n  (local.set $any (v128.or "
          "(local.get $any) (v128.or (v128.load " +
          name + " (local.get $at)) (v128.load " + name +
          " offset=16 (local.get $at)))))\n  (local.set $at (" + type + ".add (local.get $at) (" +
          type +
          ".const 32))) (br $l))))\n"
          " (v128.any_true (local.get $any)))\n";
  return text;
}

std::string when(const std::string& condition, std::uint32_t bit) {
  return " (if " + condition + " (then (local.set $wrong (i32.or (local.get $wrong) (i32.const " +
         number(bit) + ")))))\n";
}

// Statements that look at a memory: zeros up to each segment, the segment, zeros to the end; then
// the part that it grows by.
std::string look_at_memory(const Shape& shape, std::size_t index) {
  const Memory& memory = shape.memories[index];
  const std::string name = "$m" + number(index);
  const std::string constant = memory.is_64 ? "(i64.const " : "(i32.const ";
  const auto zeros = [&](int from, int to) {
    return "(call $zeros_" + number(index) + " " + constant + std::to_string(from) + ") " +
           constant + std::to_string(to) + "))";
  };
  std::string text;
  int at = 0;
  for (const int segment : memory.segments) {
    text += when(zeros(at, segment), memory_bit(index));
    const std::string wanted = vector_of(tag(shape, index, segment));
    for (at = segment; at < segment + 64; at += 16) {
      text += when("(v128.any_true (v128.xor " + wanted + " (v128.load " + name + " " + constant +
                       std::to_string(at) + "))))",
                   memory_bit(index));
    }
  }
  const int end = memory.pages * 65536;
  text += when(zeros(at, end), memory_bit(index));
  if (memory.grows == 0) return text;
  text += " (if (local.get $first) (then (drop (memory.grow " + name + " " + constant +
          std::to_string(memory.grows) + ")))))\n";
  return text + when(zeros(end, end + memory.grows * 65536), grown_bit(index));
}

constexpr int kTableGrows = 20;

std::string table_text(const Shape& shape, std::size_t index) {
  const Table& table = shape.tables[index];
  const std::string name = "$t" + number(index);
  std::string text = "(table " + name + " " + std::to_string(table.size) + " " + table.type + ")\n";
  if (table.filled > 0) {
    text += "(elem (table " + name + ") (i32.const 1) func";
    for (int count = 0; count < table.filled; ++count) text += " $canary";
    text += ")\n";
  }
  // How many elements are null.
  text += "(func $nulls_" + number(index) +
          " (result i32) (local $i i32) (local $n i32)\n"
          " (block $out (loop $l (br_if $out (i32.ge_u (local.get $i) (table.size " +
          name + ")))\n  (local.set $n (i32.add (local.get $n) (ref.is_null (table.get " + name +
          " (local.get $i)))))\n  (local.set $i (i32.add (local.get $i) (i32.const 1))) (br $l)))\n"
          " (local.get $n))\n";
  return text;
}

std::string look_at_table(const Shape& shape, std::size_t index) {
  const Table& table = shape.tables[index];
  const std::string name = "$t" + number(index);
  const std::string null = table.type == "funcref" ? "(ref.null func)" : "(ref.null extern)";
  const int nulls = table.size + kTableGrows - table.filled;
  return " (if (local.get $first) (then (drop (table.grow " + name + " " + null + " (i32.const " +
         std::to_string(kTableGrows) + ")))))\n" +
         when("(i32.ne (call $nulls_" + number(index) + ") (i32.const " + std::to_string(nulls) +
                  "))",
              table_bit(index));
}

// Leaves canaries in everything.
std::string fill_text(const Shape& shape) {
  std::string text = "(func $fill\n";
  for (std::size_t index = 0; index < shape.memories.size(); ++index) {
    const bool is_64 = shape.memories[index].is_64;
    const std::string name = "$m" + number(index);
    const std::string type = is_64 ? "i64" : "i32";
    text += " (memory.fill " + name + " (" + type + ".const 0) (i32.const 165) (" + type +
            ".mul (memory.size " + name + ") (" + type + ".const 65536)))\n";
  }
  for (std::size_t index = 0; index < shape.tables.size(); ++index) {
    const std::string name = "$t" + number(index);
    const bool functions = shape.tables[index].type == "funcref";
    text += " (table.fill " + name + " (i32.const 0) " +
            (functions ? "(ref.func $canary)" : "(extern.convert_any (ref.i31 (i32.const 165)))") +
            " (table.size " + name + "))\n";
  }
  text +=
      " (global.set $g32 (i32.const -1515870811)) (global.set $g64 (i64.const -1515870811))\n"
      " (global.set $gf (f64.const 165)) (global.set $gv (v128.const i32x4 165 165 165 165))\n"
      " (global.set $gfunc (ref.func $canary))\n"
      " (global.set $gext (extern.convert_any (ref.i31 (i32.const 165))))\n"
      " (drop (call $deep (i32.const 30) (i64.const -6510615555426900571)))\n";
  if (shape.objects) {
    text +=
        " (global.set $array (array.new $array (i64.const -6510615555426900571)"
        " (i32.const 2000)))\n";
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
  (loop $l (local.set $any (i64.or (local.get $any) (array.get $array (local.get $new) (local.get $i))))
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

// What must be wrong the second time.
std::uint32_t dirty_bits(const Shape& shape) {
  std::uint32_t bits = kGlobalsBit | (shape.objects ? kObjectsBit : 0);
  for (std::size_t index = 0; index < shape.memories.size(); ++index) {
    if (shape.memories[index].pages > 0) bits |= memory_bit(index);
    if (shape.memories[index].grows > 0) bits |= grown_bit(index);
  }
  for (std::size_t index = 0; index < shape.tables.size(); ++index) bits |= table_bit(index);
  return bits;
}

// --- The tests ----------------------------------------------------------------------------------

struct Visitor {
  const Shape* shape;
  std::shared_ptr<const Module> module;
};

// `copies` modules of each shape.
std::vector<Visitor> load_visitors(Harness& harness, int copies) {
  std::vector<Visitor> visitors;
  for (const Shape& shape : shapes()) {
    const auto code = harness.compile_text(text_of(shape));
    CHECK(code.has_value(), shape.name, code.error().text());
    for (int copy = 0; copy < copies; ++copy) {
      auto module = harness.engine().load(seal(*code), {.host_functions = host_functions()});
      CHECK(module.has_value(), shape.name, module.error().text());
      visitors.push_back({&shape, *std::move(module)});
    }
  }
  return visitors;
}

TEST_P(EngineConformance, TheGuestsThatLookForCanariesFindThem) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  for (const Visitor& visitor : load_visitors(harness(), 1)) {
    state().notes.clear();
    ASSERT_EQ(run_to_end(*start(*visitor.module, "again")).kind, OutcomeKind::kFinished);
    EXPECT_THAT(state().notes, ElementsAre(0, dirty_bits(*visitor.shape))) << visitor.shape->name;
  }
}

TEST_P(EngineConformance, NoCanaryOutlivesItsInstance) {
  GODWIT_NEEDS(executes_wasm);
  GODWIT_NEEDS(several_memories);
  const std::vector<Visitor> visitors = load_visitors(harness(), kCopies);
  std::vector<const Visitor*> order;
  for (const Visitor& visitor : visitors)
    order.insert(order.end(), visitor.shape->weight, &visitor);
  constexpr std::array<std::string_view, 8> kEntriesInTurn{"_start", "waits",  "_start", "traps",
                                                           "waits",  "_start", "exits",  "waits"};
  std::array<std::unique_ptr<Instance>, kWaiting> waiting;
  std::uint64_t random = 88172645463325252;  // xorshift; the same in every run
  for (int round = 0; round < kReuses; ++round) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    const Visitor& visitor = *order[random % order.size()];
    state().notes.clear();
    auto instance = start(*visitor.module, kEntriesInTurn[(random >> 32) % 8]);
    const Progress progress = resume_through_slices(*instance);
    ASSERT_THAT(state().notes, ElementsAre(0)) << visitor.shape->name << ", round " << round;
    if (progress == Progress::kWaiting) {
      waiting[(random >> 40) % kWaiting] = std::move(instance);
    }
    if (round % (kReuses / kTrims) == kReuses / kTrims - 1) harness().engine().trim();
  }
}

}  // namespace
}  // namespace godwit::engine::conformance
