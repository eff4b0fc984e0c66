// SPDX-License-Identifier: Apache-2.0
//
// Makes a component of a module that exports `fetch` by default: node build.js IN.js OUT.wasm

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { componentize } from '@bytecodealliance/componentize-js';

const folder = dirname(fileURLToPath(import.meta.url));
const [input, output] = process.argv.slice(2).map((path) => resolve(path));
if (!output) {
  console.error('usage: node build.js IN.js OUT.wasm');
  process.exit(2);
}

// What the engine runs is the adapter; it imports the function's module.
process.chdir(folder);
const entry = '.entry.js';
const adapter = await readFile('adapter.js', 'utf8');
await writeFile(entry, adapter.replace('./src/function.js', `./${relative(folder, input)}`));
try {
  const { component } = await componentize({
    sourcePath: entry,
    witPath: 'world.wit',
    worldName: 'function',
  });
  // Whoever watches the file never sees half of it.
  await writeFile(`${output}.partial`, component);
  await rename(`${output}.partial`, output);
} finally {
  await rm(entry);
}
