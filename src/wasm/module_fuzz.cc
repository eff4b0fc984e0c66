// Everything that looks at a module before it is compiled, over any bytes.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "wasm/contract.h"
#include "wasm/module_info.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace godwit;
  const ByteSpan bytes(reinterpret_cast<const std::byte*>(data), size);
  const bool is_text = wasm::looks_like_text(bytes);
  const auto info = wasm::read_module(bytes);
  CHECK(!(is_text && info));  // one file can't be both
  if (!info) {
    CHECK(!info.error().detail.empty());
    return 0;
  }
  for (const wasm::Import& import : info->imports) {
    CHECK(wasm::signature_text(*info, import).size() < 1024);
  }
  static constexpr wasm::ProvidedImport kProvided[] = {{"wasi_snapshot_preview1", "fd_write"}};
  static constexpr std::string_view kInterfaces[] = {"wasi:http/types@0.2"};
  const auto contract = wasm::classify(*info, {kProvided, kInterfaces});
  CHECK(contract || contract.error().detail.size() < 16384);
  CHECK(info->producers.size() <= 64 && info->custom_sections.size() <= 256);
  return 0;
}
