// Files that verbs write.
//
//   auto written = write_output(options.output, bytes);   // "" or "-": stdout
//
// For the main thread.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/error.h"

namespace godwit::cli {

// Replaces a file in one step: who reads it, or watches its folder, sees the old or the new bytes,
// and a full disk leaves the old ones. What is no regular file (a pipe, a device) is written into.
// Errors: kFileUnwritable.
Result<void> write_file(const std::string& path, ByteSpan bytes);

enum class Content { kText, kBinary };
// To the file, or to stdout for "" and "-". Errors: kUsage for binary bytes that would land on a
// terminal, kFileUnwritable.
Result<void> write_output(const std::string& path, ByteSpan bytes, Content content);

}  // namespace godwit::cli
