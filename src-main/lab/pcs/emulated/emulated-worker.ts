import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../../base/errors.ts';
import { createEmulator, type Emulator } from './emulator.ts';
import { FrameBatch, framesOf } from './frame-batch.ts';
import type { FromWorker, MachineConfig, ToWorker } from './messages.ts';

/** The thread of one emulated PC: carries messages between the emulator and `EmulatorThread`. */
function say(message: FromWorker, transfer: Uint8Array<ArrayBuffer>[] = []): void {
  parentPort?.postMessage(
    message,
    transfer.map((bytes) => bytes.buffer),
  );
}

const frames = new FrameBatch();
let output: number[] = [];
let flushing = false;

function flush(): void {
  flushing = false;
  if (!frames.empty) {
    const batch = frames.take();
    say({ type: 'frames', batch }, [batch]);
  }
  if (output.length > 0) {
    const data = Uint8Array.from(output);
    output = [];
    say({ type: 'serial', data }, [data]);
  }
}

/** The emulator runs for about a millisecond at a time; what it says in one go leaves as one message. */
function flushSoon(): void {
  if (flushing) return;
  flushing = true;
  queueMicrotask(flush);
}

// Answers keep the order of the questions.
let typing = Promise.resolve();
let drawing = Promise.resolve();

function obey(emulator: Emulator, message: ToWorker): void {
  switch (message.type) {
    case 'frames':
      for (const frame of framesOf(message.batch)) emulator.receive(frame);
      break;
    case 'serial':
      emulator.serial(message.data);
      break;
    case 'type':
      typing = typing.then(() => emulator.type(message.text)).then(() => say({ type: 'typed' }));
      break;
    case 'screen':
      drawing = drawing.then(() => emulator.screen()).then((screen) => say({ type: 'screen', screen }));
      break;
  }
}

try {
  const emulator = await createEmulator(workerData as MachineConfig, {
    frame(frame) {
      frames.add(frame);
      flushSoon();
    },
    serialByte(byte) {
      output.push(byte);
      flushSoon();
    },
    guest(wants) {
      flush();
      say({ type: 'guest', wants });
    },
  });
  parentPort?.on('message', (message: ToWorker) => obey(emulator, message));
  emulator.run();
  say({ type: 'running' });
} catch (error) {
  say({ type: 'failed', problem: messageOf(error) });
}
