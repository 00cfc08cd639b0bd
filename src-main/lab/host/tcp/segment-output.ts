import { foldChecksum, pseudoHeaderSum, sumWords } from '../../../protocol/checksum.ts';
import {
  ACK,
  encodeTcpHeader,
  FIN,
  NO_TCP_OPTIONS,
  RST,
  SYN,
  TCP_CHECKSUM_OFFSET,
  TCP_HEADER_BYTES,
  TCP_PROTOCOL,
  type TcpOptions,
  type TcpSegment,
  tcpHeaderLength,
} from '../../../protocol/tcp.ts';
import type { IpLayer } from '../ip-layer.ts';
import type { TcpCounters } from './counters.ts';
import type { Flow } from './flow-table.ts';
import type { SendBuffer } from './send-buffer.ts';

/** Bytes that follow the header. */
interface Data {
  source: SendBuffer | null;
  position: number;
  length: number;
}

/**
 * Writes segments straight into the frames of the IP layer. One header record and one callback serve all
 * segments: nothing is allocated for any of them.
 */
export class SegmentOutput {
  readonly #ip: IpLayer;
  readonly #counters: TcpCounters;
  readonly #header = {
    sourcePort: 0,
    destinationPort: 0,
    sequence: 0,
    acknowledgment: 0,
    flags: 0,
    window: 0,
    options: NO_TCP_OPTIONS,
  };
  readonly #data: Data = { source: null, position: 0, length: 0 };
  #pseudoSum = 0;

  constructor(ip: IpLayer, counters: TcpCounters) {
    this.#ip = ip;
    this.#counters = counters;
  }

  /** Sends a segment without data. */
  control(
    flow: Flow,
    flags: number,
    sequence: number,
    acknowledgment: number,
    window: number,
    options: TcpOptions,
  ): void {
    this.#header.options = options;
    this.#data.source = null;
    this.#data.length = 0;
    this.#send(flow, flags, sequence, acknowledgment, window, tcpHeaderLength(options));
  }

  /** Sends `length` bytes of `source`. */
  data(
    flow: Flow,
    flags: number,
    sequence: number,
    acknowledgment: number,
    window: number,
    source: SendBuffer,
    position: number,
    length: number,
  ): void {
    this.#header.options = NO_TCP_OPTIONS;
    this.#data.source = source;
    this.#data.position = position;
    this.#data.length = length;
    this.#send(flow, flags, sequence, acknowledgment, window, TCP_HEADER_BYTES + length);
  }

  /** Answers a segment that belongs to no connection, RFC 9293 §3.10.7.1. Never answers a reset. */
  refuse(flow: Flow, segment: TcpSegment, dataLength: number): void {
    if (segment.flags & RST) return;
    this.#counters.resetsOut++;
    if (segment.flags & ACK)
      return void this.control(flow, RST, segment.acknowledgment, 0, 0, NO_TCP_OPTIONS);
    const length = dataLength + (segment.flags & SYN ? 1 : 0) + (segment.flags & FIN ? 1 : 0);
    this.control(flow, RST | ACK, 0, (segment.sequence + length) >>> 0, 0, NO_TCP_OPTIONS);
  }

  #send(
    flow: Flow,
    flags: number,
    sequence: number,
    acknowledgment: number,
    window: number,
    length: number,
  ): void {
    const header = this.#header;
    header.sourcePort = flow.localPort;
    header.destinationPort = flow.remotePort;
    header.flags = flags;
    header.sequence = sequence;
    header.acknowledgment = acknowledgment;
    header.window = window;
    this.#counters.segmentsOut++;
    this.#pseudoSum = pseudoHeaderSum(flow.localAddress, flow.remoteAddress, TCP_PROTOCOL, length);
    this.#ip.sendIp(TCP_PROTOCOL, flow.remoteAddress, length, this.#write);
  }

  readonly #write = (frame: Uint8Array, offset: number): void => {
    const headerLength = encodeTcpHeader(frame, offset, this.#header);
    const { source, position, length } = this.#data;
    const end = offset + headerLength + length;
    if (source !== null) source.copyTo(frame, offset + headerLength, position, length);
    const checksum = foldChecksum(sumWords(frame, offset, end, this.#pseudoSum));
    frame[offset + TCP_CHECKSUM_OFFSET] = checksum >> 8;
    frame[offset + TCP_CHECKSUM_OFFSET + 1] = checksum & 0xff;
  };
}
