#!/usr/bin/env node
/** Holds the records of a table and prints each change: listen.mjs http://127.0.0.1:3000 orders fields=customer */

/** The server says something every 30 s: a longer silence means that nobody is there. */
const SILENCE = 75_000;

const [url, table, scope = ""] = process.argv.slice(2);
let cookie = "";

/** Asks for something; an answer that is not one is an error with its `status`. */
async function get(path, signal = AbortSignal.timeout(SILENCE)) {
  const answer = await fetch(url + path, { headers: { cookie }, signal });
  if (answer.ok) return answer;
  const { message } = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(message ?? answer.statusText), { status: answer.status });
}

/** All records by id, and the position up to which they are known. */
async function readAll() {
  // Any public page gives a guest's session, kept as a cookie.
  const [given] = (await get("/")).headers.getSetCookie();
  if (given) cookie = given.split(";")[0];
  const page = await (await get(`/api/tables/${table}/records?limit=500&${scope}`)).json();
  const records = new Map(page.records.map(({ id, fields }) => [id, fields]));
  return [records, page.position];
}

/** What came after a position, then what follows; each with the position after it. */
async function* messages(since) {
  const silence = new AbortController();
  const watchdog = setTimeout(() => silence.abort(), SILENCE);
  try {
    const path = `/api/tables/${table}/subscribe/sse?since=${since}&${scope}`;
    const { body } = await get(path, silence.signal);
    let [unread, position] = ["", since];
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      watchdog.refresh();
      const lines = (unread + text).split("\n");
      unread = lines.pop();
      for (const line of lines) {
        if (line.startsWith("id: ")) position = line.slice(4);
        if (line.startsWith("data: ")) yield [position, JSON.parse(line.slice(6))];
      }
    }
  } finally {
    clearTimeout(watchdog);
    silence.abort();
  }
}

/** Applies a change and prints it. */
function apply({ event, record, id: text, recordId }, records) {
  const id = record?.id ?? text ?? String(recordId);
  if (event === "delete") records.delete(id);
  else records.set(id, record.fields);
  const fields = record ? ` ${JSON.stringify(record.fields)}` : "";
  console.log(`${event} ${id}${fields}: ${records.size} in all`);
}

let [records, position, failures] = [new Map(), null, 0];
for (;;) {
  try {
    if (position === null) {
      [records, position] = await readAll();
      console.log(`read: ${records.size} in all`);
    }
    for await (const [at, message] of messages(position)) {
      [position, failures] = [at, 0];
      if (message.type === "change") apply(message, records);
      if (message.type === "resync") {
        console.log(`resync: ${message.reason}`);
        position = null;
        break;
      }
    }
    if (position === null) continue;
  } catch (error) {
    console.error(error.message);
    // Asking again would be refused again.
    if ([400, 403, 404].includes(error.status)) process.exit(1);
    // The session has ended.
    if (error.status === 401) position = null;
  }
  const wait = Math.min(2 ** failures, 30) * 1000 * (0.5 + Math.random() / 2);
  await new Promise((done) => setTimeout(done, wait));
  failures += 1;
}
