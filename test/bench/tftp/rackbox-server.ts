/** Our TFTP server on host sockets, as a process of its own: `rackbox-server.ts <folder>`; prints its port. */
import { systemClock } from '../../../src-main/base/clock.ts';
import { folderFiles } from '../../../src-main/netboot/files/folder-files.ts';
import { startTftpServer } from '../../../src-main/netboot/tftp/tftp-server.ts';
import { LoopbackSegment } from '../../support/loopback-segment.ts';

const segment = new LoopbackSegment();
const server = await startTftpServer({
  segment,
  files: folderFiles(process.argv[2] ?? '.'),
  bootLog: () => {},
  clock: systemClock,
  httpPort: 5248,
});
console.log(segment.hostPort('udp', 69));
process.on('SIGTERM', () => {
  console.error(JSON.stringify(server.counters));
  process.exit(0);
});
