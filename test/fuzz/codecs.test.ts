import { describe, expect, test } from 'vitest';
import { ipv4, mac } from '../../src-main/base/address.ts';
import { seededRandom } from '../../src-main/base/random.ts';
import { decodePpm } from '../../src-main/lab/pcs/qemu/picture.ts';
import { decodeQmpMessage } from '../../src-main/lab/pcs/qemu/qmp-lines.ts';
import { ARP_BYTES, decodeArp, writeArp } from '../../src-main/protocol/arp.ts';
import { decodeDhcp } from '../../src-main/protocol/dhcp.ts';
import { readClientUuid, readIpxeOptions, readUserClasses } from '../../src-main/protocol/dhcp-pxe.ts';
import { decodeEthernet, writeEthernetHeader } from '../../src-main/protocol/ethernet.ts';
import { decodeIcmp, writeIcmpEcho } from '../../src-main/protocol/icmp.ts';
import { decodeIpv4, writeIpv4Header } from '../../src-main/protocol/ipv4.ts';
import { decodePcapRecord, encodePcapRecord } from '../../src-main/protocol/pcap.ts';
import { decodeRouterSolicitation } from '../../src-main/protocol/router-advertisement.ts';
import {
  decodeEntryPoint,
  decodeStructures,
  encodeStructures,
  encodeUuid,
} from '../../src-main/protocol/smbios.ts';
import { readSystem } from '../../src-main/protocol/smbios-records.ts';
import { decodeTcp } from '../../src-main/protocol/tcp.ts';
import { decodeTftp, encodeTftp } from '../../src-main/protocol/tftp.ts';
import { decodeUdp, writeUdp } from '../../src-main/protocol/udp.ts';
import { FUZZ_INPUTS, FUZZ_SEED, heapBytes, hostileInput } from '../support/fuzzing.ts';

const [client, server] = [ipv4('10.77.0.100'), ipv4('10.77.0.1')];

function made(bytes: number, write: (target: Uint8Array) => void): Uint8Array {
  const target = new Uint8Array(bytes);
  write(target);
  return target;
}

/** Tries checksums until `decode` takes the packet: the codec itself says which one is right. */
function withChecksum(
  packet: Uint8Array,
  offset: number,
  decode: (bytes: Uint8Array) => unknown,
): Uint8Array {
  for (let sum = 0; sum <= 0xffff && decode(packet) === null; sum++)
    packet.set([sum >> 8, sum & 255], offset);
  return packet;
}

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

/** A PXE ROM's DISCOVER: the options that real firmware sends. */
const discover = made(548, (bytes) => {
  bytes.set([1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef]);
  bytes.set([0x52, 0x54, 0, 0, 0, 1], 28);
  bytes.set(
    hex('63825363 350101 39020558 5d020000 5e03010201 3c0f505845436c69656e743a41726368 4d0469505845'),
    236,
  );
  bytes.set(hex('37060102030c0fd2 af0cb1050180868100e eb03010000'.replaceAll(' ', '').slice(0, 40)), 284);
  bytes.set(hex('611100 00112233445566778899aabbccddeeff ff'), 310);
});

