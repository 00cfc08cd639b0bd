import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LENGTH_BYTES, MAX_STREAM_FRAME, StreamFrameReader, writeStreamFrame } from './frame-stream.ts';

const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 }), { maxLength: 20 });

function encode(list: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(list.reduce((sum, frame) => sum + LENGTH_BYTES + frame.length, 0));
  list.reduce((at, frame) => writeStreamFrame(bytes, at, frame), 0);
  return bytes;
}

function read(chunks: readonly Uint8Array[]): Uint8Array[] {
  const reader = new StreamFrameReader();
  const seen: Uint8Array[] = [];
  for (const chunk of chunks) reader.push(chunk, (frame) => seen.push(frame.slice()));
  return seen;
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

describe('frames on a byte stream', () => {
  it('writes the length big-endian before the frame', () => {
    expect(encode([Uint8Array.of(7, 8, 9)])).toEqual(Uint8Array.of(0, 0, 0, 3, 7, 8, 9));
  });

  it('gives back the frames however the stream is cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat()), (list, places) => {
        expect(read(cut(encode(list), places))).toEqual(list);
      }),
    );
  });

  it('takes the largest frame and skips empty ones', () => {
    const large = new Uint8Array(MAX_STREAM_FRAME).fill(5);
    expect(read([encode([new Uint8Array(0), large])])).toEqual([large]);
  });

  it('gives up for good at an impossible length', () => {
    const reader = new StreamFrameReader();
    const seen: Uint8Array[] = [];
    const good = encode([Uint8Array.of(1)]);
    expect(reader.push(good, (frame) => seen.push(frame))).toBe(true);
    expect(reader.push(Uint8Array.of(255, 255, 255, 255), (frame) => seen.push(frame))).toBe(false);
    expect(reader.push(good, (frame) => seen.push(frame))).toBe(false);
    expect(seen).toHaveLength(1);
  });

  it('never throws on arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        read(chunks);
      }),
    );
  });
});
