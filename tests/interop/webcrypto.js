// Node 18 does not have it by that name.
import { webcrypto } from 'node:crypto';

globalThis.crypto ??= webcrypto;
