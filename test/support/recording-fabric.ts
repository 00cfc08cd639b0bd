import { formatMac, type Mac, readMac } from '../../src-main/base/address.ts';
import type { Fabric, SwitchPort } from '../../src-main/lab/switch/port.ts';

/** A DHCPDISCOVER as it was seen on the wire. */
export interface SeenDiscover {
  readonly mac: Mac;
  /** Option 97 in text form, lower case; null when absent. */
  readonly uuid: string | null;
}

/** A switch with nobody else on it: keeps every frame and lets tests wait for one. */
export class RecordingFabric implements Fabric {
  readonly frames: Uint8Array[] = [];
  readonly #deliveries = new Map<SwitchPort, (frame: Uint8Array) => void>();
  readonly #watchers = new Set<() => void>();

  attach(name: string, deliver: (frame: Uint8Array) => void): SwitchPort {
    const port: SwitchPort = {
      name,
      transmit: (frame) => {
        if (!this.#deliveries.has(port)) return;
        this.frames.push(new Uint8Array(frame)); // `slice` of a Buffer would be a view
        for (const watch of [...this.#watchers]) watch();
      },
      dispose: () => void this.#deliveries.delete(port),
    };
    this.#deliveries.set(port, deliver);
    return port;
  }

  /** Ports that are plugged in. */
  get ports(): readonly SwitchPort[] {
    return [...this.#deliveries.keys()];
  }

  /** Sends a frame to every port. */
  broadcast(frame: Uint8Array): void {
    for (const deliver of this.#deliveries.values()) deliver(frame);
  }

  discovers(): SeenDiscover[] {
    return this.frames.map(readDiscover).filter((seen) => seen !== null);
  }

  /** Resolves with the first DISCOVER of `mac` after the first `skip` frames; rejects when none came in time. */
  async discoverOf(mac: Mac, withinMs: number, skip = 0): Promise<SeenDiscover> {
    const find = () =>
      this.frames
        .slice(skip)
        .map(readDiscover)
        .find((seen) => seen?.mac === mac);
    return new Promise((resolve, reject) => {
      const check = () => {
        const seen = find();
        if (!seen) return;
        clearTimeout(limit);
        this.#watchers.delete(check);
        resolve(seen);
      };
      const limit = setTimeout(() => {
        this.#watchers.delete(check);
        reject(
          new Error(`no DHCPDISCOVER of ${formatMac(mac)} in ${withinMs} ms (${this.frames.length} frames)`),
        );
      }, withinMs);
      this.#watchers.add(check);
      check();
    });
  }
}

/** Reads a DHCPDISCOVER (RFC 2131) of an Ethernet frame; null for any other frame. */
export function readDiscover(frame: Uint8Array): SeenDiscover | null {
  const u16 = (offset: number) => ((frame[offset] ?? 0) << 8) | (frame[offset + 1] ?? 0);
  const header = ((frame[14] ?? 0) & 15) * 4;
  const bootp = 14 + header + 8;
  if (u16(12) !== 0x0800 || frame[23] !== 17 || u16(14 + header + 2) !== 67 || frame[bootp] !== 1)
    return null;
  let type: number | undefined;
  let uuid: string | null = null;
  for (let at = bootp + 240; at < frame.length && frame[at] !== 255; ) {
    if (frame[at] === 0) {
      at++;
      continue;
    }
    const data = frame.subarray(at + 2, at + 2 + (frame[at + 1] ?? 0));
    if (frame[at] === 53) type = data[0];
    if (frame[at] === 97 && data.length === 17) uuid = uuidText(data.subarray(1));
    at += 2 + data.length;
  }
  return type === 1 ? { mac: readMac(frame, bootp + 28), uuid } : null;
}

/** Option 97 carries the SMBIOS byte order: the first three fields are little-endian (RFC 4578 §2.3). */
function uuidText(bytes: Uint8Array): string {
  const hex = (indexes: number[]) =>
    indexes.map((i) => (bytes[i] ?? 0).toString(16).padStart(2, '0')).join('');
  const groups = [
    [3, 2, 1, 0],
    [5, 4],
    [7, 6],
    [8, 9],
    [10, 11, 12, 13, 14, 15],
  ];
  return groups.map(hex).join('-');
}
