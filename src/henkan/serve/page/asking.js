"use strict";
// What is asked of the server, and what goes wrong.

class Failed extends Error {}

async function ask(path, facts, parts, signal) {
  const sizes = {}, blobs = [];
  for (const [key, blob] of Object.entries(parts)) { sizes[key] = blob.size; blobs.push(blob); }
  const body = new Blob([JSON.stringify({ ...facts, sizes }), "\n", ...blobs]);
  if (body.size > offer.most.bytes) {
    throw new Failed(`${Math.round(body.size / 1e6)} MB are too much: ${Math.round(offer.most.bytes / 1e6)} MB are taken`);
  }
  for (let again = 0; ; again++) {
    let answer;
    try {
      answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body, signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failed("henkan does not answer: is it still running?");
    }
    if (answer.status === 503 && again < 5) { await new Promise((done) => setTimeout(done, RETRY)); continue; }
    if (!answer.ok) throw new Failed((await answer.json()).error);
    return answer;
  }
}

function complain(line) {
  $("error").textContent = line;
  $("error").hidden = !line;
  clearTimeout(complain.timer);
  if (line) complain.timer = setTimeout(() => complain(""), 12000);
}

function guarded(action) {
  return async (...given) => {
    try { await action(...given); } catch (error) {
      if (error.name === "AbortError") return;
      if (!(error instanceof Failed)) console.error(error);
      complain(error.message);
    }
  };
}
