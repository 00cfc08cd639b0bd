import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Mac } from '../base/address.ts';
import { decodeEthernet, writeEthernetHeader } from './ethernet.ts';

const address = fc.maxSafeNat().map((n) => (n % 2 ** 48) as Mac);
const vlan = fc.option(fc.record({ id: fc.nat(4095), priority: fc.nat(7) }));
const etherType = fc.nat(0xffff).filter((type) => type !== 0x8100);

describe('Ethernet', () => {
  it('comes back as it went', () => {
    fc.assert(
      fc.property(address, address, etherType, vlan, (destination, source, type, tag) => {
        const frame = new Uint8Array(60);
        const header = { destination, source, etherType: type, vlan: tag };
        const payloadOffset = writeEthernetHeader(frame, header);
        expect(decodeEthernet(frame)).toEqual({ ...header, payloadOffset });
      }),
    );
  });

  it('takes any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const frame = decodeEthernet(bytes);
        if (bytes.length < 14) expect(frame).toBe(null);
        else if (frame) expect(frame.payloadOffset).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });

  it('refuses a tag that is cut short', () => {
    const frame = new Uint8Array(18);
    frame.set([0x81, 0x00], 12);
    expect(decodeEthernet(frame)?.vlan).toEqual({ id: 0, priority: 0 });
    expect(decodeEthernet(frame.subarray(0, 17))).toBe(null);
  });
});
