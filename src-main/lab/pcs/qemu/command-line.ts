import { formatMac } from '../../../base/address.ts';
import type { BootDevice, DiskSpec, Firmware, NicSpec, PcSpec } from '../pc.ts';
import { type Acceleration, accelerationArguments } from './acceleration.ts';
import type { FirmwareFiles } from './firmware-files.ts';
import { isAtLeast, type QemuVersion } from './version.ts';

/** Where a byte stream of QEMU's ends: a descriptor it inherits, or our TCP port on loopback. */
export type ChannelAddress =
  | { readonly kind: 'fd'; readonly fd: number }
  | { readonly kind: 'tcp'; readonly port: number };

/** How a NIC's frames travel: length-prefixed on a stream, or a datagram each between two loopback ports. */
export type NicBackend =
  | { readonly kind: 'stream'; readonly address: ChannelAddress }
  | { readonly kind: 'dgram'; readonly ourPort: number; readonly itsPort: number };

/** Everything that a command line is made of. */
export interface Machine {
  readonly spec: PcSpec;
  readonly bootOrder: readonly BootDevice[];
  readonly version: QemuVersion;
  readonly acceleration: Acceleration;
  readonly pidFile: string;
  /** OVMF's code and this PC's own variable store; null for BIOS. */
  readonly firmware: FirmwareFiles | null;
  /** One raw file for each disk of the spec. */
  readonly diskFiles: readonly string[];
  readonly nics: readonly NicBackend[];
  readonly qmp: ChannelAddress;
  readonly serial: ChannelAddress;
}

/** NIC models by the name in a spec; the first is the default. */
export const NIC_DEVICES = {
  virtio: 'virtio-net-pci',
  e1000: 'e1000',
  e1000e: 'e1000e',
  rtl8139: 'rtl8139',
  vmxnet3: 'vmxnet3',
  pcnet: 'pcnet',
  ne2k: 'ne2k_pci',
} as const satisfies Record<string, string>;

/** Ids of the devices whose `bootindex` decides the boot order, also by QMP while the PC runs. */
const nicId = (index: number): string => `nic${index}`;
const diskId = (index: number): string => `disk${index}`;

/**
 * QEMU's arguments (without the program). Pure: the same machine gives the same list.
 * The guest starts paused, so that nothing is lost before we listen.
 */
export function commandLine(machine: Machine): string[] {
  const { spec } = machine;
  const { firmware } = spec;
  return [
    ...['-name', `guest=${escapeValue(spec.name)}`, '-nodefaults', '-no-user-config', '-S'],
    ...['-machine', machineType(firmware), '-m', String(spec.memoryMb), '-smp', String(spec.cpus)],
    ...accelerationArguments(machine.acceleration, spec.cpus),
    ...firmwareArguments(firmware, machine.firmware),
    ...identityArguments(spec),
    ...['-rtc', 'base=utc', '-object', 'rng-builtin,id=rng', '-device', 'virtio-rng-pci,rng=rng'],
    ...['-display', 'none', '-vga', 'std'],
    ...channelArguments('qmp', machine.qmp),
    ...['-mon', 'chardev=qmp,mode=control'],
    ...channelArguments('serial', machine.serial),
    ...['-serial', 'chardev:serial', '-pidfile', machine.pidFile],
    // Devices outside the boot order are not tried. SeaBIOS and OVMF only heed an order that names something they
    // know: an empty drive is always its end. Like a server, a BIOS PC starts over when nothing boots.
    ...[
      '-device',
      'ide-cd,bus=ide.1,bootindex=99',
      '-boot',
      `strict=on${firmware === 'bios' ? ',reboot-timeout=10000' : ''}`,
    ],
    ...spec.nics.flatMap((nic, i) => nicArguments(machine, nic, i)),
    ...diskArguments(machine),
  ];
}

/** The `bootindex` of each bootable device: network first or disks first, as the order says; -1 is "never". */
export function bootIndexes(spec: PcSpec, order: readonly BootDevice[]): Map<string, number> {
  const groups: Record<BootDevice, string[]> = {
    network: spec.nics.map((_, i) => nicId(i)),
    disk: spec.disks.map((_, i) => diskId(i)),
  };
  const indexes = new Map([...groups.network, ...groups.disk].map((id) => [id, -1]));
  const ids = [...new Set(order)].flatMap((device) => groups[device]);
  ids.forEach((id, i) => {
    indexes.set(id, i + 1);
  });
  return indexes;
}

/** Firmware that brings its own network stack knows virtio only; the others boot by the NIC's option ROM. */
export function usesOwnNetworkStack(firmware: Firmware): boolean {
  return firmware === 'uefi-pxe' || firmware === 'uefi-http' || firmware === 'uefi-secure';
}

/** Text inside a comma-separated option: commas are doubled; control characters would end up in logs. */
export function escapeValue(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').replaceAll(',', ',,');
}

