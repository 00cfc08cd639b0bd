import { BROADCAST_IPV4, type Ipv4, type Mac } from '../../base/address.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { Segment } from '../../base/segment.ts';
import {
  BOOT_REPLY,
  broadcastFlag,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  decodeDhcp,
  dhcpMessage,
  encodeDhcp,
  MESSAGE_TYPE,
} from '../../protocol/dhcp.ts';
import { OPTION } from '../../protocol/dhcp-options.ts';
import { readIpv4, readU8, u8Value } from '../../protocol/dhcp-values.ts';

/** A DHCP server that answered. */
interface FoundDhcpServer {
  /** Its server identifier (option 54), or the address the offer came from. */
  readonly server: Ipv4;
  readonly offered: Ipv4;
}

interface FindDhcpServersOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** How long to listen after each question. Default 1500 ms: servers probe an address before they offer it. */
  readonly waitMs?: number;
  /** How often to ask, since a broadcast may be lost. Default 2. */
  readonly attempts?: number;
}

/**
 * Asks the segment for an address, as a client that never takes one, and lists who offers. To be used before DHCP is
 * switched on for a real network. Rejects with PORT_IN_USE when the host's own DHCP client has port 68.
 */
export async function findOtherDhcpServers(
  segment: Segment,
  options: FindDhcpServersOptions,
): Promise<FoundDhcpServer[]> {
  const { clock, random, waitMs = 1500, attempts = 2 } = options;
  const endpoint = await segment.udp(DHCP_CLIENT_PORT);
  try {
    const xid = random.u32();
    // A locally administered unicast address: no real machine's (IEEE 802 §8.4).
    const mac = (0x020000000000 + random.u32()) as Mac;
    const found = new Map<Ipv4, FoundDhcpServer>();
    endpoint.onDatagram(({ data, from }) => {
      const message = decodeDhcp(data);
      if (message?.op !== BOOT_REPLY || message.xid !== xid || message.mac !== mac) return;
      if (readU8(message.options, OPTION.messageType) !== MESSAGE_TYPE.offer) return;
      const server = readIpv4(message.options, OPTION.serverIdentifier) ?? from.address;
      if (server !== segment.address) found.set(server, { server, offered: message.yiaddr });
    });
    const discover = encodeDhcp(
      dhcpMessage({
        xid,
        mac,
        flags: broadcastFlag(true),
        options: new Map([
          [OPTION.messageType, u8Value(MESSAGE_TYPE.discover)],
          [OPTION.parameterRequestList, Uint8Array.of(OPTION.subnetMask, OPTION.router)],
        ]),
      }),
    );
    for (let i = 0; i < attempts; i++) {
      endpoint.send(discover, { address: BROADCAST_IPV4, port: DHCP_SERVER_PORT });
      await sleep(clock, waitMs);
    }
    return [...found.values()].sort((a, b) => a.server - b.server);
  } finally {
    await endpoint.dispose();
  }
}
