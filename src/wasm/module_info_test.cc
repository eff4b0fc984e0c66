#include "wasm/module_info.h"

#include <limits>
#include <random>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wasm/test_module.h"

namespace godwit::wasm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string problem_of(const ModuleBuilder& builder) {
  const auto info = read_module(builder.build());
  return info ? "" : info.error().detail;
}

TEST(ReadModule, ReadsACommand) {
  ModuleBuilder builder = ModuleBuilder::command();
  builder.start(1);
  const auto info = read_module(builder.build());
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->kind, ModuleKind::kCore);
  ASSERT_EQ(info->imports.size(), 1u);
  EXPECT_EQ(info->imports[0].module, "wasi_snapshot_preview1");
  EXPECT_EQ(info->imports[0].name, "fd_write");
  EXPECT_EQ(signature_text(*info, info->imports[0]), "function (i32, i32, i32, i32) -> (i32)");
  ASSERT_NE(find_export(*info, "_start"), nullptr);
  EXPECT_EQ(signature_text(*info, *find_export(*info, "_start")), "function () -> ()");
  EXPECT_EQ(find_export(*info, "memory")->kind, ExternKind::kMemory);
  EXPECT_EQ(find_export(*info, "none"), nullptr);
  EXPECT_EQ(info->imported_function_count, 1u);
  EXPECT_EQ(info->function_count, 1u);
  EXPECT_TRUE(info->has_start);
  EXPECT_EQ(initial_memory_bytes(*info), 65536u);
}

TEST(ReadModule, ReadsMemoriesAndTablesOfEveryForm) {
  ModuleBuilder builder;
  builder.raw_import("env", "memory", std::string("\x02\x01\x01\x02", 4));
  builder.memory(std::string("\x03\x02", 2) + leb(16));  // shared, 2 to 16 pages
  builder.memory(std::string("\x05", 1) + leb(1ULL << 40) + leb(1ULL << 41));  // 64-bit
  builder.memory(std::string("\x08\x07", 2) + leb(0));  // seven pages of one byte
  builder.table(std::string("\x70\x01\x03\x09", 4));
  builder.table(std::string("\x40\x00\x70\x00\x05\xD2\x00\x0B", 8));  // with an initial value
  const auto info = read_module(builder.build());
  ASSERT_TRUE(info) << info.error().text();
  ASSERT_EQ(info->memories.size(), 4u);
  EXPECT_TRUE(info->memories[0].imported);
  EXPECT_TRUE(info->memories[1].pages.shared);
  EXPECT_EQ(info->memories[1].pages.maximum, 16u);
  EXPECT_TRUE(info->memories[2].pages.is_64);
  EXPECT_EQ(info->memories[2].pages.minimum, 1ULL << 40);
  EXPECT_EQ(info->memories[3].page_size_log2, 0);
  ASSERT_EQ(info->tables.size(), 2u);
  EXPECT_EQ(info->tables[0].elements.maximum, 9u);
  EXPECT_EQ(info->tables[1].elements.minimum, 5u);
  EXPECT_TRUE(info->features.memory64 && info->features.threads && info->features.multi_memory &&
              info->features.custom_page_sizes);
}

TEST(ReadModule, InitialMemorySaturates) {
  ModuleBuilder builder;
  builder.memory(std::string("\x04", 1) + leb(std::numeric_limits<std::uint64_t>::max()));
  builder.memory(std::string("\x00\x01", 2));
  const auto info = read_module(builder.build());
  ASSERT_TRUE(info);
  EXPECT_EQ(initial_memory_bytes(*info), std::numeric_limits<std::uint64_t>::max());
}

TEST(ReadModule, ReadsTagsAndGarbageCollectedTypes) {
  ModuleBuilder builder;
  builder.type(std::string(1, ModuleBuilder::kI32), {});
  builder.raw_type(std::string("\x4E\x02\x50\x00\x5F\x02\x7F\x00\x78\x01\x60\x01\x63\x01\x00", 15));
  builder.raw_type(std::string("\x5E\x64\x70\x01", 4));
  builder.tag(0);
  builder.export_item("oops", 4, 0);
  const auto info = read_module(builder.build());
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_TRUE(info->features.exceptions);
  EXPECT_TRUE(info->features.garbage_collection);
  ASSERT_EQ(info->types.size(), 4u);
  EXPECT_FALSE(info->types[1].is_function);
  EXPECT_EQ(type_text(*info, 2), "(ref) -> ()");
  EXPECT_EQ(signature_text(*info, info->exports[0]), "tag (i32) -> ()");
}

