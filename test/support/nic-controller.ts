/**
 * The controller's boot services on a real interface, for tests that start it inside a network namespace:
 *
 *     node nic-controller.ts br0 10.77.0.1 10.77.0.0/24
 *
 * Says one JSON object a line: `{ready}`, each boot event, and answers `probe <address> <ms>` lines with `{used}`.
 */
import path from 'node:path';
import { createInterface } from 'node:readline';
import { BootWatch } from '../../src-main/app/boot-watch.ts';
import { startSegmentServices } from '../../src-main/app/segment-services.ts';
import { broadcastOf, cidr, formatIpv4, type Ipv4, ipv4 } from '../../src-main/base/address.ts';
import { systemClock } from '../../src-main/base/clock.ts';
import { systemRunner } from '../../src-main/base/process-runner.ts';
import { BUILT_IN_OS, BUILT_IN_RELEASE, builtInImages } from '../../src-main/domain/images/built-in-image.ts';
import { ImageStore } from '../../src-main/domain/images/image-store.ts';
import { createBootDirectory } from '../../src-main/domain/machines/boot-directory.ts';
import { memoryLeaseBook } from '../../src-main/netboot/dhcp/memory-lease-book.ts';
import { openNicSegment } from '../../src-main/netboot/nic/nic-segment.ts';

const resources = path.resolve(import.meta.dirname, '../../resources');
const [name = '', address = '', networkText = ''] = process.argv.slice(2);
const network = cidr(networkText);
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);

const segment = await openNicSegment({
  interface: name,
  address: ipv4(address),
  cidr: network,
  clock: systemClock,
  runner: systemRunner,
});
const images = new ImageStore();
for (const image of await builtInImages(path.join(resources, 'micro-linux'))) images.add(image);
const watch = new BootWatch();
watch.onEvent.on((event) =>
  say({ ...event, ...(event.ip === undefined ? {} : { ip: formatIpv4(event.ip) }) }),
);
await startSegmentServices({
  segment,
  pool: { first: (network.network + 100) as Ipv4, last: (broadcastOf(network) - 1) as Ipv4 },
  leaseBook: memoryLeaseBook(),
  directory: createBootDirectory({
    images,
    commissioning: { os: BUILT_IN_OS, release: BUILT_IN_RELEASE },
  }),
  images,
  firmwareFolder: path.join(resources, 'firmware'),
  watch,
  clock: systemClock,
});
say({ ready: true });
for await (const line of createInterface(process.stdin)) {
  const [command, target = '', within = ''] = line.split(' ');
  if (command === 'probe') say({ used: await segment.probe(ipv4(target), Number(within)), address: target });
}
