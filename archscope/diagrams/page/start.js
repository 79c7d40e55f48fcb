"use strict";
// All that the page knows is packed: without that, a page of 10,000 layers would be several megabytes.
async function unpack() {
  try {
    const packed = Uint8Array.from(atob(document.getElementById("packed").textContent), each => each.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  } catch (error) {
    document.getElementById("side").prepend("This page needs a browser of 2023 or later. ");
    throw error;
  }
}
