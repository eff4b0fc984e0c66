// docs/reference/settings.md, from the tables that check.
#include <fmt/format.h>

#include "manifest/manifest.h"
#include "manifest/settings.h"

namespace godwit::manifest {
namespace {

bool is_prose(std::string_view text) {
  return text.find(' ') != std::string_view::npos && !text.starts_with('[') &&
         !text.starts_with('"');
}

std::string table_line(const SettingInfo& row) {
  const bool plain = row.default_text.empty() || is_prose(row.default_text);
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", row.key, row.type,
                     plain ? row.default_text : "`" + row.default_text + "`", row.range_text,
                     row.documentation);
}

void add_table(std::string& page, std::span<const SettingInfo> rows) {
  page += "| key | type | default | range | meaning |\n|---|---|---|---|---|\n";
  for (const SettingInfo& row : rows) page += table_line(row);
}

constexpr std::string_view kIntroduction =
    "# Settings\n\n"
    "A file `NAME.toml` beside `NAME.wasm` or `NAME.wat` holds the settings of that function. A "
    "`godwit.toml` is the operator's file: it holds the same settings as `[function.NAME]`, and "
    "besides what the server is and what it grants. Unknown keys are errors.\n\n";

constexpr std::string_view kFunctionText =
    "## A function: `[function.NAME]`, or a `NAME.toml`\n\n"
    "A name with a slash is quoted: `[function.\"shop/cart\"]`. In a `NAME.toml` the keys stand at "
    "the top. All but `source` are optional.\n\n"
    "```toml\n"
    "response = \"cgi\"\n"
    "environment = { QUALITY = \"80\" }\n"
    "secrets = [\"API_KEY\"]\n"
    "allowed-outbound-hosts = [\"https://api.example.com\"]\n"
    "limits = { memory = \"64MiB\", cpu = \"200ms\" }\n"
    "[files]\n"
    "\"/data\" = { volume = \"pictures\", mode = \"read\" }\n"
    "\"/tmp\" = { tmpfs = \"16MiB\" }\n"
    "```\n\n";

constexpr std::string_view kFilesText =
    "\n### `files`\n\n"
    "A table from paths of the guest (absolute, none inside another) to what stands there: "
    "`{ volume = … }`, `{ tmpfs = … }`, or `\"/dev\" = \"stdio\"`: a folder with stdin, stdout and "
    "stderr, for programs that insist on file names.\n\n";

constexpr std::string_view kLimitsText =
    "\n### `limits`\n\n"
    "They are always on. A size or time is a text with its unit (`\"64MiB\"`, `\"200ms\"`), a "
    "count is a bare number. `limit` in `[server]`, and `--limit KEY=VALUE` on the command line "
    "before that, set the default for functions that set none.\n\n";

constexpr std::string_view kServerText =
    "\n## The server: `[server]`\n\n"
    "The flags of `godwit serve` under the same names; a flag wins. Paths are relative to the "
    "folder of the file. All but `limit` need a restart.\n\n";

constexpr std::string_view kVolumeText =
    "\n## A volume: `[volume.NAME]`\n\n"
    "A folder of the host that functions may ask for by its name. Only here do the host's paths "
    "appear.\n\n";

constexpr std::string_view kSecretText =
    "\n## A secret: `[secret.NAME]`\n\n"
    "Exactly one of `file` and `environment` stands here. The functions that it is granted to find "
    "it as the environment variable NAME when they ask for it in `secrets`.\n\n";

constexpr std::string_view kBoundsText =
    "\n## Upper bounds: `[bounds]`\n\n"
    "How much functions may ask for that are not the operator's own: those of a folder that is "
    "served with a `godwit.toml`. From patterns of functions to tables of limits; for each limit "
    "the most specific pattern counts. What a function sets beyond it is refused; a default beyond "
    "it is lowered. `allowed-outbound-hosts` is a grant: what no pattern allows is refused.\n\n"
    "```toml\n"
    "[bounds]\n"
    "\"*\" = { memory = \"128MiB\", tmpfs = \"16MiB\" }\n"
    "\"shop/*\" = { memory = \"512MiB\", allowed-outbound-hosts = [\"https://*.example.com\"] }\n"
    "```\n\n"
    "Besides the limits above:\n\n";

}  // namespace

std::string settings_reference_markdown() {
  std::string page(kIntroduction);
  page += kFunctionText;
  std::vector<SettingInfo> function(manifest_function_settings().begin(),
                                    manifest_function_settings().end());
  function.insert(function.end(), function_settings().begin(), function_settings().end());
  add_table(page, function);
  page += kFilesText;
  add_table(page, mount_settings());
  page += kLimitsText;
  add_table(page, limit_settings());
  page += kServerText;
  add_table(page, server_settings());
  page += kVolumeText;
  add_table(page, volume_settings());
  page += kSecretText;
  add_table(page, secret_settings());
  page += kBoundsText;
  add_table(page, bounds_settings());
  return page;
}

}  // namespace godwit::manifest
