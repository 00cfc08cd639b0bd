/**
 * A TFTP client that does nothing but receive: `client.ts <host> <port> <file> <blksize> <windowsize>`. Prints the
 * bytes received and the seconds taken as JSON. A window of 1 sends no windowsize option.
 */
import { createSocket } from 'node:dgram';
import { decodeTftp, encodeTftp, type TftpOption } from '../../../src-main/protocol/tftp.ts';

const [host = '127.0.0.1', port = '69', file = '', blksize = '512', windowsize = '1'] = process.argv.slice(2);
const options: TftpOption[] = [];
if (blksize !== '512') options.push(['blksize', blksize]);
if (windowsize !== '1') options.push(['windowsize', windowsize]);

let blockSize = 512;
let windowSize = 1;
let received = 0;
let inWindow = 0;
let bytes = 0;
let server = 0;
let gapAcked = false;
const ack = Buffer.from([0, 4, 0, 0]);
const socket = createSocket({
  type: 'udp4',
  recvBufferSize: 4 << 20,
  lookup: (name, _options, done) => done(null, name, 4),
});
const acknowledge = () => {
  ack.writeUInt16BE(received & 0xffff, 2);
  // A copy: the socket may still hold the one before.
  socket.send(Buffer.from(ack), server, host);
};

const started = performance.now();
// Repeats the last ACK when the server falls silent.
let seen = -1;
const watchdog = setInterval(() => {
  if (received === seen && server !== 0) acknowledge();
  seen = received;
}, 1000);

socket.on('message', (data, from) => {
  server ||= from.port;
  if (data[1] !== 3) {
    const packet = decodeTftp(data);
    if (packet?.type === 'error') throw new Error(packet.message);
    if (packet?.type !== 'oack') return;
    for (const [name, value] of packet.options) {
      if (name === 'blksize') blockSize = Number(value);
      if (name === 'windowsize') windowSize = Number(value);
    }
    acknowledge();
    return;
  }
  if (data.readUInt16BE(2) !== ((received + 1) & 0xffff)) {
    // One report of a gap is enough; the server starts over from there.
    if (!gapAcked && windowSize > 1) acknowledge();
    gapAcked = true;
    inWindow = 0;
    return;
  }
  gapAcked = false;
  received++;
  bytes += data.length - 4;
  const last = data.length - 4 < blockSize;
  if (++inWindow < windowSize && !last) return;
  inWindow = 0;
  acknowledge();
  if (!last) return;
  clearInterval(watchdog);
  console.log(
    JSON.stringify({ bytes, seconds: (performance.now() - started) / 1000, blockSize, windowSize }),
  );
  // Time for the last ACK to leave.
  setTimeout(() => socket.close(), 20);
});
socket.send(encodeTftp({ type: 'rrq', filename: file, mode: 'octet', options }), Number(port), host);
