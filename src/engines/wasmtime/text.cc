#include "engines/wasmtime/text.h"

#include "base/check.h"
#include "engines/wasmtime/bridge_bytes.h"

namespace godwit::engines::wasmtime {

ErrorCode error_code(bridge::GodwitStatus status) {
  using bridge::GodwitStatus;
  switch (status) {
    case GodwitStatus::Malformed: return ErrorCode::kModuleMalformed;
    case GodwitStatus::UnsupportedFeature: return ErrorCode::kUnsupportedFeature;
    case GodwitStatus::CompileFailed: return ErrorCode::kCompileFailed;
    case GodwitStatus::ArtifactInvalid: return ErrorCode::kArtifactInvalid;
    case GodwitStatus::UnknownImport: return ErrorCode::kUnknownImport;
    case GodwitStatus::ImportSignature: return ErrorCode::kImportSignature;
    case GodwitStatus::MemoryMinimum: return ErrorCode::kMemoryMinimum;
    case GodwitStatus::Overloaded: return ErrorCode::kServerOverloaded;
    case GodwitStatus::NoEntry: return ErrorCode::kNoContract;
    case GodwitStatus::TextMalformed: return ErrorCode::kTextMalformed;
    case GodwitStatus::Internal:
    case GodwitStatus::Ok: break;
  }
  CHECK(status != GodwitStatus::Ok);
  return ErrorCode::kInternal;
}

Result<Bytes> text_to_binary(std::string_view text) {
  BridgeBytes out;
  const bridge::GodwitStatus status = bridge::godwit_text_to_binary(to_bridge(text), out.receive());
  if (status != bridge::GodwitStatus::Ok) return bridge_failure(status, out);
  return out.copy();
}

Result<std::string> binary_to_text(ByteSpan wasm) {
  BridgeBytes out;
  const bridge::GodwitStatus status = bridge::godwit_binary_to_text(to_bridge(wasm), out.receive());
  if (status != bridge::GodwitStatus::Ok) return bridge_failure(status, out);
  return out.text();
}

}  // namespace godwit::engines::wasmtime
