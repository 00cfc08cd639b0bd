import type { Signal } from '../../base/disposable.ts';
import type { ImpairmentView, PcView, PowerAction, ScreenView, SwitchPortView } from '../contract/lab.ts';

/** What the lab's routes ask for; the app implements it, so that the API and the lab never meet directly. */
export interface LabControl {
  readonly onChange: Signal<PcView>;
  pcs(): PcView[];
  /** Undefined when there is no such PC. */
  pc(id: string): PcView | undefined;
  power(id: string, action: PowerAction): Promise<void>;
  screen(id: string): Promise<ScreenView>;
  ports(): SwitchPortView[];
  /** False when there is no such port. */
  impair(port: string, impairment: ImpairmentView): boolean;
}