/** Each codec with whole samples of what it reads. What it decodes is looked at, so that lazy parts run too. */
const CODECS: Record<string, { samples: Uint8Array[]; decode: (bytes: Uint8Array) => unknown }> = {
  ethernet: {
    samples: [
      made(60, (b) =>
        writeEthernetHeader(b, {
          destination: mac('ff:ff:ff:ff:ff:ff'),
          source: mac('52:54:00:00:00:01'),
          etherType: 0x0800,
          vlan: null,
        }),
      ),
    ],
    decode: decodeEthernet,
  },
  arp: {
    samples: [
      made(ARP_BYTES, (b) =>
        writeArp(b, 0, {
          operation: 'request',
          senderMac: mac('52:54:00:00:00:01'),
          senderIp: client,
          targetMac: mac('00:00:00:00:00:00'),
          targetIp: server,
        }),
      ),
    ],
    decode: decodeArp,
  },
  ipv4: {
    samples: [
      made(60, (b) =>
        writeIpv4Header(
          b,
          0,
          {
            protocol: 17,
            source: client,
            destination: server,
            ttl: 64,
            identification: 1,
            dontFragment: true,
            moreFragments: false,
            fragmentOffset: 0,
          },
          40,
        ),
      ),
    ],
    decode: decodeIpv4,
  },
  icmp: {
    samples: [
      made(40, (b) =>
        writeIcmpEcho(b, 0, { kind: 'echo-request', identifier: 1, sequence: 2, data: new Uint8Array(32) }),
      ),
    ],
    decode: decodeIcmp,
  },
  udp: {
    samples: [
      made(40, (b) =>
        writeUdp(
          b,
          0,
          { source: client, sourcePort: 68, destination: server, destinationPort: 67 },
          new Uint8Array(32),
        ),
      ),
    ],
    decode: (bytes) => decodeUdp(bytes, 0, bytes.length, client, server),
  },
  tcp: {
    samples: [
      hex('d4310050 00000001 00000000 b0020200 00000000 020405b4 0402080a 00000001 00000000 01030307'),
      hex('d4310050 00000001 00000002 80100200 00000000 0101050a 00000010 00000020'),
    ],
    decode: decodeTcp,
  },
  'router solicitation': {
    samples: [
      withChecksum(
        hex(
          '6000000000103aff fe80000000000000505400fffe000001 ff020000000000000000000000000002 8500000000000000 0101525400000001',
        ),
        42,
        decodeRouterSolicitation,
      ),
    ],
    decode: decodeRouterSolicitation,
  },
  dhcp: {
    samples: [discover],
    decode(bytes) {
      const message = decodeDhcp(bytes);
      return (
        message && [
          readClientUuid(message.options),
          readIpxeOptions(message.options),
          readUserClasses(message.options),
        ]
      );
    },
  },
  tftp: {
    samples: [
      encodeTftp({
        type: 'rrq',
        filename: 'bootx64.efi',
        mode: 'octet',
        options: [
          ['blksize', '1468'],
          ['windowsize', '4'],
        ],
      }),
      hex('00040001'),
      hex('0003ffff00112233'),
      hex('000500014e6f7420666f756e6400'),
      hex('000662 6c6b73697a6500 3134363800'),
    ],
    decode: decodeTftp,
  },
  smbios: {
    samples: [
      encodeStructures([
        {
          type: 1,
          handle: 1,
          data: made(23, (b) => b.set(encodeUuid('00112233-4455-6677-8899-aabbccddeeff')!, 4)),
          strings: ['Rackbox', 'Lab PC'],
        },
        { type: 127, handle: 2, data: new Uint8Array(0), strings: [] },
      ]),
    ],
    decode(bytes) {
      const structures = decodeStructures(bytes);
      return [structures && readSystem(structures), decodeEntryPoint(bytes)];
    },
  },
  'pcap record': {
    samples: [encodePcapRecord(1_767_225_600_123, new Uint8Array(60))],
    decode: (bytes) => decodePcapRecord(bytes, 0),
  },
  'ppm picture': { samples: [Uint8Array.from(Buffer.from('P6\n2 2\n255\n000000000000'))], decode: decodePpm },
  'qmp line': {
    samples: [
      Buffer.from('{"event":"SHUTDOWN","data":{"guest":true}}'),
      Buffer.from('{"return":{},"id":1}'),
    ].map((b) => Uint8Array.from(b)),
    decode: (bytes) => decodeQmpMessage(Buffer.from(bytes).toString()),
  },
};

describe(`${FUZZ_INPUTS} hostile inputs (seed ${FUZZ_SEED})`, () => {
  test.for(Object.entries(CODECS))('%s neither throws nor grows', ([, { samples, decode }]) => {
    const random = seededRandom(FUZZ_SEED);
    const scratch = new Uint8Array(2048);
    // The samples must be worth mutating: each codec reads at least one of its own.
    expect(samples.some((sample) => decode(sample) !== null)).toBe(true);
    const before = heapBytes();
    for (let i = 0; i < FUZZ_INPUTS; i++) decode(hostileInput(random, samples, scratch));
    expect(heapBytes() - before).toBeLessThan(64 << 20);
  });
});
