// SPDX-License-Identifier: Apache-2.0
//
// Makes a component of src/main.js:  node build.js [OUT.wasm [WORK]]
//
// The compiler that package-lock.json names is fetched into the folder WORK (.build) when it is not
// there yet. The folder's name begins with a dot, so that a server of this folder does not serve
// what lies in it.

import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const output = resolve(process.argv[2] ?? join(folder, `${basename(folder)}.wasm`));
const work = resolve(process.argv[3] ?? join(folder, '.build'));
process.chdir(folder);

const lock = await readFile('package-lock.json', 'utf8');
const installed = join(work, 'installed-lock.json');
if ((await readFile(installed, 'utf8').catch(() => '')) !== lock) {
  await mkdir(work, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    await copyFile(file, join(work, file));
  }
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1'];
  const npm = spawnSync('npm', ['ci', '--prefix', work, ...options], { stdio: 'inherit' });
  if (npm.status !== 0) {
    console.error('npm could not fetch the compiler (componentize-js)');
    process.exit(1);
  }
  // Written last, so it tells that everything is there.
  await writeFile(installed, lock);
}

const compiler = '@bytecodealliance/componentize-js/src/componentize.js';
const { componentize } = await import(pathToFileURL(join(work, 'node_modules', compiler)));
const { component } = await componentize({
  sourcePath: 'adapter.js',
  witPath: 'world.wit',
  worldName: 'function',
});
// Whoever watches the file never sees half of it.
await writeFile(`${output}.partial`, component);
await rename(`${output}.partial`, output);
