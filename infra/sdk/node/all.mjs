// Sends what standard input says, an order a line, each in the way that it names, and prints what became
// of each. It is the SDK's own emitter that sends, unchanged; a batch it does not have.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { CloudEvent, emitterFor, httpTransport, Mode } from "cloudevents";

const url = process.env.TENANTRY_USAGE_URL;
const token = readFileSync(process.env.TENANTRY_USAGE_TOKEN_FILE, "utf8").trim();
const headers = { authorization: `Bearer ${token}` };
const emitters = {
  binary: emitterFor(httpTransport(url), { mode: Mode.BINARY }),
  structured: emitterFor(httpTransport(url), { mode: Mode.STRUCTURED }),
};

function read({ id, type, time, data, extensions }) {
  return new CloudEvent({ id, source: "/all", type, time, data, ...extensions });
}

async function batch(events) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify(events),
  });
  return { headers: Object.fromEntries(answer.headers), body: await answer.text() };
}

async function send({ mode, events }) {
  const made = events.map(read);
  const answer = mode === "batch" ? await batch(made) : await emitters[mode](made[0], { headers });
  // The emitter does not say the status: an answer that is a problem has its own type.
  const body = JSON.parse(answer.body);
  if (answer.headers["content-type"].startsWith("application/problem+json")) {
    return { taken: false, problem: body, rejected: null };
  }
  return { taken: body.rejected.length === 0, problem: null, rejected: body.rejected };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await send(JSON.parse(line))));
}
