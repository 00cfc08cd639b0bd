import { parsePcSelections } from '../../src-main/app/lab/pc-selection.ts';
import { runLab } from '../../src-main/app/lab/throw-away-lab.ts';

/**
 * Power-on to userspace, one PC alone, by kind and firmware. The best of three (of ten where a boot takes no time):
 * what else the machine does meanwhile only ever adds. "first" is the first of them, in a cold process. Names as arguments measure only those, e.g. `node test/bench/boot.ts emulated`.
 */
const TARGET_SECONDS: Readonly<Record<string, number>> = {
  simulated: 0.1,
  emulated: 8,
  qemu: 6,
  'qemu-uefi': 11,
  'qemu-uefi-pxe': 22,
  'qemu-secure': 30,
};

const wanted = process.argv.slice(2);
const rows = [];
console.log(
  'PC'.padEnd(16),
  'best s'.padStart(8),
  'first s'.padStart(8),
  'target'.padStart(8),
  'loop p99 ms'.padStart(12),
  'RSS MB'.padStart(8),
);
for (const [label, target] of Object.entries(TARGET_SECONDS)) {
  if (wanted.length > 0 && !wanted.includes(label)) continue;
  const rounds = [];
  for (let round = 0; round < (label === 'simulated' ? 10 : 3); round++)
    rounds.push(await runLab({ selections: parsePcSelections(label), timeScale: 0, timeoutMs: 60_000 }));
  for (const { pcs } of rounds)
    if (!pcs[0]?.booted) console.log(`${label} did not boot: it ${pcs[0]?.explanation}`);
  const seconds = rounds.map(({ pcs }) => (pcs[0]?.totalMs ?? Number.POSITIVE_INFINITY) / 1000);
  const row = {
    label,
    seconds: Math.min(...seconds),
    firstSeconds: seconds[0] ?? Number.POSITIVE_INFINITY,
    target,
    phases: rounds[seconds.indexOf(Math.min(...seconds))]?.pcs[0]?.phases ?? [],
    loopDelayP99Ms: Math.max(...rounds.map((round) => round.eventLoopDelayP99Ms)),
    rssMb: Math.max(...rounds.map((round) => round.rssMb)),
  };
  rows.push(row);
  console.log(
    label.padEnd(16),
    row.seconds.toFixed(2).padStart(8),
    row.firstSeconds.toFixed(2).padStart(8),
    target.toFixed(1).padStart(8),
    row.loopDelayP99Ms.toFixed(1).padStart(12),
    String(row.rssMb).padStart(8),
  );
}
console.log(JSON.stringify({ bench: 'boot', rows }));
