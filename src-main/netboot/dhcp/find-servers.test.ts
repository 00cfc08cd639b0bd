import { expect, it } from 'vitest';
import { FakeSegment } from '../../../test/support/fake-segment.ts';
import { type Ipv4, ipv4 } from '../../base/address.ts';
import { ManualClock } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';
import { BOOT_REPLY, decodeDhcp, encodeDhcp, MESSAGE_TYPE } from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import { u32Value } from '../../protocol/dhcp-values.ts';
import { findOtherDhcpServers } from './find-servers.ts';

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

async function search(
  answer: (segment: FakeSegment, offerOf: (server: Ipv4, type?: number) => Uint8Array) => void,
) {
  const segment = new FakeSegment();
  const clock = new ManualClock();
  segment.onSend = ({ data }) => {
    const discover = decodeDhcp(data)!;
    answer(segment, (server, type = MESSAGE_TYPE.offer) =>
      encodeDhcp({
        ...discover,
        op: BOOT_REPLY,
        yiaddr: ipv4('10.77.0.9'),
        options: new Map([
          [OPTION.messageType, Uint8Array.of(type)],
          [OPTION.serverIdentifier, u32Value(server)],
        ]),
      }),
    );
  };
  const found = findOtherDhcpServers(segment, { clock, random: seededRandom(1) });
  for (let i = 0; i < 2; i++) {
    await settled();
    clock.advance(1500);
  }
  return { found: await found, segment, clock };
}

it('lists each server once, but not this one', async () => {
  const { found, segment, clock } = await search((net, offerOf) => {
    for (const server of ['10.77.0.3', '10.77.0.2', '10.77.0.1']) net.deliver(68, offerOf(ipv4(server)));
  });
  const offered = ipv4('10.77.0.9');
  expect(found).toEqual([
    { server: ipv4('10.77.0.2'), offered },
    { server: ipv4('10.77.0.3'), offered },
  ]);
  expect(segment.sent).toHaveLength(2);
  expect(segment.openPorts).toEqual([]);
  expect(clock.pending).toBe(0);
});

it('ignores everything else', async () => {
  const { found } = await search((net, offerOf) => {
    net.deliver(68, offerOf(ipv4('10.77.0.2'), MESSAGE_TYPE.nak));
    const other = offerOf(ipv4('10.77.0.2'));
    other[4] = (other[4] ?? 0) ^ 1;
    net.deliver(68, other);
    net.deliver(68, Uint8Array.of(1, 2, 3));
  });
  expect(found).toEqual([]);
});
