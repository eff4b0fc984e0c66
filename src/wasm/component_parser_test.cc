// Components are read by hand-assembled bytes: sections of the component model's binary format.
#include "wasm/component_parser.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wasm/test_module.h"

namespace godwit::wasm {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHeader("\0asm\x0D\0\1\0", 8);
constexpr char kImport = 10;
constexpr char kExport = 11;
constexpr std::string_view kInstance("\x05\x00", 2);  // of type 0

std::string section(char id, std::string_view body) {
  return id + leb(body.size()) + std::string(body);
}

std::string items(std::initializer_list<std::string> each) {
  std::string body = leb(each.size());
  for (const std::string& item : each) body += item;
  return body;
}

std::string imported(std::string_view name, std::string_view type, char form = '\0') {
  return form + encoded_name(name) + std::string(type);
}

// What is exported, and that no type is ascribed.
std::string exported(std::string_view name, std::string_view what) {
  return '\0' + encoded_name(name) + std::string(what) + '\0';
}

Result<ModuleInfo> read(std::string_view sections) {
  return read_module(to_bytes(std::string(kHeader) + std::string(sections)));
}

std::string problem(std::string_view sections) {
  const auto info = read(sections);
  return info ? "accepted" : info.error().detail;
}

TEST(ReadComponent, NamesAndKinds) {
  using Kind = ComponentExternKind;
  const auto info = read(
      section(kImport, items({imported("wasi:io/poll@0.2.3", kInstance),
                              imported("wasi:io/error@0.2.3", kInstance, '\1'),
                              imported("f", std::string_view("\x01\x07", 2)),
                              imported("resource", std::string_view("\x03\x01", 2)),
                              imported("equal", std::string_view("\x03\x00\x02", 3)),
                              imported("value", std::string_view("\x02\x01\x7F", 3)),
                              imported("inner", std::string_view("\x04\x00", 2)),
                              imported("core", std::string_view("\x00\x11\x00", 3))})) +
      section(kExport, items({exported("wasi:cli/run@0.2.3", kInstance),
                              exported("core", std::string_view("\x00\x11\x00", 3)),
                              std::string("\0\1g\1\3\1\1\7", 8)})));  // with its type: function 7
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->kind, ModuleKind::kComponent);
  std::vector<std::pair<std::string, Kind>> imports;
  for (const auto& each : info->component_imports) imports.emplace_back(each.name, each.kind);
  EXPECT_THAT(imports, testing::ElementsAre(testing::Pair("wasi:io/poll@0.2.3", Kind::kInstance),
                                            testing::Pair("wasi:io/error@0.2.3", Kind::kInstance),
                                            testing::Pair("f", Kind::kFunction),
                                            testing::Pair("resource", Kind::kType),
                                            testing::Pair("equal", Kind::kType),
                                            testing::Pair("value", Kind::kValue),
                                            testing::Pair("inner", Kind::kComponent),
                                            testing::Pair("core", Kind::kCoreModule)));
  ASSERT_EQ(info->component_exports.size(), 3U);
  EXPECT_EQ(info->component_exports[0].name, "wasi:cli/run@0.2.3");
  EXPECT_EQ(info->component_exports[1].kind, Kind::kCoreModule);
  EXPECT_EQ(info->component_exports[2].kind, Kind::kFunction);
}

TEST(ReadComponent, SectionsInAnyOrderAndNumber) {
  const auto info =
      read(section(kExport, items({exported("a", kInstance)})) +
           section(7, "skipped, whatever it holds") + section(0, encoded_name("name") + "body") +
           section(kImport, items({imported("b", kInstance)})) +
           section(kExport, items({exported("c", kInstance)})));
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->component_exports.size(), 2U);
  EXPECT_EQ(info->component_imports.size(), 1U);
  ASSERT_EQ(info->custom_sections.size(), 1U);
  EXPECT_EQ(info->custom_sections[0].name, "name");
}

TEST(ReadComponent, WhatANestedOneImportsIsItsOwn) {
  const std::string inner =
      std::string(kHeader) + section(kImport, items({imported("acme:deep/api", kInstance)}));
  const auto info = read(section(4, inner) + section(kExport, items({exported("a", kInstance)})));
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->component_imports.empty());
}

TEST(ReadComponent, RefusesWhatIsMalformed) {
  EXPECT_THAT(problem("junk"), HasSubstr("at byte"));
  EXPECT_THAT(problem(section(13, "x")), HasSubstr("unknown section"));
  EXPECT_THAT(problem(section(kImport, items({imported("a", "\x05\x00", '\3')}))),
              HasSubstr("unknown form"));
  EXPECT_THAT(problem(section(kImport, items({imported("a", std::string_view("\x06\x00", 2))}))),
              HasSubstr("unknown kind"));
  EXPECT_THAT(
      problem(section(kImport, items({imported("a", std::string_view("\x00\x00\x00", 3))}))),
      HasSubstr("no module"));
  EXPECT_THAT(
      problem(section(kExport, items({exported("a", std::string_view("\x00\x00\x00", 3))}))),
      HasSubstr("no module"));
  EXPECT_THAT(problem(section(kImport, items({imported("a", kInstance)}) + "x")),
              HasSubstr("longer than its contents"));
  EXPECT_NE(problem(section(kImport, items({imported("\xFF\xFE", kInstance)}))), "accepted");
  EXPECT_NE(problem(section(kImport, "\xFF\xFF\xFF\xFF\x0F")), "accepted");
}

TEST(ReadComponent, EveryCutOfOneIsRefusedOrEndsBetweenSections) {
  const std::string first = section(kImport, items({imported("wasi:io/poll@0.2.3", kInstance)}));
  const std::string whole = first + section(kExport, items({exported("a:b/c@1.0.0", kInstance)}));
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const bool between = size == 0 || size == first.size() || size == whole.size();
    EXPECT_EQ(read(whole.substr(0, size)).has_value(), between) << size;
  }
}

TEST(ReadComponent, CountsAreBounded) {
  std::string body = leb(10'001);
  for (int i = 0; i < 10'001; ++i) body += imported("a", kInstance);
  EXPECT_THAT(problem(section(kImport, body)), HasSubstr("too many imports"));
  std::string customs;
  for (int i = 0; i < 1000; ++i) customs += section(0, encoded_name(std::string(1000, 'n')));
  const auto info = read(customs);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->custom_sections.size(), 256U);
  EXPECT_EQ(info->custom_sections[0].name.size(), 256U);
}

}  // namespace
}  // namespace godwit::wasm
