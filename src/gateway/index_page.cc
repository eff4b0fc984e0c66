#include "gateway/index_page.h"

#include <fmt/format.h>

#include "base/units.h"

namespace godwit::gateway {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

std::string row(const Route& route) {
  const std::string path = route.script_name.empty() ? "/" : route.script_name;
  if (route.function == nullptr) {
    return fmt::format("<tr class=\"down\"><td>{}</td><td>{}</td><td colspan=\"3\">{}</td></tr>\n",
                       escaped(path), error_code_text(route.unavailable->code),
                       escaped(route.unavailable->detail));
  }
  const manifest::FunctionSpec& spec = route.function->spec;
  return fmt::format(
      "<tr><td><a href=\"{0}\">{0}</a></td><td>ready</td><td>{1}</td><td>{2}</td><td>{3}</td></tr>"
      "\n",
      escaped(path), format_size(spec.limits.memory_bytes), format_duration(spec.limits.cpu),
      escaped(spec.source));
}

constexpr std::string_view kTop =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Godwit</title>\n<style>\n"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1d2b36}\n"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem;"
    "border-bottom:1px solid #d8e0e6;overflow-wrap:anywhere}\n"
    ".down td{color:#9b2226}a{color:#0b6e99}code{background:#eef3f6;padding:.1rem .3rem}\n"
    "</style></head><body>\n<h1>Godwit</h1>\n";
constexpr std::string_view kBottom =
    "</table>\n<p>Query parameters are the function's environment, the request body is its stdin, "
    "its stdout is the answer: <code>curl 'http://…/NAME?name=Ada'</code>. A file dropped into the "
    "folder is served at once.</p>\n</body></html>\n";

}  // namespace

std::string index_page(const RouteTable& table, std::size_t max_bytes) {
  std::string page(kTop);
  fmt::format_to(std::back_inserter(page),
                 "<p>{} of {} functions are ready.</p>\n<table>\n<tr><th>path</th><th>state</th>"
                 "<th>memory</th><th>cpu</th><th>source</th></tr>\n",
                 table.available(), table.routes().size());
  std::size_t left = table.routes().size();
  for (const auto& [name, route] : table.routes()) {
    const std::string text = row(*route);
    if (page.size() + text.size() + kBottom.size() + 100 > max_bytes) break;
    page += text;
    --left;
  }
  if (left > 0) {
    fmt::format_to(std::back_inserter(page), "<tr><td colspan=\"5\">and {} more</td></tr>\n", left);
  }
  page += kBottom;
  return page;
}

}  // namespace godwit::gateway
