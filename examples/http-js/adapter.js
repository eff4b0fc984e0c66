// SPDX-License-Identifier: Apache-2.0
//
// Between the engine's fetch event and the function: `export default { fetch(request, env, context)
// }` of the module below. It need not be changed. `env` is the function's environment, `context.
// waitUntil(promise)` keeps the instance for work that outlives the response. What is thrown is
// written to standard error, which is the function's log, and answered with 500.

import { getEnvironment } from 'wasi:cli/environment@0.2.10';
import handler from './src/main.js';

addEventListener('fetch', (event) => {
  event.respondWith(answer(event));
});

async function answer(event) {
  try {
    const env = Object.fromEntries(getEnvironment());
    const context = { waitUntil: (promise) => event.waitUntil(promise) };
    const response = await handler.fetch(event.request, env, context);
    if (response instanceof Response) {
      return response;
    }
    throw new TypeError(`fetch returned ${response}, not a Response`);
  } catch (error) {
    console.error(error?.stack ? `${error}\n${error.stack}` : String(error));
    return new Response('The function failed.\n', { status: 500 });
  }
}
