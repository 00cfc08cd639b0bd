import { randomBytes } from 'node:crypto';

/** Randomness as a parameter: secure by default, seeded where a run must repeat. */
export interface Random {
  /** An unsigned 32-bit integer. */
  u32(): number;
  /** Uniform in [0, 1). */
  float(): number;
  /** A whole number, both ends included. */
  int(min: number, max: number): number;
  bytes(length: number): Uint8Array;
  pick<T>(items: readonly [T, ...T[]]): T;
}

function fromU32(u32: () => number): Random {
  const float = () => u32() / 0x100000000;
  const int = (min: number, max: number) => min + Math.floor(float() * (max - min + 1));
  return {
    u32,
    float,
    int,
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let i = 0; i < length; i++) bytes[i] = u32();
      return bytes;
    },
    pick: (items) => items[int(0, items.length - 1)] ?? items[0],
  };
}

/** Cryptographically secure; for ids, keys, transaction ids and initial sequence numbers. */
export const secureRandom: Random = {
  ...fromU32(() => randomBytes(4).readUInt32LE(0)),
  bytes: (length) => new Uint8Array(randomBytes(length)),
};

/** A repeatable sequence (splitmix32): the same seed gives the same numbers on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return fromU32(() => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  });
}

/** A stable 32-bit seed from text (FNV-1a), e.g. to derive a PC's hardware from its name. */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
