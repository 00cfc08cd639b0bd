import { type Ipv4, type Mac, writeMac } from '../../../../base/address.ts';
import {
  broadcastFlag,
  type DhcpMessage,
  dhcpMessage,
  HTYPE_ETHERNET,
  MESSAGE_TYPE,
} from '../../../../protocol/dhcp.ts';
import { OPTION } from '../../../../protocol/dhcp-options.ts';
import { clientUuidValue } from '../../../../protocol/dhcp-pxe.ts';
import { ipv4ListValue, textValue, u8Value, u16Value } from '../../../../protocol/dhcp-values.ts';

/** Who asks. */
export interface DhcpIdentity {
  readonly mac: Mac;
  /** SMBIOS UUID in text form. */
  readonly uuid: string;
  /** What the client calls itself (option 12), where it does. */
  readonly hostname?: string;
}

/** An offer that the client chose. */
export interface ChosenOffer {
  readonly address: Ipv4;
  readonly server: Ipv4;
}

type Option = readonly [tag: number, value: Uint8Array];

/**
 * How one DHCP client speaks: which options in which order, how long it waits. Lists and timings are those
 * of captures of the real clients (QEMU's SeaBIOS and OVMF with iPXE, EDK2's PXE and HTTP boot, busybox's udhcpc).
 */
export interface DhcpFlavour {
  readonly name: string;
  /** Asks for broadcast replies. */
  readonly broadcast: boolean;
  /** How long each DISCOVER, and then each REQUEST, waits for an answer. */
  readonly timeoutsMs: readonly number[];
  /**
   * Milliseconds from the first DISCOVER during which offers are collected, unless one says that there is
   * nothing to wait for; 0 takes the first.
   */
  readonly collectMs: number;
  /** The `secs` field of the n-th (from 1) DISCOVER or REQUEST, `elapsedMs` after the first. */
  secs(n: number, elapsedMs: number): number;
  options(type: 'discover' | 'request', identity: DhcpIdentity, chosen: ChosenOffer | null): Option[];
}

/** The DISCOVER of a client. */
export function discoverMessage(
  flavour: DhcpFlavour,
  identity: DhcpIdentity,
  xid: number,
  secs: number,
): DhcpMessage {
  const options = new Map(flavour.options('discover', identity, null));
  return dhcpMessage({ xid, secs, mac: identity.mac, flags: broadcastFlag(flavour.broadcast), options });
}

/** The REQUEST that takes an offer (RFC 2131 §4.3.2, SELECTING). */
export function requestMessage(
  flavour: DhcpFlavour,
  identity: DhcpIdentity,
  chosen: ChosenOffer,
  xid: number,
  secs: number,
): DhcpMessage {
  const options = new Map(flavour.options('request', identity, chosen));
  return dhcpMessage({ xid, secs, mac: identity.mac, flags: broadcastFlag(flavour.broadcast), options });
}

/** The REQUEST that extends a lease (RFC 2131 §4.3.2, RENEWING and REBINDING): the address stands in ciaddr. */
export function renewMessage(
  flavour: DhcpFlavour,
  identity: DhcpIdentity,
  address: Ipv4,
  xid: number,
): DhcpMessage {
  const options = new Map(flavour.options('request', identity, null));
  return dhcpMessage({ xid, mac: identity.mac, ciaddr: address, options });
}

function typeOption(type: 'discover' | 'request'): Option {
  return [OPTION.messageType, u8Value(MESSAGE_TYPE[type])];
}

function clientId({ mac }: DhcpIdentity): Option {
  const value = new Uint8Array(7);
  value[0] = HTYPE_ETHERNET;
  writeMac(value, 1, mac);
  return [OPTION.clientIdentifier, value];
}

function uuidOption({ uuid }: DhcpIdentity): Option {
  return [OPTION.clientUuid, clientUuidValue(uuid) ?? new Uint8Array(17)];
}

function serverOption({ server }: ChosenOffer): Option {
  return [OPTION.serverIdentifier, ipv4ListValue([server])];
}

function addressOption({ address }: ChosenOffer): Option {
  return [OPTION.requestedAddress, ipv4ListValue([address])];
}

function parameters(...tags: number[]): Option {
  return [OPTION.parameterRequestList, Uint8Array.from(tags)];
}

function archOption(arch: number): Option {
  return [OPTION.clientArch, u16Value(arch)];
}

function undiOption(major: number, minor: number): Option {
  return [OPTION.clientNetworkInterface, Uint8Array.of(1, major, minor)];
}

function classOption(kind: 'PXEClient' | 'HTTPClient', arch: number, undi: string): Option {
  return [OPTION.vendorClass, textValue(`${kind}:Arch:${String(arch).padStart(5, '0')}:UNDI:${undi}`)];
}

const PXE_VENDOR_TAGS = [128, 129, 130, 131, 132, 133, 134, 135];

/** iPXE feature numbers in option 175, each with version 1, in the order in which Debian's builds list them. */
const IPXE_BIOS_FEATURES = [0x17, 0x22, 0x13, 0x11, 0x27, 0x19, 0x29, 0x10, 0x21, 0x15, 0x18, 0x12];
const IPXE_EFI_FEATURES = [0x17, 0x24, 0x13, 0x11, 0x27, 0x29, 0x15, 0x12];

