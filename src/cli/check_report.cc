#include "cli/check_report.h"

#include <map>
#include <vector>

#include <fmt/format.h>

#include "base/units.h"
#include "cli/output.h"
#include "cli/provided_imports.h"
#include "manifest/settings.h"

namespace godwit::cli {
namespace {

constexpr std::size_t kMaxListed = 100;  // of imports or exports, for people
constexpr std::string_view kNothing =
    "nothing: standard streams, clocks and random numbers are always there";

std::string joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::vector<std::string> feature_names(const wasm::ModuleInfo& info) {
  const wasm::Features& features = info.features;
  std::vector<std::string> names;
  const auto add = [&](bool used, const char* name) {
    if (used) names.emplace_back(name);
  };
  add(features.exceptions, "exceptions");
  add(features.memory64, "memory64");
  add(features.multi_memory, "multi-memory");
  add(features.threads, "threads");
  add(features.custom_page_sizes, "custom-page-sizes");
  add(features.garbage_collection, "gc");
  add(features.stack_switching, "stack-switching");
  add(features.simd, "simd");
  for (const std::string& feature : info.target_features) {
    names.push_back(wasm::printable_name(feature));
  }
  return names;
}

std::string kind_text(const CheckReport& report) {
  if (!report.info) return "unreadable";
  return report.info->kind == wasm::ModuleKind::kComponent ? "component" : "core module";
}

// "volume \"pictures\" (./data), read".
std::string mount_text(const CheckReport& report, const manifest::FileMount& mount) {
  if (const auto* const tmpfs = std::get_if<manifest::TmpfsMount>(&mount.what)) {
    return fmt::format("tmpfs of {} and {} files, {}", format_size(tmpfs->size_bytes), tmpfs->files,
                       tmpfs->scope == manifest::TmpfsScope::kFunction ? "kept for the function"
                                                                       : "of one invocation");
  }
  const auto& asked = std::get<manifest::VolumeMount>(mount.what);
  const manifest::VolumeSpec* const volume =
      report.manifest == nullptr ? nullptr : manifest::find_volume(*report.manifest, asked.volume);
  const bool writes = asked.access == manifest::FileAccess::kWrite;
  std::string text = fmt::format("volume \"{}\"", asked.volume);
  if (volume != nullptr) text += fmt::format(" ({})", printable(volume->path));
  text += writes ? ", read and write" : ", read";
  if (volume != nullptr && writes) {
    text += fmt::format(", at most {} and {} files in it", format_size(volume->max_size_bytes),
                        volume->max_files);
  }
  return text;
}

std::string grants_text(const CheckReport& report) {
  std::string text;
  const auto add = [&](const std::string& line) { text += (text.empty() ? "" : "\n") + line; };
  for (const manifest::FileMount& mount : report.spec.files) {
    add(fmt::format("{}: {}", printable(mount.path), mount_text(report, mount)));
  }
  if (report.spec.devices == manifest::DeviceFolder::kStdio) add("/dev: the standard streams");
  std::vector<std::string> secrets;  // by name only
  for (const manifest::PlacedText& secret : report.spec.secrets) secrets.push_back(secret.text);
  if (!secrets.empty()) add("secrets: " + joined(secrets));
  return row(report.refusal ? "asks for" : "granted", text.empty() ? std::string(kNothing) : text);
}

Json grants_json(const CheckReport& report) {
  Json files = Json::array();
  for (const manifest::FileMount& mount : report.spec.files) {
    Json file = {{"path", mount.path}};
    if (const auto* const tmpfs = std::get_if<manifest::TmpfsMount>(&mount.what)) {
      file["tmpfs_bytes"] = tmpfs->size_bytes;
      file["files"] = tmpfs->files;
      file["scope"] = tmpfs->scope == manifest::TmpfsScope::kFunction ? "function" : "invocation";
    } else {
      const auto& asked = std::get<manifest::VolumeMount>(mount.what);
      file["volume"] = asked.volume;
      file["mode"] = asked.access == manifest::FileAccess::kWrite ? "write" : "read";
    }
    files.push_back(std::move(file));
  }
  Json secrets = Json::array();
  for (const manifest::PlacedText& secret : report.spec.secrets) secrets.push_back(secret.text);
  return {{"files", std::move(files)}, {"secrets", std::move(secrets)}};
}

std::string path_row(const CheckReport& report) {
  if (!report.spec.routes.empty()) {
    std::vector<std::string> routes;
    for (const manifest::PlacedText& route : report.spec.routes) {
      routes.push_back(printable(route.text));
    }
    return row("routes", joined(routes));
  }
  return row("path", report.servable_name
                         ? "/" + report.spec.name
                         : "none: a served folder refuses this file's name (E5004)");
}

// "1 page (64KiB), at most 16".
std::string range_text(const wasm::SizeRange& range, std::uint64_t unit_bytes) {
  std::string text = std::to_string(range.minimum);
  if (unit_bytes != 0 && range.minimum <= UINT64_MAX / unit_bytes) {
    text += fmt::format(" pages ({})", format_size(range.minimum * unit_bytes));
  }
  text += range.maximum ? fmt::format(", at most {}", *range.maximum) : ", no maximum";
  if (range.is_64) text += ", 64 bit";
  if (range.shared) text += ", shared";
  return text;
}

std::uint64_t page_bytes(const wasm::MemoryType& memory) {
  return memory.page_size_log2 < 32 ? std::uint64_t{1} << memory.page_size_log2 : 0;
}

std::string imports_text(const wasm::ModuleInfo& info) {
  std::map<std::string, std::vector<std::string>> by_module;
  std::vector<std::string> missing;
  for (const wasm::Import& import : info.imports) {
    by_module[import.module].push_back(wasm::printable_name(import.name));
    if (is_provided(import)) continue;
    missing.push_back(fmt::format("{}.{} {}", wasm::printable_name(import.module),
                                  wasm::printable_name(import.name),
                                  wasm::signature_text(info, import)));
  }
  if (by_module.empty()) return row("imports", "none");
  std::string text = row("imports", std::to_string(info.imports.size()));
  for (auto& [module, names] : by_module) {
    const std::size_t count = names.size();
    names.resize(std::min(count, kMaxListed));
    text += fmt::format("    {}: {}{}\n", wasm::printable_name(module), joined(names),
                        count > kMaxListed ? fmt::format(" and {} more", count - kMaxListed) : "");
  }
  for (std::size_t i = 0; i < std::min(missing.size(), kMaxListed); ++i) {
    text += fmt::format("    not provided: {}\n", missing[i]);
  }
  return text;
}

std::string exports_text(const wasm::ModuleInfo& info) {
  std::vector<std::string> names;
  for (const wasm::Export& exported : info.exports) {
    if (names.size() == kMaxListed) {
      names.push_back(fmt::format("and {} more", info.exports.size() - kMaxListed));
      break;
    }
    names.push_back(fmt::format("{} {}", wasm::printable_name(exported.name),
                                wasm::signature_text(info, exported)));
  }
  return row("exports", names.empty() ? "none" : joined(names));
}

std::string module_text(const wasm::ModuleInfo& info) {
  if (info.kind == wasm::ModuleKind::kComponent) return {};
  std::string text = imports_text(info) + exports_text(info);
  for (const wasm::MemoryType& memory : info.memories) {
    text += row("memory", range_text(memory.pages, page_bytes(memory)));
  }
  for (const wasm::TableType& table : info.tables) {
    text += row("table", range_text(table.elements, 0) + " elements");
  }
  text += row("functions", fmt::format("{} ({} of code, {} of data)", info.function_count,
                                       format_size(info.code_bytes), format_size(info.data_bytes)));
  const auto features = feature_names(info);
  text += row("features", features.empty() ? "none beyond WebAssembly 2.0" : joined(features));
  std::vector<std::string> producers;
  for (const wasm::Producer& producer : info.producers) {
    producers.push_back(fmt::format("{} {}", wasm::printable_name(producer.name),
                                    wasm::printable_name(producer.version)));
  }
  if (!producers.empty()) text += row("made by", joined(producers));
  return text;
}

std::string limits_text(const CheckReport& report) {
  std::vector<std::string> parts;
  for (const manifest::SettingInfo& limit : manifest::limit_settings()) {
    const std::string value = manifest::limit_text(report.spec.limits, limit.key);
    const bool set = value != manifest::limit_text(manifest::Limits(), limit.key);
    parts.push_back(fmt::format("{}={}{}", limit.key, value, set ? " (set)" : ""));
  }
  return row("limits", joined(parts));
}

Json range_json(const wasm::SizeRange& range) {
  Json json = {{"minimum", range.minimum}};
  json["maximum"] = range.maximum ? Json(*range.maximum) : Json();
  return json;
}

Json module_json(const wasm::ModuleInfo& info) {
  Json imports = Json::array();
  for (const wasm::Import& import : info.imports) {
    imports.push_back({{"module", wasm::printable_name(import.module)},
                       {"name", wasm::printable_name(import.name)},
                       {"type", wasm::signature_text(info, import)},
                       {"provided", is_provided(import)}});
  }
  Json exports = Json::array();
  for (const wasm::Export& exported : info.exports) {
    exports.push_back({{"name", wasm::printable_name(exported.name)},
                       {"type", wasm::signature_text(info, exported)}});
  }
  Json memories = Json::array();
  for (const wasm::MemoryType& memory : info.memories) {
    Json json = range_json(memory.pages);
    json["page_bytes"] = page_bytes(memory);
    memories.push_back(json);
  }
  Json tables = Json::array();
  for (const wasm::TableType& table : info.tables) tables.push_back(range_json(table.elements));
  return {{"imports", imports},
          {"exports", exports},
          {"memories", memories},
          {"tables", tables},
          {"functions", info.function_count},
          {"code_bytes", info.code_bytes},
          {"data_bytes", info.data_bytes},
          {"features", feature_names(info)}};
}

}  // namespace

std::string check_text(const CheckReport& report) {
  std::string text =
      fmt::format("{}: {}\n", printable(report.file), report.refusal ? "refused" : "accepted");
  if (report.size_bytes == 0) return text;
  text += row("kind", fmt::format("{}{}, {}", kind_text(report), report.is_text ? " (text)" : "",
                                  format_size(report.size_bytes)));
  text += row("contract", report.contract ? wasm::contract_text(*report.contract) : "none");
  text += path_row(report);
  if (report.info) text += module_text(*report.info);
  if (!report.settings_path.empty()) text += row("settings", printable(report.settings_path));
  text += limits_text(report);
  return text + grants_text(report);
}

Json check_json(const CheckReport& report) {
  Json limits = Json::object();
  for (const manifest::SettingInfo& limit : manifest::limit_settings()) {
    limits[std::string(limit.key)] = manifest::limit_text(report.spec.limits, limit.key);
  }
  Json document = {{"file", report.file},
                   {"accepted", !report.refusal.has_value()},
                   {"error", report.refusal ? error_json(*report.refusal) : Json()},
                   {"kind", kind_text(report)},
                   {"text", report.is_text},
                   {"size_bytes", report.size_bytes}};
  document["contract"] = report.contract ? Json(wasm::contract_text(*report.contract)) : Json();
  const bool has_path = report.servable_name && report.spec.routes.empty();
  document["path"] = has_path ? Json("/" + report.spec.name) : Json();
  document["routes"] = Json::array();
  for (const manifest::PlacedText& route : report.spec.routes) {
    document["routes"].push_back(route.text);
  }
  document["settings"] = report.settings_path.empty() ? Json() : Json(report.settings_path);
  document["limits"] = limits;
  document[report.refusal ? "asks_for" : "granted"] = grants_json(report);
  if (report.info && report.info->kind == wasm::ModuleKind::kCore) {
    document["module"] = module_json(*report.info);
  }
  return document;
}

}  // namespace godwit::cli
