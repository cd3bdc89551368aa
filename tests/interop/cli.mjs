// Command line for a test harness: one JSON command a line on stdin, one JSON event a line on stdout. See README.md.
import readline from 'node:readline';
import fs from 'node:fs';
import { Participant } from './participant.js';
import { Worker } from './worker.js';
import { Clock } from './clock.js';
import { describe } from './conversation.js';
import { phraseWords, phraseFromWords } from './phrase.js';
import { readCard, cardText, packCard } from './card.js';
import { unb64u, hex, b64u } from './bytes.js';

const plain = (k, v) => (v instanceof Uint8Array ? hex(v) : typeof v === 'bigint' ? v.toString() : v);
const out = (o) => process.stdout.write(JSON.stringify(o, plain) + '\n');
let offset = Number(process.env.ZAGUAN_CLOCK_OFFSET ?? 0);
const clock = new Clock({ own: () => Date.now() / 1000 + offset });
let p = null, w = null;
const participant = (address) => (p ??= new Participant({ emit: out, clock, address: address ?? null }));
const worker = () => (w ??= new Worker({ emit: out, clock }));
const conv = (c) => {
  const x = w ? (c.conversation ? w.convs.get(c.conversation) : [...w.convs.values()].at(-1)) : p?.conv;
  if (!x) throw new Error('no conversation');
  return x;
};
const life = (c) => ({ ...(c.lifetime_s !== undefined ? { lifetime: c.lifetime_s, countsFrom: 0 } : {}), ...(c.counts_from !== undefined ? { countsFrom: c.counts_from === 'read' || c.counts_from === 1 ? 1 : 0 } : {}) });
const body = (c) => (c.body !== undefined ? { kind: c.kind, body: unb64u(c.body) } : { text: c.text });

const commands = {
  // participant
  look: async (c) => participant(c.address).look(c.card),
  knock: async (c) => participant(c.address).knock(c.card, { text: c.text, ...life(c) }),
  phrase: async () => p.phrase(),
  return: async (c) => {
    const digits = c.words ? phraseFromWords(c.words) : c.phrase;
    const r = await participant(c.address).return_(digits, c.card);
    if (!r) return { found: false };
    const safety = r.conv.words();
    return { found: true, phase: r.phase, safety, messages: r.messages.map(describe) };
  },
  // worker
  desk: async (c) => ({ card: await worker().openDesk({ voucher: c.voucher, relay: c.relay, alias: c.alias, texts: c.texts, state: c.state, address: c.address }) }),
  publish: async (c) => { if (c.new_keys !== false) w.newKeys(); await w.publish(); return { epoch: w.desk.epoch }; },
  notice: async (c) => { await w.setNotice(c.state, c.texts); return {}; },
  knocks: async () => ({ knocks: w.knocks.map((k) => ({ knock: k.n, state: k.state, text: k.text })) }),
  accept: async (c) => w.accept(c.knock ?? w.knocks.findLast((k) => k.state === 'waiting')?.n, { text: c.text, ...life(c) }),
  decline: async (c) => { await w.decline(c.knock ?? w.knocks.findLast((k) => k.state === 'waiting')?.n); return {}; },
  draw: async (c) => ({ voucher_secret: b64u(await w.draw(c.kind)) }),
  save: async (c) => { fs.writeFileSync(c.file, w.save(), { mode: 0o600 }); return {}; },
  load: async (c) => ({ card: await worker().load(fs.readFileSync(c.file, 'utf8'), c.address) }),
  fates: async (c) => w.fates(c.conversation),
  // both
  send: async (c) => conv(c).sendMessage({ ...body(c), ...life(c) }),
  words: async (c) => ({ words: conv(c).words() }),
  history: async (c) => ({ messages: conv(c).st.messages.map(describe) }),
  state: async (c) => { const s = conv(c).st; return { phase: s.phase, rotation: s.rotation, told: s.told, locker_version: s.locker?.version ?? null, worker_version: s.workerVersion, version: s.version, outbox: s.outbox.length, own_step: s.ratchet.ownNum, other_step: s.ratchet.cur?.num, stored_keys: s.ratchet.stored?.length }; },
  erase: async (c) => (w ? w.erase(conv(c).st.id) : p.erase()),
  drop: async () => { (w ?? p).link().conn?.close('test'); return {}; }, // breaks the connection; it comes back by itself
  clock: async (c) => { offset = c.offset_s; return { now: clock.now() }; },
  card: async (c) => { const k = readCard(c.card); return { ...k, text: cardText(packCard(k)) }; },
  quit: async () => { setImmediate(() => { p?.stop(); w?.stop(); process.exit(0); }); return {}; },
};

let chain = Promise.resolve();
const run = async (line) => {
  if (!line.trim()) return;
  let c = {};
  try {
    c = JSON.parse(line);
    if (!commands[c.do]) throw new Error('unknown command');
    const r = await commands[c.do](c);
    out({ event: 'done', do: c.do, ref: c.ref, ...r });
  } catch (e) { out({ event: 'failed', do: c.do, ref: c.ref, why: e.message, status: e.status }); }
};
const rl = readline.createInterface({ input: process.stdin });
rl.on('line', (line) => { chain = chain.then(() => run(line)); });
rl.on('close', () => { chain.then(() => { p?.stop(); w?.stop(); setTimeout(() => process.exit(0), 100); }); });
out({ event: 'started', protocol: 1, suite: 1 });
