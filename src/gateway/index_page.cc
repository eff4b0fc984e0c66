#include "gateway/index_page.h"

#include <algorithm>

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

// A link where a browser can follow one: a path without wildcards, for GET, on this host.
std::string link(const RoutePattern& pattern) {
  std::string text = escaped(pattern.text());
  const auto segments = pattern.segments();
  const bool plain = std::none_of(segments.begin(), segments.end(), [](const auto& segment) {
    return segment.kind == SegmentKind::kWildcard || segment.kind == SegmentKind::kEnd;
  });
  const bool followed = plain && pattern.host().empty() &&
                        (pattern.method().empty() || pattern.method() == "GET") &&
                        !pattern.text().ends_with("}");
  if (!followed) return text;
  return fmt::format("<a href=\"{}\">{}</a>",
                     escaped(std::string_view(pattern.text()).substr(pattern.text().find('/'))),
                     text);
}

std::string links(const Route& route) {
  if (route.patterns.empty()) {
    const std::string path = escaped("/" + route.name);
    return route.function == nullptr ? path : fmt::format("<a href=\"{0}\">{0}</a>", path);
  }
  std::string text;
  for (const RoutePattern& pattern : route.patterns) {
    if (!text.empty()) text += "<br>";
    text += route.function == nullptr ? escaped(pattern.text()) : link(pattern);
  }
  return text;
}

std::string row(const Route& route) {
  if (route.function == nullptr) {
    return fmt::format("<tr class=\"down\"><td>{}</td><td>{}</td><td colspan=\"3\">{}</td></tr>\n",
                       links(route), error_code_text(route.unavailable->code),
                       escaped(route.unavailable->detail));
  }
  const manifest::FunctionSpec& spec = route.function->spec;
  return fmt::format("<tr><td>{}</td><td>ready</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                     links(route), format_size(spec.limits.memory_bytes),
                     format_duration(spec.limits.cpu), escaped(spec.source));
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
  for (const auto& route : table.routes()) {
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
