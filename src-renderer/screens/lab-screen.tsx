import { useState } from 'react';
import { ControllerError, controller } from '../data/controller.ts';
import { useLab } from '../data/use-lab.ts';
import { PcFace } from '../parts/pc-face.tsx';

/** The rack: every PC of the lab with its power, its boot's steps and its screen. */
export function LabScreen() {
  const { pcs, connected } = useLab();
  const [problem, setProblem] = useState<ControllerError | null>(null);
  const power = (ids: string[], action: 'on' | 'off' | 'reset') => {
    setProblem(null);
    for (const id of ids)
      controller.power(id, action).catch((error: unknown) => {
        if (error instanceof ControllerError) setProblem(error);
      });
  };
  const off = pcs.filter((pc) => pc.power === 'off');
  const on = pcs.filter((pc) => pc.power !== 'off');

  return (
    <>
      <header>
        <h1>Rackbox</h1>
        <p className="lede">
          {pcs.length} PCs, {on.length} on, {pcs.filter((pc) => pc.boot.booted).length} booted
        </p>
        <div className="actions">
          <button
            type="button"
            className="primary"
            disabled={off.length === 0}
            onClick={() =>
              power(
                off.map((pc) => pc.id),
                'on',
              )
            }
          >
            Power on all
          </button>
          <button
            type="button"
            disabled={on.length === 0}
            onClick={() =>
              power(
                on.map((pc) => pc.id),
                'off',
              )
            }
          >
            Power off all
          </button>
        </div>
      </header>
      {connected === false && (
        <p role="alert" className="banner">
          The controller is out of reach. Trying again …
        </p>
      )}
      {problem && (
        <p role="alert" className="banner">
          {problem.message} <span>{problem.hint}</span>
        </p>
      )}
      <main>
        {pcs.map((pc) => (
          <PcFace key={pc.id} pc={pc} onPower={(action) => power([pc.id], action)} />
        ))}
        {connected && pcs.length === 0 && <p className="empty">The lab has no PCs.</p>}
      </main>
    </>
  );
}
