import type { Mac } from '../../base/address.ts';
import { rackboxError } from '../../base/error-catalogue.ts';
import { type Random, seededRandom, seedOf } from '../../base/random.ts';
import type { Firmware, PcKind, PcKindName, PcSpec } from '../../lab/pcs/pc.ts';

/** What a person says of a PC to be added; the rest is filled in. */
export interface PcRequest {
  readonly kind: PcKindName;
  readonly firmware?: Firmware;
  readonly name: string;
  readonly memoryMb?: number;
  readonly cpus?: number;
  readonly diskMb?: number;
  readonly timeScale?: number;
}

const DEFAULT_DISK_MB = 64;

/** Fills in a PC from its name alone: the same name gives the same MAC, UUID and serial number in every lab. */
export function specFor(request: PcRequest, kind: PcKind): PcSpec {
  const random = seededRandom(seedOf(`${request.kind}/${request.name}`));
  const { capabilities } = kind;
  const firmware = request.firmware ?? capabilities.firmwares[0] ?? 'bios';
  if (!capabilities.firmwares.includes(firmware))
    throw rackboxError('PC_UNSUPPORTED', {
      kind: request.kind,
      what: `${firmware} firmware`,
      hint: `It can have: ${capabilities.firmwares.join(', ')}.`,
    });
  return {
    id: request.name,
    name: request.name,
    kind: request.kind,
    firmware,
    cpus: request.cpus ?? 1,
    memoryMb: request.memoryMb ?? capabilities.memoryMb.usual,
    nics: [{ mac: localMac(random), model: capabilities.nicModels[0] }],
    disks: [
      {
        id: 'disk0',
        sizeBytes: (request.diskMb ?? DEFAULT_DISK_MB) << 20,
        model: 'Rackbox Disk',
        serial: hex(random, 10).toUpperCase(),
      },
    ],
    identity: {
      uuid: uuid(random),
      vendor: 'Rackbox',
      product: `Lab PC (${request.kind})`,
      serial: `RB${hex(random, 8).toUpperCase()}`,
    },
    bootOrder: ['network', 'disk'],
    ...(request.timeScale === undefined ? {} : { timeScale: request.timeScale }),
  };
}

/** 52:54:00 is the prefix that QEMU and libvirt give to virtual NICs. */
function localMac(random: Random): Mac {
  return (0x525400000000 + random.int(0x010000, 0xfffffe)) as Mac;
}

function hex(random: Random, digits: number): string {
  return Array.from({ length: digits }, () => random.int(0, 15).toString(16)).join('');
}

/** A version 4 UUID (RFC 9562 §5.4). */
function uuid(random: Random): string {
  const variant = random.pick(['8', '9', 'a', 'b']);
  return `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-${variant}${hex(random, 3)}-${hex(random, 12)}`;
}