// The engine refuses them, and by name: it must not look like a broken file before.
TEST(ReadModule, ReadsContinuationTypes) {
  ModuleBuilder builder = ModuleBuilder::command();
  builder.raw_type(std::string("\x5D\x00", 2));
  const auto info = read_module(builder.build());
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_TRUE(info->features.stack_switching);
  EXPECT_FALSE(info->types.back().is_function);
}

TEST(ReadModule, ReadsCustomSections) {
  ModuleBuilder builder = ModuleBuilder::command();
  builder.custom("name", std::string(1, '\0') + leb(6) + encoded_name("greet"));
  builder.custom("producers", "\x01" + encoded_name("language") + "\x01" + encoded_name("Rust") +
                                  encoded_name("1.80"));
  builder.custom("target_features", "\x02+" + encoded_name("simd128") + "-" + encoded_name("gc"));
  builder.custom("name", "\xFF\xFF");  // broken ones are no error
  const auto info = read_module(builder.build());
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->module_name, "greet");
  ASSERT_EQ(info->producers.size(), 1u);
  EXPECT_EQ(info->producers[0].name, "Rust");
  EXPECT_EQ(info->producers[0].version, "1.80");
  EXPECT_THAT(info->target_features, ElementsAre("+simd128", "-gc"));
  ASSERT_EQ(info->custom_sections.size(), 4u);
  EXPECT_EQ(info->custom_sections[3].size_bytes, 7u);
}

TEST(ReadModule, TellsComponentsAndOtherFiles) {
  const auto component = read_module(to_bytes(std::string_view("\0asm\x0D\0\1\0", 8)));
  ASSERT_TRUE(component);
  EXPECT_EQ(component->kind, ModuleKind::kComponent);
  EXPECT_FALSE(read_module(to_bytes(std::string_view("\0asm\x0D\0\1\0junk", 12))));
  EXPECT_FALSE(read_module(to_bytes(std::string_view("\0asm\x0C\0\1\0", 8))));
  for (const std::string_view text :
       {std::string_view(""), std::string_view("\0as", 3), std::string_view("\0asm", 4),
        std::string_view("\0asm\2\0\0\0", 8),
        std::string_view("\x7F"
                         "ELF\1\0\0\0",
                         8)}) {
    const auto other = read_module(to_bytes(text));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::kModuleMalformed);
  }
}

TEST(ReadModule, RefusesIndicesOfWhatIsNotThere) {
  ModuleBuilder unknown_type;
  unknown_type.type({}, {});
  unknown_type.import_function("a", "b", 1);
  EXPECT_THAT(problem_of(unknown_type), HasSubstr("function of an unknown type at byte"));
  for (const char kind : {'\0', '\1', '\2', '\3', '\4'}) {
    ModuleBuilder unknown_export;
    unknown_export.export_item("x", kind, 0);
    EXPECT_THAT(problem_of(unknown_export), HasSubstr("export of something that is not there"));
  }
  ModuleBuilder unknown_start;
  unknown_start.start(0);
  EXPECT_THAT(problem_of(unknown_start), HasSubstr("start function that is not there"));
  ModuleBuilder function_of_struct;
  function_of_struct.raw_type(std::string("\x5F\x00", 2));
  function_of_struct.import_function("a", "b", 0);
  EXPECT_THAT(problem_of(function_of_struct), HasSubstr("function of an unknown type"));
}

TEST(ReadModule, RefusesCountsAndLengthsBeyondTheFile) {
  for (const char id : std::string_view("\1\2\3\4\5\6\7\x09\x0B\x0D")) {
    ModuleBuilder builder;
    builder.raw_section(id, "\xFF\xFF\xFF\xFF\x0F");
    EXPECT_THAT(problem_of(builder), HasSubstr("more elements than bytes")) << int{id};
  }
  const std::string header("\0asm\1\0\0\0", 8);
  const auto long_section = read_module(to_bytes(header + "\x01\xFF\xFF\xFF\xFF\x0F"));
  ASSERT_FALSE(long_section);
  EXPECT_THAT(long_section.error().detail, HasSubstr("length beyond the end"));
}

