#include "confinement/syscall_filter.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

namespace godwit::confinement {
namespace {

// Linux 6.1's last call is 450, on every architecture that we build for.
constexpr std::uint32_t kFirstUnknownCall = 451;
// From here on x86's 32-bit pointers (x32), which libseccomp's program refuses.
constexpr std::uint32_t kOtherNumbering = 0x40000000;

struct ReleaseContext {
  void operator()(void* context) const { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseContext>;

tl::unexpected<Error> unavailable(std::string_view what, int error) {
  return fail(ErrorCode::kConfinementMissing,
              fmt::format("seccomp: {}: {}", what, errno_text(error)));
}

// Adds rules and remembers the first that was refused.
class Builder final {
 public:
  explicit Builder(scmp_filter_ctx context) : context_(context) {}

  void add(std::uint32_t action, std::string_view name, std::vector<scmp_arg_cmp> tests = {}) {
    const int number = ::seccomp_syscall_resolve_name(std::string(name).c_str());
    if (number < 0 || error_ != 0) return;
    error_ = ::seccomp_rule_add_array(context_, action, number, static_cast<unsigned>(tests.size()),
                                      tests.data());
    if (error_ != 0) failed_ = name;
  }
  void add_all(std::uint32_t action, std::span<const std::string_view> names) {
    for (const std::string_view name : names) add(action, name);
  }
  Result<void> result() const {
    if (error_ == 0) return {};
    return unavailable(failed_, -error_);
  }

 private:
  scmp_filter_ctx context_;
  int error_ = 0;
  std::string failed_;
};

std::vector<scmp_arg_cmp> tests_of(const ConditionalCall& call) {
  std::vector<scmp_arg_cmp> tests;
  for (const ArgumentTest& test : call.tests) {
    tests.push_back(
        {.arg = test.index, .op = SCMP_CMP_MASKED_EQ, .datum_a = test.mask, .datum_b = test.value});
  }
  return tests;
}

Result<std::vector<sock_filter>> export_program(scmp_filter_ctx context) {
  const Fd file(::memfd_create("godwit-filter", MFD_CLOEXEC));
  if (!file.valid()) return unavailable("memfd_create", errno);
  const int error = ::seccomp_export_bpf(context, file.get());
  if (error != 0) return unavailable("export", -error);
  struct stat status{};
  ::fstat(file.get(), &status);
  const auto bytes = static_cast<std::size_t>(status.st_size);
  std::vector<sock_filter> program(bytes / sizeof(sock_filter));
  if (::pread(file.get(), program.data(), bytes, 0) != static_cast<ssize_t>(bytes)) {
    return unavailable("its program", errno);
  }
  return program;
}

sock_filter jump(std::uint16_t code, std::uint32_t operand, std::uint8_t yes, std::uint8_t no) {
  return {.code = code, .jt = yes, .jf = no, .k = operand};
}

// In front of libseccomp's program, whose jumps are relative: calls that came after us do not
// exist.
void put_unknown_calls_first(std::vector<sock_filter>& program) {
  const std::array<sock_filter, 4> first = {
      jump(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr), 0, 0),
      jump(BPF_JMP | BPF_JGE | BPF_K, kOtherNumbering, 2, 0),
      jump(BPF_JMP | BPF_JGE | BPF_K, kFirstUnknownCall, 0, 1),
      jump(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0)};
  program.insert(program.begin(), first.begin(), first.end());
}

}  // namespace

Result<SyscallFilter> SyscallFilter::make(const FilterRules& rules) {
  const bool deny = rules.otherwise == FilterDefault::kDeny;
  const Context context(::seccomp_init(deny ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW));
  if (context == nullptr) return unavailable("init", ENOMEM);
  // A call by another architecture's door (int 0x80) is never ours.
  ::seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  ::seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree instead of a list
  Builder builder(context.get());
  builder.add_all(SCMP_ACT_ALLOW, rules.allowed);
  for (const ConditionalCall& call : rules.allowed_if) {
    builder.add(SCMP_ACT_ALLOW, call.name, tests_of(call));
  }
  builder.add_all(SCMP_ACT_KILL_PROCESS, rules.attacks);
  builder.add_all(SCMP_ACT_ERRNO(ENOSYS), rules.absent);
  builder.add_all(SCMP_ACT_ERRNO(EPERM), rules.denied);
  for (const ConditionalCall& call : rules.denied_if) {
    builder.add(SCMP_ACT_ERRNO(EPERM), call.name, tests_of(call));
  }
  if (auto built = builder.result(); !built) return fail(std::move(built.error()));
  auto program = export_program(context.get());
  if (!program) return fail(std::move(program.error()));
  if (deny) put_unknown_calls_first(*program);
  return SyscallFilter(std::move(*program));
}

Result<void> SyscallFilter::install(FilterThreads threads) const {
  std::vector<sock_filter> program = program_;
  const auto own = static_cast<std::uint32_t>(::getpid());
  for (sock_filter& step : program) {
    const bool compares = BPF_CLASS(step.code) == BPF_JMP;
    if (compares && step.k == kOwnProcess) step.k = own;
  }
  const sock_fprog whole{.len = static_cast<unsigned short>(program.size()),
                         .filter = program.data()};
  const unsigned long flags = threads == FilterThreads::kAll ? SECCOMP_FILTER_FLAG_TSYNC : 0UL;
  const long result = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &whole);
  if (result == 0) return {};
  if (result > 0) {
    return fail(ErrorCode::kConfinementMissing,
                fmt::format("seccomp: thread {} has a filter of its own", result));
  }
  return unavailable("install", errno);
}

bool has_seccomp() {
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool is_system_call(std::string_view name) {
  return ::seccomp_syscall_resolve_name(std::string(name).c_str()) >= 0;
}

}  // namespace godwit::confinement
