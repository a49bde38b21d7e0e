"use strict";
const unpacked = {};

/** The text of a packed element: gzip in base64. Each is unpacked once, when it is first needed. */
function unpack(id) {
  unpacked[id] ??= (async () => {
    const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  })();
  return unpacked[id];
}

const unpackJson = async (id) => (unpacked[`${id} json`] ??= JSON.parse(await unpack(id)));
