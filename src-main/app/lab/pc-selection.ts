import { rackboxError } from '../../base/error-catalogue.ts';
import type { Firmware, PcKindName } from '../../lab/pcs/pc.ts';

/** One entry of `--pcs`: so many PCs of a kind and firmware. */
export interface PcSelection {
  readonly label: string;
  readonly kind: PcKindName;
  readonly firmware?: Firmware;
  readonly count: number;
}

const KINDS: readonly PcKindName[] = ['simulated', 'emulated', 'qemu', 'libvirt', 'virtualbox'];
const FIRMWARES: readonly Firmware[] = ['bios', 'uefi', 'uefi-pxe', 'uefi-http', 'uefi-secure'];
const MAX_PCS = 1000;

/** Reads `simulated:20,emulated:1,qemu:1,qemu-uefi:1`. A count of 1 may be left out. Throws BAD_ARGUMENT. */
export function parsePcSelections(text: string): PcSelection[] {
  const selections = text
    .split(',')
    .filter((part) => part.trim() !== '')
    .map((part) => parseOne(part.trim()));
  const total = selections.reduce((sum, selection) => sum + selection.count, 0);
  if (total === 0 || total > MAX_PCS) throw bad(text, `it must name between 1 and ${MAX_PCS} PCs`);
  return selections;
}

function parseOne(text: string): PcSelection {
  const match = /^([a-z]+)(?:-([a-z-]+))?(?::(\d{1,6}))?$/.exec(text);
  const kind = KINDS.find((name) => name === match?.[1]);
  if (!match || !kind) throw bad(text, `the kinds are ${KINDS.join(', ')}`);
  const firmwareText = match[2] === 'secure' ? 'uefi-secure' : match[2];
  const firmware = FIRMWARES.find((name) => name === firmwareText);
  if (firmwareText !== undefined && !firmware) throw bad(text, `the firmwares are ${FIRMWARES.join(', ')}`);
  return {
    label: match[2] === undefined ? kind : `${kind}-${match[2]}`,
    kind,
    ...(firmware === undefined ? {} : { firmware }),
    count: match[3] === undefined ? 1 : Number(match[3]),
  };
}

function bad(text: string, problem: string) {
  return rackboxError('BAD_ARGUMENT', {
    what: `"${text}"`,
    problem,
    hint: 'For example simulated:2,emulated:1,qemu-uefi:1.',
  });
}
