// The parser behind read_module(): one function per section, over a Reader. Private to src/wasm.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "wasm/module_info.h"
#include "wasm/reader.h"

namespace godwit::wasm {

class ModuleParser final {
 public:
  explicit ModuleParser(ByteSpan bytes) : reader_(bytes) {}

  Result<ModuleInfo> parse();

 private:
  Result<ModuleInfo> finish();
  void sections();
  void section(std::uint8_t id, Reader& in);
  bool in_order(std::uint8_t id);

  void types(Reader& in);
  void sub_type(Reader& in);
  void function_type(Reader& in);
  void field_type(Reader& in);
  ValueType value_type(Reader& in);
  void add_type(const FunctionType& type, Reader& in);

  void imports(Reader& in);
  void functions(Reader& in);
  void tables(Reader& in);
  void memories(Reader& in);
  void tags(Reader& in);
  void globals(Reader& in);
  void exports(Reader& in);
  void start(Reader& in);

  void add_function(std::uint32_t type, Reader& in);
  TableType table_type(Reader& in);
  MemoryType memory_type(Reader& in);
  std::uint32_t tag_type(Reader& in);
  void constant_expression(Reader& in);

  Reader reader_;
  ModuleInfo info_;
  std::vector<std::uint32_t> function_types_;  // of every function by its index
  std::vector<std::uint32_t> tag_types_;
  std::uint32_t imported_globals_ = 0;
  unsigned last_rank_ = 0;
  bool has_code_ = false;
};

// Reads `name`, `producers` and `target_features` as far as they are sound: custom sections never
// make a module invalid (specification, appendix "Custom Sections").
void read_custom_section(ModuleInfo& info, std::string_view name, ByteSpan body);

}  // namespace godwit::wasm