function machineType(firmware: Firmware): string {
  if (firmware === 'bios') return 'pc';
  // The Secure Boot build keeps its variables behind system management mode.
  return firmware === 'uefi-secure' ? 'q35,smm=on' : 'q35';
}

function firmwareArguments(firmware: Firmware, files: FirmwareFiles | null): string[] {
  if (!files) return [];
  const args = [
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${escapeValue(files.code)}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${escapeValue(files.variables)}`],
  ];
  const setting = (name: string) => ['-fw_cfg', `name=opt/org.tianocore/${name},string=no`];
  // Without IPv6, a failed IPv4 attempt is not followed by half a minute of it; without PXE, HTTP comes first.
  if (usesOwnNetworkStack(firmware)) args.push(...setting('IPv6PXESupport'));
  if (firmware === 'uefi-http') args.push(...setting('IPv4PXESupport'));
  if (firmware === 'uefi-secure')
    args.push('-global', 'driver=cfi.pflash01,property=secure,value=on', '-global', 'ICH9-LPC.disable_s3=1');
  return args;
}

function identityArguments({ identity }: PcSpec): string[] {
  const [vendor, product, serial] = [identity.vendor, identity.product, identity.serial].map(escapeValue);
  const names = `manufacturer=${vendor},product=${product},serial=${serial}`;
  return [
    ...['-uuid', identity.uuid],
    ...['-smbios', `type=1,${names},uuid=${identity.uuid}`],
    ...['-smbios', `type=2,${names}`],
    ...['-smbios', `type=3,manufacturer=${vendor},serial=${serial}`],
  ];
}

function channelArguments(id: string, address: ChannelAddress): string[] {
  return [
    '-chardev',
    address.kind === 'fd'
      ? `socket,id=${id},fd=${address.fd}`
      : `socket,id=${id},host=127.0.0.1,port=${address.port},nodelay=on`,
  ];
}

function nicArguments({ spec, bootOrder, version, nics }: Machine, nic: NicSpec, index: number): string[] {
  const backend = nics[index];
  if (!backend) return [];
  const id = nicId(index);
  const model = NIC_DEVICES[(nic.model ?? 'virtio') as keyof typeof NIC_DEVICES];
  const rom = usesOwnNetworkStack(spec.firmware) ? ',romfile=' : '';
  return [
    ...['-netdev', netdev(`net${index}`, backend, version)],
    ...[
      '-device',
      `${model},id=${id},netdev=net${index},mac=${formatMac(nic.mac)}${bootIndex(spec, bootOrder, id)}${rom}`,
    ],
  ];
}

/** Before 7.2 the older `socket` back-end: the same frames on the wire. */
function netdev(id: string, backend: NicBackend, version: QemuVersion): string {
  const modern = isAtLeast(version, 7, 2);
  if (backend.kind === 'dgram') {
    const { ourPort, itsPort } = backend;
    return modern
      ? `dgram,id=${id},local.type=inet,local.host=127.0.0.1,local.port=${itsPort},remote.type=inet,remote.host=127.0.0.1,remote.port=${ourPort}`
      : `socket,id=${id},udp=127.0.0.1:${ourPort},localaddr=127.0.0.1:${itsPort}`;
  }
  if (backend.address.kind === 'fd') {
    const { fd } = backend.address;
    return modern ? `stream,id=${id},server=off,addr.type=fd,addr.str=${fd}` : `socket,id=${id},fd=${fd}`;
  }
  const { port } = backend.address;
  return modern
    ? `stream,id=${id},server=off,addr.type=inet,addr.host=127.0.0.1,addr.port=${port}`
    : `socket,id=${id},connect=127.0.0.1:${port}`;
}

function diskArguments({ spec, bootOrder, diskFiles }: Machine): string[] {
  const args: string[] = [];
  if (spec.disks.some(({ model }) => model !== undefined)) args.push('-device', 'ich9-ahci,id=sata');
  spec.disks.forEach((disk, i) => {
    const file = diskFiles[i];
    if (file === undefined) return;
    args.push(
      ...[
        '-blockdev',
        `driver=raw,node-name=file${i},discard=unmap,file.driver=file,file.filename=${escapeValue(file)}`,
      ],
      ...['-device', `${diskDevice(disk, i)}${bootIndex(spec, bootOrder, diskId(i))}`],
    );
  });
  return args;
}

/** A disk whose model matters is a SATA disk, for only those can say it; the others are virtio. */
function diskDevice({ id, model, serial }: DiskSpec, index: number): string {
  const common = `id=${diskId(index)},drive=file${index},serial=${escapeValue((serial ?? id).slice(0, 20))}`;
  return model === undefined
    ? `virtio-blk-pci,${common}`
    : `ide-hd,bus=sata.${index},${common},model=${escapeValue(model.slice(0, 40))}`;
}

function bootIndex(spec: PcSpec, order: readonly BootDevice[], id: string): string {
  const index = bootIndexes(spec, order).get(id) ?? -1;
  return index < 0 ? '' : `,bootindex=${index}`;
}
