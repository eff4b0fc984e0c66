// Writes the pages of docs/ that are made from code, so that they cannot say anything else than the
// code does.
//
//   godwit_gen_docs docs           writes docs/errors.md, docs/reference/settings.md and metrics.md
//   godwit_gen_docs docs --check   writes nothing; fails when a page is missing or stale
//
// Exit status: 0 fine, 1 stale or not writable, 2 wrong usage.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "base/error.h"
#include "manifest/settings.h"
#include "observe/metric_table.h"

namespace godwit {
namespace {

struct Page {
  std::string file_name;
  std::string text;
};

// The heading of a phase: the thousands of an error's number (errors.def).
std::string_view phase_title(int thousands) {
  switch (thousands) {
    case 1: return "The request";
    case 2: return "The module";
    case 3: return "The run";
    case 4: return "Limits";
    case 5: return "Registry and artifacts";
    case 6: return "Configuration";
    case 7: return "The platform";
    default: return "Other";
  }
}

// A cell of a Markdown table: a bar would end it.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

Page errors_page() {
  Page page{"errors.md",
            "# Errors\n\n"
            "<!-- Made by `./dev docs` from src/base/errors.def; do not edit. -->\n\n"
            "Every failure that a client, an author of functions or an operator can see has a "
            "code of this table.\nA code never changes its meaning. `godwit explain CODE` prints "
            "one row; the body of a failed request\n(`application/problem+json`) names it in "
            "`code`. \"Who acts\" is who can cure it; \"HTTP\" is the status\nthat a client gets "
            "when the failure ends its request.\n"};
  int phase = 0;
  for (const ErrorInfo& info : all_errors()) {
    const int number = static_cast<int>(info.code);
    if (number / 1000 != phase) {
      phase = number / 1000;
      page.text += fmt::format(
          "\n## E{}xxx: {}\n\n| code | HTTP | who acts | what happened | what to do |\n"
          "|---|---|---|---|---|\n",
          phase, phase_title(phase));
    }
    page.text +=
        fmt::format("| {} | {} | {} | {} | {} |\n", error_code_text(info.code), info.http_status,
                    blame_text(info.blame), cell(info.title), cell(info.next_step));
  }
  return page;
}

// A notice below the title, so that whoever edits the page by hand reads it first.
Page made_page(std::string file_name, std::string text, std::string_view source) {
  const std::size_t title_end = text.find('\n');
  text.insert(title_end + 1,
              fmt::format("\n<!-- Made by `./dev docs` from {}; do not edit. -->\n", source));
  return {std::move(file_name), std::move(text)};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

bool write_file(const std::string& path, const std::string& text) {
  std::error_code ignored;  // a folder that can't be made shows below
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return !file.fail();
}

int run(const std::string& folder, bool check_only) {
  const std::vector<Page> pages = {
      errors_page(),
      made_page("reference/settings.md", manifest::settings_reference_markdown(),
                "the tables in src/manifest"),
      made_page("reference/metrics.md", observe::metrics_reference_markdown(),
                "the tables in src/observe")};
  int status = 0;
  for (const Page& page : pages) {
    const std::string path = folder + "/" + page.file_name;
    if (read_file(path) == page.text) continue;
    if (check_only) {
      fmt::print(stderr, "{} does not say what the code says: run ./dev docs\n", path);
      status = 1;
    } else if (write_file(path, page.text)) {
      fmt::print("wrote {}\n", path);
    } else {
      fmt::print(stderr, "cannot write {}: {}\n", path, errno_text());
      status = 1;
    }
  }
  return status;
}

}  // namespace
}  // namespace godwit

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const bool check_only = arguments.size() == 2 && arguments[1] == "--check";
  if (arguments.empty() || arguments[0].starts_with("-") || (arguments.size() > 1 && !check_only)) {
    fmt::print(stderr, "usage: godwit_gen_docs DOCS_FOLDER [--check]\n");
    return 2;
  }
  return godwit::run(std::string(arguments[0]), check_only);
}
