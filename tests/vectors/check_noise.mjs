// Computes the vectors of the Noise handshakes and of the seal again, with node:crypto.
// ML-KEM is not in it: ciphertext and shared secret come from the file.
//
// usage: node check_noise.mjs FOLDER
import { strict as assert } from 'node:assert';
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

function blocks(path) {
  const out = [];
  let block = {};
  let last;
  for (const line of [...readFileSync(path, 'ascii').split('\n'), '']) {
    if (line.startsWith('#')) continue;
    if (line === '') {
      if (Object.keys(block).length > 0) out.push(block);
      block = {};
    } else if (line.startsWith(' ')) {
      block[last] += line.trim();
    } else {
      const at = line.indexOf(' =');
      last = line.slice(0, at);
      block[last] = line.slice(at + 2).trim();
    }
  }
  return out;
}

const raw = (block, name) => Buffer.from(block[name], 'hex');
const same = (what, got, expected) => assert.equal(got.toString('hex'), expected.toString('hex'), what);

// --- primitives of node:crypto, with raw keys ---

const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI_X25519 = Buffer.from('302a300506032b656e032100', 'hex');

const secretKey = (sk) =>
  crypto.createPrivateKey({ key: Buffer.concat([PKCS8_X25519, sk]), format: 'der', type: 'pkcs8' });
const publicKey = (pk) =>
  crypto.createPublicKey({ key: Buffer.concat([SPKI_X25519, pk]), format: 'der', type: 'spki' });
const x25519 = (sk, pk) => crypto.diffieHellman({ privateKey: secretKey(sk), publicKey: publicKey(pk) });
const x25519Public = (sk) =>
  crypto.createPublicKey(secretKey(sk)).export({ format: 'der', type: 'spki' }).subarray(-32);
const sha512 = (...parts) => crypto.createHash('sha512').update(Buffer.concat(parts)).digest();
const hkdf = (salt, ikm, info, length) => Buffer.from(crypto.hkdfSync('sha512', ikm, salt, info, length));

