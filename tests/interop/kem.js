// protocol.md, "Functions": ML-KEM-768 (FIPS 203) and X-Wing. All take their randomness as an argument.
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { ml_kem768_x25519 } from '@noble/post-quantum/hybrid.js';
import { random } from './bytes.js';

export const mlkemPair = (seed64 = random(64)) => {
  const { publicKey, secretKey } = ml_kem768.keygen(seed64);
  return { pk: publicKey, sk: secretKey };
};
export const mlkemEncaps = (pk, m32 = random(32)) => {
  const { cipherText, sharedSecret } = ml_kem768.encapsulate(pk, m32); // throws when FIPS 203, 7.2 fails
  return { ct: cipherText, ss: sharedSecret };
};
export const mlkemDecaps = (sk, ct) => ml_kem768.decapsulate(ct, sk);
export const mlkemCheck = (pk) => { mlkemEncaps(pk, new Uint8Array(32)); };

export const xwingPair = (seed32 = random(32)) => ({ seed: seed32, pk: ml_kem768_x25519.keygen(seed32).publicKey });
export const xwingEncaps = (pk, eseed64 = random(64)) => {
  const { cipherText, sharedSecret } = ml_kem768_x25519.encapsulate(pk, eseed64);
  return { ct: cipherText, ss: sharedSecret };
};
export const xwingDecaps = (seed32, ct) => ml_kem768_x25519.decapsulate(ct, ml_kem768_x25519.keygen(seed32).secretKey);