/** `busId` is option 175's: PCI (1), vendor and device id. */
function ipxeOption(busId: string, features: readonly number[]): Option {
  const id = Array.from(busId.matchAll(/[0-9a-f]{2}/g), ([pair]) => Number.parseInt(pair, 16));
  const version = [0xeb, 3, 1, 0, 0];
  return [175, Uint8Array.from([0xb1, 5, 1, ...id, ...version, ...features.flatMap((tag) => [tag, 1, 1])])];
}

/** iPXE 1.0.0+git-20190125: retries after 1, 2, 4, 8 s; waits 2 s for ProxyDHCP and looks at the next timeout. */
function ipxe(
  arch: number,
  undi: readonly [number, number],
  features: readonly number[],
  busId: string,
): DhcpFlavour {
  const version = `${String(undi[0]).padStart(3, '0')}${String(undi[1]).padStart(3, '0')}`;
  return {
    name: 'ipxe',
    broadcast: false,
    timeoutsMs: [1000, 2000, 4000, 8000],
    collectMs: 3000,
    secs: (n) => n * (n + 3),
    options: (type, identity, chosen) => [
      typeOption(type),
      [OPTION.maxMessageSize, u16Value(1472)],
      archOption(arch),
      undiOption(undi[0], undi[1]),
      classOption('PXEClient', arch, version),
      [OPTION.userClass, textValue('iPXE')],
      parameters(1, 3, 6, 7, 12, 15, 17, 26, 43, 60, 66, 67, 119, ...PXE_VENDOR_TAGS, 175, 203),
      ipxeOption(busId, features),
      clientId(identity),
      uuidOption(identity),
      ...(chosen ? [serverOption(chosen), addressOption(chosen)] : []),
    ],
  };
}

/** iPXE in the option ROM of a BIOS machine. */
export function ipxeBios(busId: string): DhcpFlavour {
  return ipxe(0, [2, 1], IPXE_BIOS_FEATURES, busId);
}

/** iPXE as the EFI driver in a NIC's ROM. */
export function ipxeEfi(busId: string): DhcpFlavour {
  return ipxe(7, [3, 10], IPXE_EFI_FEATURES, busId);
}

const EDK2_TAGS = [1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60];

/** EDK2's PXE and HTTP boot: a DISCOVER every 4, 8, 16, 32 s; offers are looked at when the first 4 s are over. */
function edk2(
  name: string,
  classes: readonly ['PXEClient' | 'HTTPClient', number],
  undi: readonly [number, number],
  tags: readonly number[],
): DhcpFlavour {
  const version = `003${String(undi[1]).padStart(3, '0')}`;
  return {
    name,
    broadcast: true,
    timeoutsMs: [4000, 8000, 16000, 32000],
    collectMs: 4000,
    secs: (_, elapsedMs) => Math.floor(elapsedMs / 1000),
    options: (type, identity, chosen) => [
      typeOption(type),
      ...(chosen ? [serverOption(chosen), addressOption(chosen)] : []),
      [OPTION.maxMessageSize, type === 'discover' ? u16Value(1472) : u16Value(0xff00)],
      parameters(...EDK2_TAGS, ...tags),
      uuidOption(identity),
      undiOption(undi[0], undi[1]),
      archOption(classes[1]),
      classOption(classes[0], classes[1], version),
    ],
  };
}

/** The firmware's own PXE client on x86-64. */
export const edk2Pxe = edk2('edk2-pxe', ['PXEClient', 7], [3, 16], [66, 67, 97, ...PXE_VENDOR_TAGS]);

/** The firmware's own HTTP boot on x86-64. Tag 235 is EDK2's, where 97 was meant once more. */
export const edk2Http = edk2('edk2-http', ['HTTPClient', 16], [3, 16], [235, 67, 97]);

/** A PXE ROM of a BIOS NIC without iPXE (PXE 2.1, Intel's boot agent). */
export const biosPxe: DhcpFlavour = {
  name: 'bios-pxe',
  broadcast: true,
  timeoutsMs: [4000, 8000, 16000, 32000],
  collectMs: 4000,
  secs: (_, elapsedMs) => Math.floor(elapsedMs / 1000) + 4,
  options: (type, identity, chosen) => [
    typeOption(type),
    ...(chosen ? [addressOption(chosen)] : []),
    parameters(
      ...[1, 2, 3, 4, 5, 6, 11, 12, 13, 15, 16, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60],
      ...[66, 67, ...PXE_VENDOR_TAGS],
    ),
    [OPTION.maxMessageSize, u16Value(1260)],
    ...(chosen ? [serverOption(chosen)] : []),
    uuidOption(identity),
    archOption(0),
    undiOption(2, 1),
    classOption('PXEClient', 0, '002001'),
  ],
};

/** busybox's udhcpc, the DHCP client of small Linux systems and of our boot image. */
export const udhcpc: DhcpFlavour = {
  name: 'udhcpc',
  broadcast: false,
  timeoutsMs: [3000, 3000, 3000],
  collectMs: 0,
  secs: (_, elapsedMs) => Math.floor(elapsedMs / 1000),
  options: (type, identity, chosen) => [
    typeOption(type),
    ...(chosen ? [addressOption(chosen), serverOption(chosen)] : []),
    [OPTION.maxMessageSize, u16Value(576)],
    parameters(1, 3, 6, 12, 15, 28, 42),
    [OPTION.vendorClass, textValue('udhcp 1.35.0')],
    clientId(identity),
    ...(identity.hostname === undefined ? [] : [[OPTION.hostname, textValue(identity.hostname)] as const]),
  ],
};