function aeadSeal(key, nonce, ad, plain) {
  const cipher = crypto.createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
  cipher.setAAD(ad, { plaintextLength: plain.length });
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function counterNonce(n) {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(n, 4);
  return nonce;
}

// --- Noise, revision 34 section 5 ---

class Symmetric {
  constructor(name) {
    this.h = Buffer.concat([Buffer.from(name), Buffer.alloc(64 - name.length)]);
    this.ck = this.h;
  }
  mixHash(data) {
    this.h = sha512(this.h, data);
  }
  mixKey(ikm) {
    const out = hkdf(this.ck, ikm, '', 128);
    this.ck = out.subarray(0, 64);
    this.k = out.subarray(64, 96);
    this.n = 0n;
  }
  encryptAndHash(plain) {
    const sealed = aeadSeal(this.k, counterNonce(this.n++), this.h, plain);
    this.mixHash(sealed);
    return sealed;
  }
  split() {
    const out = hkdf(this.ck, '', '', 128);
    return [out.subarray(0, 32), out.subarray(64, 96)];
  }
}

// Both messages and the two keys, from all secrets at once. kem is { pk, ct, ss }, or nothing for plain NK.
function handshake(name, { prologue, s, e1, e2, payload1, payload2, kem }) {
  const ss = new Symmetric(name);
  const spk = x25519Public(s);
  const pk1 = x25519Public(e1);
  const pk2 = x25519Public(e2);
  ss.mixHash(prologue);
  ss.mixHash(spk);
  ss.mixHash(pk1);
  ss.mixKey(x25519(e1, spk));
  const message1 = [pk1];
  if (kem) message1.push(ss.encryptAndHash(kem.pk));
  message1.push(ss.encryptAndHash(payload1));
  ss.mixHash(pk2);
  ss.mixKey(x25519(e1, pk2));
  const message2 = [pk2];
  if (kem) {
    message2.push(ss.encryptAndHash(kem.ct));
    ss.mixKey(kem.ss);
  }
  message2.push(ss.encryptAndHash(payload2));
  return { message1: Buffer.concat(message1), message2: Buffer.concat(message2), keys: ss.split() };
}

const none = Buffer.alloc(0);
const rekey = (k) => aeadSeal(k, counterNonce(0xffffffffffffffffn), none, Buffer.alloc(32)).subarray(0, 32);

function checkNk(b) {
  const got = handshake('Noise_NK_25519_ChaChaPoly_SHA512', {
    prologue: raw(b, 'prologue'),
    s: raw(b, 'static_secret'),
    e1: raw(b, 'initiator_random'),
    e2: raw(b, 'responder_random'),
    payload1: raw(b, 'payload1'),
    payload2: raw(b, 'payload2'),
  });
  same('message 1', got.message1, raw(b, 'message1'));
  same('message 2', got.message2, raw(b, 'message2'));
  same('transport', aeadSeal(got.keys[0], counterNonce(0n), none, raw(b, 'payload3')), raw(b, 'message3'));
  same('transport', aeadSeal(got.keys[1], counterNonce(0n), none, raw(b, 'payload4')), raw(b, 'message4'));
}

function checkDirection(b, direction, key) {
  const text = Buffer.from('transport');
  const next = rekey(key);
  same('key', key, raw(b, `${direction}_key`));
  same('first', aeadSeal(key, counterNonce(0n), none, text), raw(b, `${direction}_0`));
  same('last before rekey', aeadSeal(key, counterNonce(65535n), none, text), raw(b, `${direction}_65535`));
  same('rekey', next, raw(b, `${direction}_key_rekeyed`));
  same('first after rekey', aeadSeal(next, counterNonce(65536n), none, text), raw(b, `${direction}_65536`));
}

function checkNkhfs(b) {
  const s = raw(b, 'static_secret');
  same('static public key', x25519Public(s), raw(b, 'static_public'));
  const got = handshake('Noise_NKhfs_25519+MLKEM768_ChaChaPoly_SHA512', {
    prologue: raw(b, 'prologue'),
    s,
    e1: raw(b, 'initiator_random').subarray(0, 32),
    e2: raw(b, 'responder_random').subarray(0, 32),
    payload1: raw(b, 'payload1'),
    payload2: raw(b, 'payload2'),
    kem: { pk: raw(b, 'kem_public_key'), ct: raw(b, 'kem_ciphertext'), ss: raw(b, 'kem_shared_secret') },
  });
  same('message 1', got.message1, raw(b, 'message1'));
  same('message 2', got.message2, raw(b, 'message2'));
  checkDirection(b, 'to_responder', got.keys[0]);
  checkDirection(b, 'to_initiator', got.keys[1]);
}

// --- XChaCha20-Poly1305 of the seal ---

// HChaCha20 is the ChaCha20 block without its last addition, so it can be taken from a block of keystream.
function hchacha20(key, nonce16) {
  const block = crypto.createCipheriv('chacha20', key, nonce16).update(Buffer.alloc(64));
  const start = Buffer.concat([Buffer.from('expand 32-byte k'), key, nonce16]);
  const out = Buffer.alloc(32);
  [0, 1, 2, 3, 12, 13, 14, 15].forEach((word, i) => {
    out.writeUInt32LE((block.readUInt32LE(4 * word) - start.readUInt32LE(4 * word)) >>> 0, 4 * i);
  });
  return out;
}

function checkSeal(b) {
  const label = Buffer.from('zaguan/1 seal');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(label.length);
  const key = hkdf('', raw(b, 'key'), Buffer.concat([length, label]), 64).subarray(0, 32);
  const nonce = raw(b, 'nonce');
  const inner = Buffer.concat([Buffer.alloc(4), nonce.subarray(16)]);
  const sealed = aeadSeal(hchacha20(key, nonce.subarray(0, 16)), inner, raw(b, 'ad'), raw(b, 'plain'));
  same('ciphertext', sealed, raw(b, 'sealed').subarray(56));
}

const folder = process.argv[2];
assert.ok(folder, 'usage: node check_noise.mjs FOLDER');
for (const [name, check] of [
  ['noise_nk.txt', checkNk],
  ['noise_nkhfs.txt', checkNkhfs],
  ['seal.txt', checkSeal],
]) {
  const all = blocks(join(folder, name));
  assert.ok(all.length > 0, `${name}: nothing in it`);
  all.forEach(check);
  console.log(`${name}: ${all.length} as computed here`);
}
