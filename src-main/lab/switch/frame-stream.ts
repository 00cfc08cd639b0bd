/**
 * Ethernet frames on a byte stream, as QEMU's `stream` and `socket` back-ends and libvirt's `type='client'` speak
 * it: each frame after its length in four bytes, big-endian. Pure.
 */
export const LENGTH_BYTES = 4;
/** QEMU's NET_BUFSIZE; a larger length means that the two ends lost step. */
export const MAX_STREAM_FRAME = 4096 + 65536;

/** Stores `frame` with its length at `offset`; returns the offset after it. */
export function writeStreamFrame(bytes: Uint8Array, offset: number, frame: Uint8Array): number {
  const { length } = frame;
  bytes[offset] = length >>> 24;
  bytes[offset + 1] = length >>> 16;
  bytes[offset + 2] = length >>> 8;
  bytes[offset + 3] = length;
  bytes.set(frame, offset + LENGTH_BYTES);
  return offset + LENGTH_BYTES + length;
}

/** Finds the frames in a byte stream, whatever the chunks are. */
export class StreamFrameReader {
  #rest: Uint8Array = new Uint8Array(0);
  #broken = false;

  /**
   * Calls `take` with each frame that `chunk` completes; a frame that lies in one chunk is a view of it.
   * False once a length is impossible: nothing after it can be understood.
   */
  push(chunk: Uint8Array, take: (frame: Uint8Array) => void): boolean {
    if (this.#broken) return false;
    const bytes = this.#rest.length === 0 ? chunk : joined(this.#rest, chunk);
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = readU32(bytes, at);
      if (length > MAX_STREAM_FRAME) {
        this.#broken = true;
        this.#rest = new Uint8Array(0);
        return false;
      }
      const end = at + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      if (length > 0) take(bytes.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    this.#rest = at === bytes.length ? new Uint8Array(0) : bytes.slice(at);
    return true;
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) * 0x1000000 +
    (((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))
  );
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
