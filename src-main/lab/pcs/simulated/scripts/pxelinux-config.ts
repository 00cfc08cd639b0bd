/** What a label of a PXELINUX configuration boots. */
export interface PxelinuxLabel {
  readonly kernel: string;
  readonly initrds: readonly string[];
  readonly append: string;
  /** Bits of IPAPPEND/SYSAPPEND; bit 1 adds `BOOTIF=`. */
  readonly ipAppend: number;
  /** LOCALBOOT was given: leave to the next boot device. */
  readonly localBoot: boolean;
}

/**
 * Reads the configuration language of SYSLINUX as far as network boot uses it and returns the default label,
 * or null when there is nothing to boot. https://wiki.syslinux.org/wiki/index.php?title=Config
 */
export function defaultPxelinuxLabel(text: string): PxelinuxLabel | null {
  const labels = new Map<string, PxelinuxLabel>();
  let [wanted, onTimeout, current] = ['', '', ''];
  const change = (changes: Partial<PxelinuxLabel>) => {
    const label = labels.get(current);
    if (label) labels.set(current, { ...label, ...changes });
  };
  for (const line of text.split(/\r?\n/)) {
    const [, keyword = '', value = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
    switch (keyword.toUpperCase()) {
      case 'DEFAULT':
        wanted = value;
        break;
      case 'ONTIMEOUT':
        onTimeout = value;
        break;
      case 'LABEL':
        current = value;
        labels.set(value, { kernel: '', initrds: [], append: '', ipAppend: 0, localBoot: false });
        break;
      case 'KERNEL':
      case 'LINUX':
      case 'COM32':
        change({ kernel: value });
        break;
      case 'INITRD':
        change({ initrds: value.split(',') });
        break;
      case 'APPEND':
        change({ append: value });
        break;
      case 'IPAPPEND':
      case 'SYSAPPEND':
        change({ ipAppend: Number(value) || 0 });
        break;
      case 'LOCALBOOT':
        change({ localBoot: true });
        break;
    }
  }
  const label = labels.get(onTimeout) ?? labels.get(wanted) ?? [...labels.values()][0];
  return label ? resolved(label, labels) : null;
}

/**
 * `KERNEL ifcpu64.c32`, `APPEND a -- b` picks label a on a 64-bit CPU; `chain.c32` boots a disk;
 * `initrd=` may stand among the arguments.
 */
function resolved(label: PxelinuxLabel, labels: ReadonlyMap<string, PxelinuxLabel>): PxelinuxLabel {
  const kernel = label.kernel.split('/').pop() ?? '';
  if (kernel === 'chain.c32') return { ...label, localBoot: true };
  if (kernel === 'ifcpu64.c32') {
    const chosen = labels.get(label.append.split(/\s+--\s+/)[0]?.trim() ?? '');
    return chosen && chosen !== label ? { ...chosen } : label;
  }
  const named = /(?:^|\s)initrd=(\S+)/.exec(label.append)?.[1];
  return named !== undefined && label.initrds.length === 0 ? { ...label, initrds: named.split(',') } : label;
}

/**
 * Names below `pxelinux.cfg/` in the order in which PXELINUX asks for them: system UUID, MAC with its ARP type,
 * the IPv4 address in upper-case hex shortened digit by digit, `default`.
 */
export function pxelinuxConfigNames(uuid: string, macWithDashes: string, address: number): string[] {
  const hex = address.toString(16).toUpperCase().padStart(8, '0');
  return [uuid, `01-${macWithDashes}`, ...Array.from(hex, (_, i) => hex.slice(0, 8 - i)), 'default'];
}
