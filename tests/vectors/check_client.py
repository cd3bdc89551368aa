#!/usr/bin/env python3
"""Computes the vectors of docs/protocol.md sections 5 to 7 again, with Python's standard library.

usage: check_client.py FOLDER

X25519, Ed25519 and XChaCha20-Poly1305 are written out below, slowly and for this purpose only. ML-KEM is not: its shared
secrets are taken from the vectors.
"""
import base64
import hashlib
import hmac
import os
import sys

from check_vectors import blake2b, blocks, hkdf, lp, lps, raw

# --- Curve25519 ---

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493


def x25519(scalar, point):
    k = int.from_bytes(scalar, "little") & ~7 & (2**255 - 1) | 2**254
    x1 = int.from_bytes(point, "little") & (2**255 - 1)
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in reversed(range(255)):
        bit = k >> t & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb = d * a % P, c * b % P
        aa, bb = a * a % P, b * b % P
        x3, z3 = pow(da + cb, 2, P), x1 * pow(da - cb, 2, P) % P
        x2, z2 = aa * bb % P, (aa - bb) * (aa + 121665 * (aa - bb)) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


BASE = (9).to_bytes(32, "little")
D = -121665 * pow(121666, P - 2, P) % P


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if x * x % P != xx:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == xx
    return (P - x if x & 1 != sign else x), y


