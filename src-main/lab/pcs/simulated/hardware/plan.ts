import type { Mac } from '../../../../base/address.ts';
import { parseMac } from '../../../../base/address.ts';
import { seededRandom, seedOf } from '../../../../base/random.ts';
import type { PcSpec } from '../../pc.ts';
import { hardwareProfile, profileFor } from './catalogue.ts';
import { fillPattern, type HardwareProfile, memoryMbOf, threadsOf } from './profile.ts';

/** The profile a PC has: the one it names, else the one its id stands for. */
export function profileOfSpec(spec: Pick<PcSpec, 'id' | 'profile'>): HardwareProfile {
  return (spec.profile === undefined ? undefined : hardwareProfile(spec.profile)) ?? profileFor(spec.id);
}

/** What of a spec is hardware. */
export type PlannedHardware = Pick<PcSpec, 'cpus' | 'memoryMb' | 'nics' | 'disks' | 'identity' | 'profile'>;

/**
 * The hardware of a new simulated PC as `profile` has it, with serial numbers, UUID and MACs of its own: the same
 * for the same id. `{ id, name, kind: 'simulated', firmware: 'uefi', bootOrder: ['network'], ...planHardware(id) }`
 */
export function planHardware(id: string, profile: HardwareProfile = profileFor(id)): PlannedHardware {
  const random = seededRandom(seedOf(`${id}/${profile.name}`));
  const serial = fillPattern(profile.system.serialPattern, random);
  return {
    profile: profile.name,
    cpus: threadsOf(profile.cpu),
    memoryMb: memoryMbOf(profile),
    identity: {
      uuid: uuidFrom(random.bytes(16)),
      vendor: profile.system.vendor,
      product: profile.system.product,
      serial,
    },
    nics: macsOf(profile, random.u32()).map((mac) => ({ mac })),
    disks: profile.disks.map(({ model, sizeBytes, serialPattern }, index) => ({
      id: `disk${index}`,
      model,
      sizeBytes,
      serial: fillPattern(serialPattern, random),
    })),
  };
}

/** Ports of one maker count on from one another, as they do on a real board. */
function macsOf(profile: HardwareProfile, seed: number): Mac[] {
  return profile.nics.map(({ oui }, index) => {
    const first = parseMac(`${oui}:00:00:00`) ?? 0;
    return (first + ((seed + index) & 0xffffff)) as Mac;
  });
}

/** A version 4 UUID (RFC 9562 §5.4). */
function uuidFrom(bytes: Uint8Array): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
