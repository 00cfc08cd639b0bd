import type { Duplex } from 'node:stream';
import type { Disposable } from '../../base/disposable.ts';
import { LENGTH_BYTES, MAX_STREAM_FRAME, StreamFrameReader, writeStreamFrame } from './frame-stream.ts';
import type { Fabric } from './port.ts';

/**
 * A cable made of a byte stream: QEMU over an inherited socket, libvirt over TCP. Unlike UDP it loses nothing,
 * and it ends when either side does.
 */
export interface StreamCable extends Disposable {
  /** Frames dropped because the device does not take them (a stopped guest), and streams that lost step. */
  readonly counters: { overflow: number; garbage: number };
}

/** A guest that takes no frames must not fill our memory; a real switch's queue is far shorter. */
const MAX_WAITING_BYTES = 4 << 20;
const BATCH_BYTES = 64 << 10;

/** Plugs the device at the other end of `stream` into `fabric`; unplugs it when the stream ends. */
export function connectStreamCable(fabric: Fabric, name: string, stream: Duplex): StreamCable {
  const counters = { overflow: 0, garbage: 0 };
  const reader = new StreamFrameReader();
  let batch: Uint8Array | null = null;
  let used = 0;
  let open = true;

  const flush = () => {
    if (batch && open) stream.write(batch.subarray(0, used));
    batch = null;
  };
  // Frames of one turn of the event loop leave in one write; the shared frame is copied by that.
  const send = (frame: Uint8Array) => {
    const needed = LENGTH_BYTES + frame.length;
    if (frame.length > MAX_STREAM_FRAME || stream.writableLength > MAX_WAITING_BYTES) {
      counters.overflow++;
      return;
    }
    if (batch && used + needed > batch.length) flush();
    if (!batch) {
      batch = Buffer.allocUnsafe(Math.max(BATCH_BYTES, needed));
      used = 0;
      process.nextTick(flush);
    }
    used = writeStreamFrame(batch, used, frame);
  };

  const port = fabric.attach(name, send);
  const onData = (chunk: Uint8Array) => {
    if (reader.push(chunk, (frame) => port.transmit(frame))) return;
    counters.garbage++;
    void dispose();
  };
  const dispose = async () => {
    if (!open) return;
    open = false;
    stream.off('data', onData);
    stream.destroy();
    await port.dispose();
  };
  const onEnd = () => void dispose();
  stream.on('data', onData);
  stream.on('error', onEnd);
  stream.once('close', onEnd);
  return { counters, dispose };
}