def add(p, q):
    (x1, y1), (x2, y2) = p, q
    t = D * x1 * x2 * y1 * y2 % P
    return (
        (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P,
        (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P,
    )


def multiply(k, p):
    out = (0, 1)
    while k:
        if k & 1:
            out = add(out, p)
        p, k = add(p, p), k >> 1
    return out


G = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def verify(pk, label, signed):
    """The signature that stands behind an object."""
    message, signature = lps(b"zaguan/1 " + label, signed[:-64]), signed[-64:]
    h = int.from_bytes(hashlib.sha512(signature[:32] + pk + message).digest(), "little") % L
    s = int.from_bytes(signature[32:], "little")
    left = multiply(s, G)
    right = add(decompress(signature[:32]), multiply(h, decompress(pk)))
    assert left == right, "signature of " + label.decode()
    return signed[:-64]


# --- XChaCha20-Poly1305 ---


def chacha_rounds(state):
    x = list(state)

    def quarter(a, b, c, d):
        for one, two, three, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[one] = x[one] + x[two] & 0xFFFFFFFF
            v = x[three] ^ x[one]
            x[three] = (v << turn | v >> 32 - turn) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return x


def words(data):
    return [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]


def unwords(values):
    return b"".join(v.to_bytes(4, "little") for v in values)


SIGMA = words(b"expand 32-byte k")


def xchacha_open(key, nonce, ad, sealed):
    x = chacha_rounds(SIGMA + words(key) + words(nonce[:16]))
    subkey, nonce = words(unwords(x[:4] + x[12:])), words(bytes(4) + nonce[16:])

    def block(counter):
        state = SIGMA + subkey + [counter] + nonce
        return unwords(a + b & 0xFFFFFFFF for a, b in zip(chacha_rounds(state), state))

    cipher, tag = sealed[:-16], sealed[-16:]
    one_time = block(0)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    s = int.from_bytes(one_time[16:32], "little")
    data = b"".join(part + bytes(-len(part) % 16) for part in (ad, cipher))
    data += len(ad).to_bytes(8, "little") + len(cipher).to_bytes(8, "little")
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i : i + 16] + b"\1", "little")) * r % (2**130 - 5)
    if (acc + s & (2**128 - 1)).to_bytes(16, "little") != tag:
        return None
    out = b""
    for i in range(0, len(cipher), 64):
        out += bytes(a ^ b for a, b in zip(cipher[i : i + 64], block(1 + i // 64)))
    return out


def unseal(key, ad, sealed):
    """Section 0.1."""
    keys = hkdf(b"", key, lps(b"zaguan/1 seal"), 64)
    nonce, commitment, cipher = sealed[:24], sealed[24:56], sealed[56:]
    expected = blake2b(32, lps(b"zaguan/1 seal commitment") + nonce + lps(ad, cipher), keys[32:])
    assert expected == commitment, "commitment"
    plain = xchacha_open(keys[:32], nonce, ad, cipher)
    assert plain is not None, "tag"
    return plain


# --- the protocol ---


def label(text):
    return b"zaguan/1 " + text


def sha512(*parts):
    return hashlib.sha512(lps(*parts)).digest()


class Reader:
    def __init__(self, data):
        self.data = data

    def take(self, n):
        assert len(self.data) >= n
        out, self.data = self.data[:n], self.data[n:]
        return out

    def number(self, n):
        return int.from_bytes(self.take(n), "big")

    def lp(self):
        return self.take(self.number(4))


def check_card(b):
    text = b["text"]
    assert text.startswith(("zaguan:", "https://"))
    text = text.split("#")[1] if "#" in text else text[len("zaguan:") :]
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert base64.urlsafe_b64encode(data).rstrip(b"=") == text.encode()
    assert blake2b(32, lps(label(b"card check"), data[:-4]))[:4] == data[-4:]
    r = Reader(data)
    assert r.take(2) == b"\1\1"
    count = r.number(1)
    assert count == int(b["count"])
    for i in range(count):
        assert r.take(r.number(1)).decode() == b["address%d" % i]
    assert r.take(32) == raw(b, "relay_pk")
    key = r.take(32)
    assert key == raw(b, "card_key")
    assert r.take(32) == raw(b, "organisation")
    assert len(r.data) == 4
    assert hkdf(b"", key, lps(label(b"card")), 64) == raw(b, "read_secret") + raw(b, "bundle_key")


def refused_card(b):
    try:
        check_card(b)
    except (AssertionError, ValueError, KeyError, IndexError):
        return
    raise AssertionError("a bad card is good")


def check_bundle(b):
    sealed = raw(b, "sealed")
    assert len(sealed) % 4096 == 0
    r = Reader(unseal(raw(b, "bundle_key"), lps(label(b"bundle")), sealed))
    key_part, notice = r.lp(), r.lp()
    assert not any(r.data)
    k = Reader(key_part)
    assert k.take(2) == b"\1\1"
    root = k.take(32)
    if hashlib.sha512(lps(label(b"organisation"), root)).digest()[:32] != raw(b, "organisation"):
        assert b["result"] == "foreign"
        return
    now = int(b["now"])
    issuing = Reader(verify(root, b"issuing certificate", k.lp())[2:])
    issuing_pk = issuing.take(32)
    if not issuing.number(8) <= now < issuing.number(8):
        assert b["result"] == "expired"
        return
    assert b["result"] == "ok"
    desk = Reader(verify(issuing_pk, b"desk certificate", k.lp())[2:])
    desk_id, generation, publishing = desk.take(16), desk.number(4), desk.take(32)
    assert generation == 1 and desk.number(8) <= now < desk.number(8)
    verify(publishing, b"bundle keys", key_part)
    n = Reader(verify(publishing, b"bundle notice", notice))
    assert root == raw(b, "root_pk") and issuing_pk == raw(b, "issuing_pk")
    assert k.number(4) == int(b["epoch"]) and k.take(32) == raw(b, "put")
    assert k.take(1216) == raw(b, "intake_pk")
    assert k.number(8) <= now and k.number(8) == int(b["intake_until"])
    assert k.take(1216) == raw(b, "last_resort_pk")
    assert k.number(8) <= now and k.number(8) == int(b["last_resort_until"])
    assert len(k.data) == 64
    assert n.take(2) == b"\1\1" and n.take(16) == desk_id == raw(b, "desk_id")
    assert n.number(8) == int(b["written"]) and n.number(1) == int(b["state"])
    texts = [(n.take(2), n.lp()) for _ in range(n.number(1))]
    assert not n.data and texts[0] == (b["language0"].encode(), raw(b, "text0"))
    assert sha512(label(b"bundle keys"), key_part) == raw(b, "key_part_hash")


def check_knock(b):
    envelope, ss, kph = raw(b, "envelope"), raw(b, "ss"), raw(b, "key_part_hash")
    assert len(envelope) == 4096 and int.from_bytes(envelope[:4], "big") == int(b["epoch"])
    ct = envelope[5:1125]
    key = hkdf(b"", ss, lps(label(b"knock body"), ct, kph), 32)
    frame = Reader(unseal(key, lps(label(b"knock body")) + envelope[:1125], envelope[1125:]))
    dh, ek = frame.take(32), frame.take(1184)
    assert x25519(raw(b, "ek_p_sk"), BASE) == dh == raw(b, "ek_p_pk") and ek == raw(b, "ek_p_kem")
    assert frame.take(32) == raw(b, "put") and frame.take(32) == raw(b, "end")
    commitment = blake2b(32, lps(label(b"safety commitment"), raw(b, "nonce_p"), dh))
    assert frame.take(32) == commitment == raw(b, "commitment")
    assert frame.take(frame.number(2)) == raw(b, "content") and not any(frame.data)
    th1 = sha512(label(b"knock"), b"\1\1", raw(b, "root_pk"), raw(b, "desk_id"), kph, ct, dh, ek)
    assert th1 == raw(b, "th1")
    keys = hkdf(b"", ss, lps(label(b"knock root"), th1), 96)
    assert keys == raw(b, "root") + raw(b, "hk") + raw(b, "nhk")
    return {"dh": dh, "ek": ek, "root": keys[:32], "nhk": keys[64:], "reply_hk": keys[32:64]}


def step_id(dh, ek):
    return blake2b(32, lps(label(b"step id"), dh, ek))[:16]


def derive_step(b, th, answered):
    """A step and what follows from it; `answered` is the step that it answers."""
    dh, ek, ct = raw(b, "dh"), raw(b, "ek"), raw(b, "ct")
    assert x25519(raw(b, "dh_sk"), BASE) == dh
    assert step_id(dh, ek) == raw(b, "id")
    assert step_id(answered["dh"], answered["ek"]) == raw(b, "answers")
    kh = sha512(dh, ek, answered["dh"], answered["ek"], ct)
    shared = x25519(raw(b, "dh_sk"), answered["dh"]) + raw(b, "ss")
    keys = hkdf(answered["root"], shared, lps(label(b"step"), th, kh), 96)
    assert answered["reply_hk"] == raw(b, "hk")
    return {
        "dh": dh, "ek": ek, "ct": ct, "number": int(b["step_number"]), "answers": raw(b, "answers"),
        "root": keys[:32], "chain": keys[32:64], "nhk": keys[64:],
        "hk": answered["reply_hk"], "reply_hk": answered["nhk"], "n": 0,
    }  # fmt: skip


def open_envelope(envelope, step, direction, th1, th, pn):
    """The next message of a chain."""
    header = Reader(xchacha_open(step["hk"], envelope[:24], lp(th1) + direction, envelope[24:2372]))
    assert header.take(32) == step["dh"] and header.take(1184) == step["ek"] and header.take(1088) == step["ct"]
    assert header.take(16) == step["answers"]
    assert (header.number(4), header.number(4), header.number(4)) == (step["number"], pn, step["n"])
    key = blake2b(32, lps(label(b"message key")), step["chain"])
    step["chain"] = blake2b(32, lps(label(b"next chain")), step["chain"])
    step["n"] += 1
    return unseal(key, lp(th) + direction + lp(envelope[:2372]), envelope[2372:])


def check_accept(b, knock):
    credential = raw(b, "credential")
    c = Reader(verify(raw(b, "issuing_pk"), b"credential", credential))
    assert c.take(2) == b"\1\1" and c.number(1) == 1
    c.lp()
    assert c.take(16) == raw(b, "desk_id")
    c.take(8 + 32)
    ik_w = c.take(32)
    assert c.number(8) <= int(b["now"]) < c.number(8) and not c.data
    assert x25519(raw(b, "ik_w_sk"), BASE) == ik_w
    dhi = x25519(raw(b, "ek_p_sk"), ik_w)
    assert dhi == x25519(raw(b, "ik_w_sk"), knock["dh"]) == raw(b, "dhi")

    th1 = raw(b, "th1")
    step = derive_step(b, th1, knock)
    assert step["nhk"] == raw(b, "nhk")
    frame = open_envelope(raw(b, "envelope"), step, b"\2", th1, th1, 0)
    assert frame[0] == 1
    r = Reader(frame[1:])
    assert r.lp() == credential
    put, end, nonce, mac = (r.take(32) for _ in range(4))
    assert raw(b, "block") == lp(credential) + put + end + nonce + mac and nonce == raw(b, "nonce_w")
    assert r.take(r.number(2)) == b["text"].encode() + b"\0" and not any(r.data)
    th2 = sha512(label(b"accept"), th1, credential, step["dh"], step["ek"], step["ct"], put, end, nonce)
    assert th2 == raw(b, "th2")
    mac_key = hkdf(b"", dhi, lps(label(b"accept mac")), 32)
    assert hmac.new(mac_key, th2, hashlib.sha512).digest()[:32] == mac
    for one in (step, knock):
        one["root"] = hkdf(one["root"], dhi, lps(label(b"accept mix"), th2), 32)
    assert step["root"] == raw(b, "root") and knock["root"] == raw(b, "her_root0")
    assert blake2b(32, lps(label(b"safety words"), th2, raw(b, "nonce_p"), nonce))[:4] == raw(b, "words")
    return step


def check_ratchet(all_blocks, knock, first):
    th1, th2 = raw(all_blocks[0], "th1"), raw(all_blocks[0], "th2")
    known = {step_id(s["dh"], s["ek"]): s for s in (knock, first)}
    newest = {"her": None, "worker": first}
    directions = {"her": b"\1", "worker": b"\2"}
    for b in all_blocks:
        if b["kind"] != "send":
            continue
        who = b["from"]
        if "step_number" in b:
            step = derive_step(b, th2, known[raw(b, "answers")])
            assert step["root"] == raw(b, "root") and step["nhk"] == raw(b, "nhk")
            assert int(b["pn"]) == (newest[who]["n"] if newest[who] else 0)
            known[raw(b, "id")] = newest[who] = step
        frame = open_envelope(raw(b, "envelope"), newest[who], directions[who], th1, th2, int(b["pn"]))
        text = b["text"].encode() + b"\0"
        assert frame == b"\0" + len(text).to_bytes(2, "big") + text + bytes(1652 - 3 - len(text))


def main():
    folder = sys.argv[1]
    count = 0

    def of(name):
        nonlocal count
        found = list(blocks(os.path.join(folder, name)))
        assert found, name
        count += len(found)
        return found

    for b in of("card.txt"):
        (check_card if b["result"] == "ok" else refused_card)(b)
    for b in of("bundle.txt"):
        check_bundle(b)
    knock = check_knock(of("knock.txt")[0])
    first = check_accept(of("accept.txt")[0], knock)
    check_ratchet(of("ratchet.txt"), knock, first)
    print("%d blocks agree" % count)


if __name__ == "__main__":
    main()
