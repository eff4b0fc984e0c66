// SPDX-License-Identifier: Apache-2.0
//
// An ordinary fetch handler; nothing here knows of WebAssembly.

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname.endsWith('/upper')) {
      return upper(request);
    }
    if (url.pathname.endsWith('/count')) {
      return count(request);
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return text('only GET and HEAD\n', { status: 405, headers: { allow: 'GET, HEAD' } });
    }
    // An empty name is none.
    const name = url.searchParams.getAll('name').pop() || 'World';
    return text(`Hello, ${name}!\n`, { headers: { 'x-greeter': 'javascript, fetch' } });
  },
};

function text(body, { status = 200, headers = {} } = {}) {
  return new Response(body, {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
  });
}

// Streams: each piece goes out when it has come in.
function upper(request) {
  if (!request.body) {
    return text('');
  }
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  const pieces = new TransformStream({
    transform(piece, output) {
      const letters = decoder.decode(piece, { stream: true });
      output.enqueue(encoder.encode(letters.toUpperCase()));
    },
    flush(output) {
      output.enqueue(encoder.encode(decoder.decode().toUpperCase()));
    },
  });
  return text(request.body.pipeThrough(pieces));
}

// The words of a JSON list of texts.
async function count(request) {
  let words = 0;
  try {
    for (const item of await request.json()) {
      words += item.split(/\s+/).filter(Boolean).length;
    }
  } catch {
    return Response.json({ error: 'send a JSON list of texts' }, { status: 400 });
  }
  return Response.json({ words });
}