TEST(ReadModule, RefusesSectionsOutOfOrder) {
  ModuleBuilder repeated = ModuleBuilder::command();
  repeated.raw_section(1, std::string(1, '\0'));
  EXPECT_THAT(problem_of(repeated), HasSubstr("section out of order or repeated"));
  ModuleBuilder unknown;
  unknown.raw_section(14, "");
  EXPECT_THAT(problem_of(unknown), HasSubstr("unknown section"));
  ModuleBuilder padded;
  padded.raw_section(1, std::string("\0\0", 2));
  EXPECT_THAT(problem_of(padded), HasSubstr("section is longer than its contents"));
}

TEST(ReadModule, BoundsSignatures) {
  ModuleBuilder builder;
  builder.type(std::string(1001, ModuleBuilder::kI32), {});
  EXPECT_THAT(problem_of(builder), HasSubstr("too many parameters or results"));
  ModuleBuilder long_type;
  long_type.type(std::string(100, ModuleBuilder::kI64), {});
  const auto info = read_module(long_type.build());
  ASSERT_TRUE(info);
  EXPECT_THAT(type_text(*info, 0), HasSubstr("i64, and 84 more) -> ()"));
}

// A cut file is an error wherever it is cut, but between two sections it may be a module.
TEST(ReadModule, CutAnywhere) {
  ModuleBuilder builder = ModuleBuilder::command();
  builder.table(std::string("\x70\x01\x03\x09", 4));
  builder.tag(0);
  builder.custom("producers", "\x01" + encoded_name("language") + "\x01" + encoded_name("Rust") +
                                  encoded_name("1.80"));
  const Bytes whole = builder.build();
  ASSERT_TRUE(read_module(whole));
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of exact size, so that ASan sees a read behind it.
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const auto info = read_module(cut);
    if (info) {
      ++accepted;
    } else {
      EXPECT_EQ(info.error().code, ErrorCode::kModuleMalformed);
      EXPECT_FALSE(info.error().detail.empty());
    }
  }
  // Header alone; after types; after imports; and without the custom section.
  EXPECT_EQ(accepted, 4u);
}

TEST(ReadModule, AnyChangedByteIsSurvived) {
  const Bytes whole = ModuleBuilder::command().build();
  for (std::size_t position = 0; position < whole.size(); ++position) {
    for (unsigned value = 0; value < 256; ++value) {
      Bytes changed = whole;
      changed[position] = static_cast<std::byte>(value);
      const auto info = read_module(changed);
      if (!info) {
        EXPECT_FALSE(info.error().detail.empty());
      }
    }
  }
}

TEST(LooksLikeText, TellsTextFromBinary) {
  const auto text = [](std::string_view input) { return looks_like_text(as_bytes(input)); };
  EXPECT_TRUE(text("(module)"));
  EXPECT_TRUE(text(" \r\n\t(module)"));
  EXPECT_TRUE(text(";; a comment\n;;another\n(module)"));
  EXPECT_TRUE(text("(; a (; nested ;) block ;)(module)"));
  EXPECT_FALSE(text(""));
  EXPECT_FALSE(text("; (module)"));
  EXPECT_FALSE(text(";; only a comment"));
  EXPECT_FALSE(text("(; without end (module)"));
  EXPECT_FALSE(text("(;"));
  EXPECT_FALSE(text("module"));
  EXPECT_FALSE(text(std::string_view("\0asm(module)", 12)));
}

TEST(PrintableName, EscapesAndCuts) {
  EXPECT_EQ(printable_name("fd_write"), "fd_write");
  EXPECT_EQ(printable_name("\x1B[31m\n\"\\é"), "\\x1B[31m\\x0A\\\"\\\\\\xC3\\xA9");
  EXPECT_EQ(printable_name(std::string(1000, 'a'), 10), "aaaaaaaaaa…");
}

}  // namespace
}  // namespace godwit::wasm
