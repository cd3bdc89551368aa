#!/usr/bin/env python3
"""Computes our own vectors again with Python's standard library: hashes, HKDF, names, commitments, msgpack.

usage: check_vectors.py FOLDER
"""
import base64
import hashlib
import hmac
import os
import sys

LABEL = b"zaguan/1 "


def blocks(path):
    block, last = {}, None
    with open(path, encoding="ascii") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("#"):
                continue
            if not line:
                if block:
                    yield block
                block = {}
            elif line.startswith(" "):
                block[last] += line.strip()
            else:
                last, value = line.split(" =", 1)
                block[last] = value.strip()
    if block:
        yield block


def raw(block, name):
    return bytes.fromhex(block[name])


def lp(data):
    return len(data).to_bytes(4, "big") + data


def lps(*parts):
    return b"".join(lp(part) for part in parts)


def blake2b(length, data, key=b""):
    return hashlib.blake2b(data, digest_size=length, key=key).digest()


def hkdf(salt, ikm, info, length):
    prk = hmac.new(salt or bytes(64), ikm, hashlib.sha512).digest()
    out, block, i = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([i]), hashlib.sha512).digest()
        out, i = out + block, i + 1
    return out[:length]


def same(what, got, expected):
    if got != expected:
        sys.exit(f"{what}: {got!r} is not {expected!r}")


def parts(block):
    return lps(*(raw(block, f"part{i}") for i in range(int(block["parts"]))))


def check_hkdf(b):
    out = raw(b, "out")
    same("hkdf", hkdf(raw(b, "salt"), raw(b, "ikm"), parts(b), len(out)), out)


def check_hash(b):
    data, out = parts(b), raw(b, "blake2b")
    same("sha512", hashlib.sha512(data).digest(), raw(b, "sha512"))
    same("blake2b", blake2b(len(out), data), out)
    same("blake2b keyed", blake2b(len(out), data, raw(b, "key")), raw(b, "blake2b_keyed"))


def check_seal(b):
    """Layout and commitment; check_noise.mjs opens the ciphertext."""
    sealed, ad = raw(b, "sealed"), raw(b, "ad")
    nonce, tag, cipher = sealed[:24], sealed[24:56], sealed[56:]
    keys = hkdf(b"", raw(b, "key"), lps(LABEL + b"seal"), 64)
    same("nonce", nonce, raw(b, "nonce"))
    same("length", len(sealed), len(raw(b, "plain")) + 72)
    same("commitment", blake2b(32, lps(LABEL + b"seal commitment") + nonce + lps(ad, cipher), keys[32:]), tag)


def check_names(b):
    if "role" in b:
        label = LABEL + b"name " + b["role"].encode()
        same("name", blake2b(32, lps(label, raw(b, "secret")))[:16], raw(b, "name"))
    else:
        same("handle", blake2b(32, lps(LABEL + b"handle", raw(b, "handle")))[:16], raw(b, "hash"))


def check_voucher(b):
    secret = raw(b, "secret")
    check = blake2b(32, lps(LABEL + b"voucher check", secret))[:4]
    same("voucher", base64.urlsafe_b64encode(secret + check).decode(), b["text"])


def pack_head(n, fix, marks):
    """The shortest of: one byte, then marks for 1, 2, 4, 8 bytes (0 where there is none)."""
    if fix is not None and n < fix[1]:
        return bytes([fix[0] + n])
    for size, mark in zip((1, 2, 4, 8), marks):
        if mark and n < 1 << 8 * size:
            return bytes([mark]) + n.to_bytes(size, "big")
    raise ValueError(n)


def pack(words):
    """One item from a list of words, which it shortens."""
    word = words.pop(0)
    if word == "[":
        items = []
        while words[0] != "]":
            items.append(pack(words))
        words.pop(0)
        return pack_head(len(items), (0x90, 16), (0, 0xDC, 0xDD, 0)) + b"".join(items)
    if "*" in word:
        count, byte = word.split("*")
        return pack_head(int(count), None, (0xC4, 0xC5, 0xC6, 0)) + bytes.fromhex(byte) * int(count)
    return pack_head(int(word), (0, 0x80), (0xCC, 0xCD, 0xCE, 0xCF))


def check_command(b):
    words = b["fields"].replace("[", "[ ").replace("]", " ]").split()
    same(b["fields"], pack(words), raw(b, "encoding"))


def check_record(b):
    units = [int(n) for n in b["units"].split()]
    plain = b"".join(n.to_bytes(2, "big") + bytes([i + 1]) * n for i, n in enumerate(units))
    size = 128 if len(plain) <= 128 else -(-len(plain) // 4320) * 4320
    same("plaintext", blake2b(32, plain.ljust(size, b"\0")), raw(b, "plain_blake2b"))
    same("length of plaintext", size, int(b["plain_bytes"]))
    same("length of ciphertext", size + 16, int(b["cipher_bytes"]))


def check_puzzle(b):
    """Cookie and hash; the solution needs Argon2id."""
    head = (int(b["now"]) + 600).to_bytes(4, "big") + bytes([int(b["effort"])]) + raw(b, "random")
    mac = blake2b(16, lps(LABEL + b"cookie", raw(b, "desk_put"), head), raw(b, "cookie_key"))
    names = [raw(b, name) for name in ("put", "take", "own", "end", "envelope")]
    same("cookie", head + mac, raw(b, "cookie"))
    same("hash", blake2b(32, lps(LABEL + b"puzzle knock", *names)), raw(b, "hash"))


CHECKS = {
    "hkdf.txt": check_hkdf,
    "hash.txt": check_hash,
    "seal.txt": check_seal,
    "names.txt": check_names,
    "vouchers.txt": check_voucher,
    "commands.txt": check_command,
    "records.txt": check_record,
    "puzzle.txt": check_puzzle,
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, check in CHECKS.items():
        count = 0
        for block in blocks(os.path.join(sys.argv[1], name)):
            check(block)
            count += 1
        if count == 0:
            sys.exit(f"{name}: nothing in it")
        print(f"{name}: {count} as computed here")


if __name__ == "__main__":
    main()
