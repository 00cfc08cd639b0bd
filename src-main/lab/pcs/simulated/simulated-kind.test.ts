import { describePcKind } from '../pc.suite.ts';
import { createSimulatedKind } from './simulated-kind.ts';
import type { SimulatedPc } from './simulated-pc.ts';

const usual = {
  kind: createSimulatedKind(),
  firmwareFolder: '/nonexistent',
  discoverWithinMs: 5000,
  quietForMs: 100,
  guestWrites: (pc: unknown, content: Uint8Array, offset: number) =>
    (pc as SimulatedPc).writeDisk(0, offset, content),
};

for (const firmware of usual.kind.capabilities.firmwares)
  describePcKind(`simulated ${firmware}, instant`, { ...usual, spec: { firmware, timeScale: 0 } });

describePcKind('simulated bios, a hundred times faster', { ...usual, spec: { timeScale: 0.01 } });
