import type { PcView, PowerAction } from '../../src-main/api/contract/lab.ts';
import { useScreen } from '../data/use-lab.ts';

const STEPS = [
  ['dhcp', 'DHCP'],
  ['loader', 'Loader'],
  ['config', 'Config'],
  ['kernel', 'Kernel'],
  ['initrd', 'Initrd'],
  ['preseed', 'Preseed'],
  ['userdata', 'Up'],
] as const;

const FIRMWARE_NAMES: Readonly<Record<PcView['firmware'], string>> = {
  bios: 'BIOS',
  uefi: 'UEFI',
  'uefi-pxe': 'UEFI PXE',
  'uefi-http': 'UEFI HTTP',
  'uefi-secure': 'UEFI Secure Boot',
};

/** One PC of the rack: power, identity, the boot's steps climbing, and its screen in miniature. */
export function PcFace({ pc, onPower }: { pc: PcView; onPower: (action: PowerAction) => void }) {
  const screen = useScreen(pc.id, pc.power === 'on');
  return (
    <article aria-label={pc.name} data-power={pc.power}>
      <div className="plate">
        <span className="led" data-on={pc.power === 'on'} aria-hidden="true" />
        <h2>{pc.name}</h2>
        <span className="kind" title={pc.honestly}>
          {pc.kind} · {FIRMWARE_NAMES[pc.firmware]} · {pc.memoryMb} MB
        </span>
        <span className="address">
          {pc.mac}
          <br />
          {pc.ip ?? 'no address'}
        </span>
        <div className="actions">
          {pc.power === 'off' ? (
            <button type="button" onClick={() => onPower('on')}>
              Power on
            </button>
          ) : (
            <>
              <button type="button" disabled={pc.power !== 'on'} onClick={() => onPower('reset')}>
                Reset
              </button>
              <button type="button" onClick={() => onPower('off')}>
                Power off
              </button>
            </>
          )}
        </div>
      </div>
      <div className="story">
        <ol className="steps" aria-label="Boot">
          {STEPS.map(([phase, label]) => {
            const entry = pc.boot.phases.find((candidate) => candidate.phase === phase);
            const state = entry?.endedAt ? 'done' : entry ? 'now' : 'waiting';
            return (
              <li key={phase} data-state={state}>
                <span>{label}</span>
                <time>
                  {entry?.endedAt
                    ? seconds(entry.endedAt - (pc.boot.poweredAt ?? entry.endedAt))
                    : phase === 'loader' && hasOwnLoader(pc)
                      ? 'in the NIC’s ROM'
                      : ''}
                </time>
              </li>
            );
          })}
        </ol>
        <p className="explanation">
          {pc.power === 'off'
            ? 'Switched off.'
            : pc.boot.booted
              ? 'Booted: its userspace talks to the controller.'
              : `It ${pc.boot.explanation ?? '…'}`}
        </p>
      </div>
      <div className="screen" role="img" aria-label={`Screen of ${pc.name}`}>
        {screen?.kind === 'text' && <pre>{screen.lines.join('\n')}</pre>}
        {screen?.kind === 'graphics' && screen.png && (
          <img alt="" src={`data:image/png;base64,${screen.png}`} />
        )}
      </div>
    </article>
  );
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** iPXE in the NIC's ROM needs no loader from the network. */
function hasOwnLoader(pc: PcView): boolean {
  return pc.firmware === 'bios' || pc.firmware === 'uefi';
}
