import { type Static, Type } from 'typebox';

/** The lab's resources as the API gives them. Shared with the page and the command line; JSON only. */

const PcKindSchema = Type.Union([
  Type.Literal('simulated'),
  Type.Literal('emulated'),
  Type.Literal('qemu'),
  Type.Literal('libvirt'),
  Type.Literal('virtualbox'),
]);

const FirmwareSchema = Type.Union([
  Type.Literal('bios'),
  Type.Literal('uefi'),
  Type.Literal('uefi-pxe'),
  Type.Literal('uefi-http'),
  Type.Literal('uefi-secure'),
]);

const PhaseSchema = Type.Object({
  phase: Type.String(),
  /** Milliseconds since 1970. */
  startedAt: Type.Number(),
  endedAt: Type.Union([Type.Number(), Type.Null()]),
  step: Type.String(),
  detail: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
});

const BootSchema = Type.Object({
  poweredAt: Type.Union([Type.Number(), Type.Null()]),
  phases: Type.Array(PhaseSchema),
  booted: Type.Boolean(),
  /** Why it is where it is, as a clause about the PC; null when it has booted. */
  explanation: Type.Union([Type.String(), Type.Null()]),
});

export const PcSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  kind: PcKindSchema,
  firmware: FirmwareSchema,
  cpus: Type.Integer(),
  memoryMb: Type.Integer(),
  mac: Type.String(),
  ip: Type.Union([Type.String(), Type.Null()]),
  power: Type.Union([
    Type.Literal('off'),
    Type.Literal('starting'),
    Type.Literal('on'),
    Type.Literal('stopping'),
  ]),
  /** What this kind can't do, in a sentence. */
  honestly: Type.String(),
  boot: BootSchema,
});
export type PcView = Static<typeof PcSchema>;

export const PowerActionSchema = Type.Object({
  action: Type.Union([Type.Literal('on'), Type.Literal('off'), Type.Literal('reset')]),
});
export type PowerAction = Static<typeof PowerActionSchema>['action'];

export const ScreenSchema = Type.Object({
  kind: Type.Union([Type.Literal('text'), Type.Literal('graphics'), Type.Literal('blank')]),
  /** Text screens: the lines in Unicode. */
  lines: Type.Array(Type.String()),
  /** Graphics screens: a PNG file as base64. */
  png: Type.Union([Type.String(), Type.Null()]),
});
export type ScreenView = Static<typeof ScreenSchema>;

export const ImpairmentSchema = Type.Object({
  lossRate: Type.Number({ minimum: 0, maximum: 1, default: 0 }),
  delayMs: Type.Number({ minimum: 0, maximum: 60_000, default: 0 }),
  jitterMs: Type.Number({ minimum: 0, maximum: 60_000, default: 0 }),
  duplicateRate: Type.Number({ minimum: 0, maximum: 1, default: 0 }),
  reorderRate: Type.Number({ minimum: 0, maximum: 1, default: 0 }),
  cut: Type.Boolean({ default: false }),
});
export type ImpairmentView = Static<typeof ImpairmentSchema>;

export const SwitchPortSchema = Type.Object({
  name: Type.String(),
  framesIn: Type.Integer(),
  framesOut: Type.Integer(),
  bytesIn: Type.Integer(),
  bytesOut: Type.Integer(),
  dropped: Type.Integer(),
});
export type SwitchPortView = Static<typeof SwitchPortSchema>;

/** What `/live` sends: a PC that changed. */
export interface LiveMessage {
  readonly type: 'pc';
  readonly pc: PcView;
}

/** The body of every error of the API. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}
