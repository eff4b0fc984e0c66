// FunctionSpec: everything that is configured about one function. Policy is data: this is filled
// from defaults, the command line and a TOML file (settings.h), and read by whoever enforces it.
//
//   manifest::FunctionSpec spec{.name = "shop/cart", .source = "shop/cart.wasm"};
//   spec.limits.cpu = std::chrono::milliseconds(200);
//   manifest::set_environment(spec, "QUALITY", "80");
//
// Plain values; no thread-safety of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "manifest/outbound_host.h"

namespace godwit::manifest {

// The contract's defaults. Always on: there is no "unlimited", only larger values within bounds
// (settings.h: the table of limits).
struct Limits {
  std::uint64_t memory_bytes = std::uint64_t{128} << 20;  // all linear memories and tables
  std::chrono::nanoseconds cpu = std::chrono::seconds(10);
  std::chrono::nanoseconds timeout = std::chrono::seconds(30);  // admission to the last byte
  std::uint64_t request_body_bytes = std::uint64_t{10} << 20;
  std::uint64_t response_body_bytes = std::uint64_t{64} << 20;
  std::uint32_t concurrency = 1000;  // running at once
  std::uint32_t queue = 1000;        // waiting
  std::chrono::nanoseconds queue_timeout = std::chrono::seconds(1);
  std::uint64_t log_bytes = std::uint64_t{64} << 10;  // per invocation

  bool operator==(const Limits&) const = default;
};

enum class ContractChoice : std::uint8_t { kAuto, kCommand, kHttp };

enum class ResponseMode : std::uint8_t {
  kBody,  // stdout is the response body
  kCgi,   // stdout starts with a CGI header block (RFC 3875 section 6)
};

enum class InstancePolicy : std::uint8_t {
  kFresh,   // one for each request
  kReused,  // kept between the function's own requests; of what speaks HTTP itself only
};

struct Instances {
  InstancePolicy policy = InstancePolicy::kFresh;
  // Of a reused one: it goes after so many requests, or so long without one.
  std::uint64_t max_requests = 1000;
  std::chrono::nanoseconds max_idle = std::chrono::seconds(10);

  bool reused() const { return policy == InstancePolicy::kReused; }
  bool operator==(const Instances&) const = default;
};

// Which query parameters become environment variables. The names that are never taken (CGI's own
// and interpreters' variables) are refused by the adapter whatever stands here.
struct QueryEnvironment {
  enum class Policy : std::uint8_t { kAll, kNone, kListed };
  Policy policy = Policy::kAll;
  std::vector<std::string> names;  // of kListed

  bool operator==(const QueryEnvironment&) const = default;
};

struct EnvironmentVariable {
  std::string name;
  std::string value;

  bool operator==(const EnvironmentVariable&) const = default;
};

// Is there a folder /dev with stdin, stdout and stderr, for programs that insist on file names?
enum class DeviceFolder : std::uint8_t { kNo, kStdio };

// Does a function's environment hold what is known of the request (CGI variables, headers, query)?
enum class RequestEnvironment : std::uint8_t { kGiven, kLeftOut };

// A text of the configuration, and where it stands ("resize.toml:3:1"): grants and routes are
// judged long after the file was read. Where it stands is not part of what is configured: a line
// that moved is no change.
struct PlacedText {
  std::string text;
  std::string place;

  bool operator==(const PlacedText& other) const { return text == other.text; }
};

enum class FileAccess : std::uint8_t { kRead, kWrite };  // kWrite includes reading

// A folder of the host that the operator names (manifest.h: VolumeSpec).
struct VolumeMount {
  std::string volume;
  FileAccess access = FileAccess::kRead;

  bool operator==(const VolumeMount&) const = default;
};

enum class TmpfsScope : std::uint8_t {
  kInvocation,  // private to one run, gone with it
  kFunction,    // shared by the function's runs and versions, gone when the server ends
};

// A folder in memory.
struct TmpfsMount {
  std::uint64_t size_bytes = 0;
  std::uint32_t files = 1024;  // files, folders and links
  TmpfsScope scope = TmpfsScope::kInvocation;

  bool operator==(const TmpfsMount&) const = default;
};

// What a function finds in its file system, and where.
struct FileMount {
  std::string path;  // of the guest: "/data"
  std::variant<VolumeMount, TmpfsMount> what;
  std::string place;  // in the configuration

  bool operator==(const FileMount& other) const { return path == other.path && what == other.what; }
};

struct FunctionSpec {
  std::string name;    // "shop/cart"; empty for the root's index
  std::string source;  // path of the module, for messages
  ContractChoice contract = ContractChoice::kAuto;
  ResponseMode response = ResponseMode::kBody;
  std::string content_type;  // empty: found from the output (contract: text/plain or octet-stream)
  std::vector<std::string> arguments;            // after argv[0], which is the name
  std::vector<EnvironmentVariable> environment;  // ordered, names unique
  std::vector<PlacedText> secrets;               // names of the operator's; unique
  std::vector<OutboundHost> outbound_hosts;      // in the order of the file; unique
  std::vector<PlacedText> routes;                // patterns; none: /NAME and below it
  RequestEnvironment request_environment = RequestEnvironment::kGiven;
  QueryEnvironment query_environment;
  DeviceFolder devices = DeviceFolder::kNo;
  Instances instances;
  std::vector<FileMount> files;  // in the order of the file, paths unique
  Limits limits;
  std::vector<PlacedText> asked_limits;  // the keys that the settings set; the rest is default

  bool operator==(const FunctionSpec&) const = default;
};

// All names and values, and all arguments, together with a NUL each.
inline constexpr std::size_t kMaxEnvironmentBytes = std::size_t{64} << 10;
inline constexpr std::size_t kMaxArgumentsBytes = std::size_t{64} << 10;

// [A-Za-z_][A-Za-z0-9_]*, at most 256 bytes.
bool is_environment_name(std::string_view name);

// Sets (or replaces) one configured variable. Errors: kConfigBadValue for a bad name, a NUL in the
// value, or when the environment outgrows kMaxEnvironmentBytes.
Result<void> set_environment(FunctionSpec& spec, std::string_view name, std::string_view value);
// Appends one argument. Errors: kConfigBadValue as above.
Result<void> add_argument(FunctionSpec& spec, std::string_view argument);

}  // namespace godwit::manifest
